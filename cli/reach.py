"""Settings of a process that works beside a desk that runs already."""

from __future__ import annotations

from pydantic import SecretStr

from backend.errors import DeskError
from backend.settings import Settings

_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})


def with_database(settings: Settings) -> Settings:
    """Return settings that name the database, found in this home unless DATABASE_URL is set."""
    if settings.external_database is not None:
        return settings
    from backend.bootstrap import without_login
    from cli.sessions import owner_url_of

    url = without_login(owner_url_of(settings))
    return settings.model_copy(update={"database_url": SecretStr(url)})


def require_tls(settings: Settings) -> None:
    """Refuse a database elsewhere that would be spoken to in the clear. Raises DeskError work.tls.

    A bridge stands where its terminal does, so its passwords and orders cross a network.
    """
    from psycopg.conninfo import conninfo_to_dict

    from backend.db.gateway import libpq_url

    parts = conninfo_to_dict(libpq_url(settings.external_database or ""))
    host = str(parts.get("hostaddr") or parts.get("host") or "")
    near = host in ("", "localhost", "::1") or host.startswith(("127.", "/"))
    if near or str(parts.get("sslmode")) in _ENCRYPTED:
        return
    raise DeskError(
        "work.tls",
        f"the database at {host} would be reached without TLS",
        "add ?sslmode=verify-full&sslrootcert=FILE to DATABASE_URL",
    )
