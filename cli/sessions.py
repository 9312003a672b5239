"""How verbs reach the desk's database: DATABASE_URL, or the running desk of this home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from backend.errors import DeskError
from backend.settings import Settings

if TYPE_CHECKING:
    from psycopg import Connection


@contextmanager
def session_as(settings: Settings, role: str) -> Iterator[Connection[Any]]:
    """Lend a session under one of the desk's roles. Raises DeskError."""
    from backend.db.gateway import connect, dsn_for
    from backend.db.roles import ensure_passwords

    url = owner_url_of(settings)
    dsn = dsn_for(url, role, ensure_passwords(settings.keys)[role])
    with _explained(role), connect(dsn, application_name="desk cli") as conn:
        yield conn


@contextmanager
def owner_session(settings: Settings) -> Iterator[Connection[Any]]:
    """Lend a transaction as the owner, for what only the owner may do. Raises DeskError."""
    from backend.db.gateway import connect

    url = owner_url_of(settings)
    with (
        _explained("the owner"),
        connect(url, application_name="desk cli", autocommit=False) as conn,
    ):
        conn.execute("set local role desk_owner")
        yield conn


def owner_url_of(settings: Settings) -> str:
    """Return the owner's URL of the database. Raises DeskError desk.not_running."""
    if settings.external_database is not None:
        return settings.external_database
    from backend.runtime.desk_processes import find_servers

    return find_servers(settings).owner_url


@contextmanager
def _explained(who: str) -> Iterator[None]:
    """Turn what a person can mend into DeskErrors; bugs pass unchanged."""
    import psycopg

    from backend.contracts.denials import Code
    from backend.db.gateway import DenialRaised, Fault, translated

    try:
        with translated():
            yield
    except DenialRaised as denied:
        code = Code.of_number(denied.code)
        meaning = code.meaning if code else str(denied)
        raise DeskError(denied.code, f"the desk says no: {meaning}") from None
    except Fault as fault:
        raise DeskError(
            "database.unreachable",
            f"the database does not answer {who}: {str(fault).strip().splitlines()[0]}",
            "check DATABASE_URL, DESK_KEYS and that the server runs",
        ) from None
    except psycopg.errors.UndefinedTable:
        raise DeskError(
            "db.not_migrated", "the database is not migrated", "`desk db upgrade`"
        ) from None
