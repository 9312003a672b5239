"""Settings of a process that works beside a desk that runs already."""

from __future__ import annotations

from pydantic import SecretStr

from backend.settings import Settings


def with_database(settings: Settings) -> Settings:
    """Return settings that name the database, found in this home unless DATABASE_URL is set."""
    if settings.external_database is not None:
        return settings
    from backend.bootstrap import without_login
    from cli.sessions import owner_url_of

    url = without_login(owner_url_of(settings))
    return settings.model_copy(update={"database_url": SecretStr(url)})
