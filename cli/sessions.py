"""How verbs reach the desk's database: the running desk of this home, or DATABASE_URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from backend.settings import Settings

if TYPE_CHECKING:
    from psycopg import Connection


@contextmanager
def session_as(settings: Settings, role: str) -> Iterator[Connection[Any]]:
    """Lend a session under one of the desk's roles. Raises DeskError desk.not_running."""
    import psycopg

    from backend.db.roles import ensure_passwords

    url = role_url_of(settings, role, ensure_passwords(settings.keys)[role])
    with psycopg.connect(url, autocommit=True, application_name="desk cli") as conn:
        yield conn


@contextmanager
def owner_session(settings: Settings) -> Iterator[Connection[Any]]:
    """Lend a transaction as the owner, for what only the owner may do."""
    import psycopg

    from backend.runtime.desk_processes import find_servers

    with psycopg.connect(find_servers(settings).owner_url) as conn:
        conn.execute("set local role desk_owner")
        yield conn


def role_url_of(settings: Settings, role: str, password: str) -> str:
    """Return the desk's database URL under a role."""
    from backend.runtime.desk_processes import find_servers

    return find_servers(settings).url(role, password)
