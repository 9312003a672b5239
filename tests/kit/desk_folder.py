"""What a desk's processes need beside their database: passwords, keys, declared agents."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import psycopg

from backend.bootstrap import declare, without_login
from backend.db.roles import AGENTS, SERVICES, agent_role
from backend.ports import SystemClock
from backend.settings import Settings, load_settings
from tests.kit.postgres import Database
from workers.declare import declarations


def environment_of(
    database: Database, home: Path, roles: Iterable[str] = SERVICES, **more: str
) -> dict[str, str]:
    """Write the passwords of roles to a home's keys; return what its processes are told.

    The owner's password is not among it: that is how `desk up` starts its children.
    """
    keys = home / "keys"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = {}
    for role in roles:
        with psycopg.connect(database.role_url(role)) as conn:
            held[role] = conn.info.password
    (keys / "passwords.json").write_text(json.dumps(held))
    return {
        "DATABASE_URL": without_login(database.owner_url),
        "DESK_HOME": str(home),
        "DESK_LOG_LEVEL": "warning",
        **more,
    }


def settings_of(database: Database, home: Path, **more: str) -> Settings:
    """Return the settings of a process of this desk, in which the services may log in."""
    return load_settings(environment_of(database, home, **more))


def declare_all(database: Database, home: Path) -> None:
    """Tell the bus about every agent, with a key of its own in the home."""
    with psycopg.connect(database.owner_url, autocommit=True) as conn:
        declare(conn, home / "keys", declarations(), SystemClock().now())


def agent_logins(agents: Iterable[str] = AGENTS) -> tuple[str, ...]:
    """Name what the services and these agents log in as."""
    return (*SERVICES, *(agent_role(agent) for agent in agents))
