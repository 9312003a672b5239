"""The cluster's part: login roles, groups and their passwords. Roles are cluster-wide."""

from __future__ import annotations

import json
import os
import secrets as entropy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from backend.errors import DeskError

OWNER = "desk_owner"
API = "desk_api"

AGENTS = (
    "market_data",
    "intake",
    "normalizer",
    "rationale_scorer",
    "strategy_analyst",
    "execution_overseer",
    "strategy_router",
    "portfolio",
    "risk",
    "policy_guard",
    "order",
    "execution",
    "hedger",
    "compliance",
    "reporter",
    "risk_sentinel",
    "treasury",
    "feedback",
    "supervisor",
    "housekeeping",
    "optimizer",
    "orchestrator",
    "notifier",
)
"""The agents, in the order of the chain: one login role and one file each."""

GROUPS = ("desk_agents", "treasury_operator", "auditor")
"""NOLOGIN: people get a login of their own and membership."""

SEALER = "desk_sealer"
"""Reads the record as desk_reader does, and appends seals."""

SERVICES = (API, "desk_operator", "edge_intake", "desk_reader", SEALER)

PEOPLE = ("treasury_operator", "auditor", "desk_operator")
"""What a person may be; the API becomes one of these for the length of a request."""

SUPABASE = ("anon", "authenticated", "service_role")
"""Roles that Supabase hands new objects to; ours are taken back from them."""


def agent_role(agent: str) -> str:
    """Return the role that an agent logs in as."""
    return f"{agent}_agent"


LOGINS = (*(agent_role(agent) for agent in AGENTS), *SERVICES)


def ensure_roles(conn: Connection[Any]) -> list[str]:
    """Create what is missing and let this login become the owner. Returns what was created.

    Runs as any login with CREATEROLE. Everything is looked up first, so that a cluster
    that has its roles is only read: databases of one cluster may be upgraded side by side.
    """
    known = _names(conn, "select rolname from pg_catalog.pg_roles")
    created: list[str] = []
    for role in (OWNER, *GROUPS, *LOGINS):
        if role not in known:
            # What is off by default stays unsaid: before 16 naming it needs a superuser.
            login = "login" if role in LOGINS else "nologin"
            # The API holds every person's role and must use none of them unasked.
            inherit = "noinherit" if role == API else "inherit"
            conn.execute(
                sql.SQL("create role {} {} {}").format(
                    sql.Identifier(role), sql.SQL(login), sql.SQL(inherit)
                )
            )
            created.append(role)
    wanted = {("desk_agents", agent_role(agent)) for agent in AGENTS}
    wanted |= {(role, API) for role in PEOPLE}
    wanted.add(("desk_reader", SEALER))
    for group, member in sorted(wanted - _memberships(conn)):
        conn.execute(
            sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(member))
        )
    _become_able_to_own(conn)
    return created


def _memberships(conn: Connection[Any]) -> set[tuple[str, str]]:
    rows = conn.execute(
        "select m.roleid::regrole::text, m.member::regrole::text from pg_catalog.pg_auth_members m"
    ).fetchall()
    return {(group, member) for group, member in rows}


def _become_able_to_own(conn: Connection[Any]) -> None:
    """Grant the owner role to this login: it must be able to SET ROLE to it."""
    # 16 tells SET apart from membership; there, a creator has ADMIN but not SET.
    verb = "SET" if conn.info.server_version >= 160000 else "MEMBER"
    row = conn.execute(
        "select pg_catalog.pg_has_role(current_user, %s, %s)", (OWNER, verb)
    ).fetchone()
    if row is not None and not row[0]:
        conn.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(OWNER)))


def set_passwords(conn: Connection[Any], secrets: Mapping[str, str]) -> None:
    """Give login roles their passwords, as SCRAM verifiers: the server never sees the text."""
    for role, password in secrets.items():
        verifier = conn.pgconn.encrypt_password(
            password.encode(), role.encode(), b"scram-sha-256"
        ).decode()
        conn.execute(
            sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier))
        )


def ensure_passwords(folder: Path) -> dict[str, str]:
    """Read `passwords.json` of a folder, adding a random password for each role without one.

    The file is readable by its owner only. Raises DeskError roles.passwords if it is no JSON.
    """
    path = folder / "passwords.json"
    held: dict[str, str] = {}
    if path.is_file():
        try:
            held = json.loads(path.read_text())
        except ValueError as error:
            raise DeskError(
                "roles.passwords",
                f"{path} is not JSON: {error}",
                "restore it, or delete it to have new passwords made",
            ) from None
    missing = [role for role in LOGINS if role not in held]
    if missing:
        held |= {role: entropy.token_urlsafe(24) for role in missing}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = folder / f".passwords.{entropy.token_hex(4)}"
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(held, file, indent=2)
        beside.replace(path)
    return held


def _names(conn: Connection[Any], query: str) -> set[str]:
    return {row[0] for row in conn.execute(query.encode()).fetchall()}
