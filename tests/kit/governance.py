"""People with logins of their own, proposals, and votes under real sessions."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from tests.kit.money import call
from tests.kit.postgres import Database

PERSONAS = ("strategy_analyst", "execution_overseer", "risk_sentinel", "compliance")


@contextmanager
def people(
    database: Database, *names: str, role: str = "treasury_operator", org_id: str | None = "demo"
) -> Generator[dict[str, str]]:
    """Lend logins of people, registered as voters; logins belong to the whole server."""
    logins = {name: f"{name}_{database.name}" for name in names}
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        for name, login in logins.items():
            conn.execute(
                sql.SQL("create role {} login in role {}").format(
                    sql.Identifier(login), sql.Identifier(role)
                )
            )
            conn.execute(
                "insert into governance.voters (voter, kind, role_name, display_name, org_id)"
                " values (%s, 'human', %s, %s, %s)",
                (login, role, name, org_id),
            )
    try:
        yield logins
    finally:
        with psycopg.connect(database.superuser_url, autocommit=True) as conn:
            for login in logins.values():
                conn.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(login)))


def as_voter(conn: Connection[Any], name: str) -> None:
    """Become another login for the rest of the transaction, as only a superuser can."""
    conn.execute(sql.SQL("set local session authorization {}").format(sql.Identifier(name)))


def a_proposal(kind: str, subject: str = "something", **changes: Any) -> dict[str, Any]:
    """Give an item for `governance.open_proposals`."""
    item = {"proposal_id": str(uuid4()), "org_id": "demo", "kind": kind, "subject": subject}
    return {**item, **changes}


def a_vote(proposal_id: str, decision: str = "approve", reason: str = "looks sound") -> Any:
    """Give an item for `governance.cast_votes`."""
    return {"proposal_id": proposal_id, "decision": decision, "reason": reason}


def open_proposal(conn: Connection[Any], kind: str, subject: str = "it", **changes: Any) -> str:
    """Open a proposal as whoever the session is. Returns its id."""
    item = a_proposal(kind, subject, **changes)
    return call(conn, "governance.open_proposals", item)[0]["proposal_id"]


def pass_proposal(
    conn: Connection[Any],
    kind: str,
    subject: str,
    payload: dict[str, Any] | None = None,
    evidence: dict[str, Any] | None = None,
) -> str:
    """Write, as only a superuser can, that a proposal was opened and passed."""
    proposal_id = str(uuid4())
    conn.execute(
        "insert into public.proposals (proposal_id, org_id, kind, subject, proposed_by, payload,"
        " evidence, expires_at)"
        " values (%s, 'demo', %s, %s, 'test', %s, %s, clock_timestamp() + interval '1 h')",
        (proposal_id, kind, subject, Jsonb(payload or {}), Jsonb(evidence or {})),
    )
    conn.execute("select governance.record_event(%s, 'approved', '{}')", (proposal_id,))
    return proposal_id


def take_live(conn: Connection[Any], account_id: str) -> None:
    """Let an account trade real money as a superuser can: past the vote that it takes."""
    conn.execute("set local session_replication_role = replica")
    conn.execute("update public.accounts set mode = 'live' where account_id = %s", (account_id,))
    conn.execute("set local session_replication_role = origin")


def age_proposals(conn: Connection[Any]) -> None:
    """Let every proposal's time be over, past the trigger that keeps proposals as they are."""
    conn.execute("set local session_replication_role = replica")
    conn.execute(
        "update public.proposals set opened_at = opened_at - interval '2 days',"
        " expires_at = clock_timestamp()"
    )
    conn.execute("set local session_replication_role = origin")
