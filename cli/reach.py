"""Settings of a process that works beside a desk that runs already."""

from __future__ import annotations

from pydantic import SecretStr

from backend.settings import Settings


def with_database(settings: Settings) -> Settings:
    """Return settings that name the database, found in this home unless DATABASE_URL is set."""
    if settings.external_database is not None:
        return settings
    from backend.bootstrap import without_login
    from backend.runtime.desk_processes import find_servers

    url = without_login(find_servers(settings).owner_url)
    return settings.model_copy(update={"database_url": SecretStr(url)})
