"""Nobody says a thing twice, says it in another's name, or acts on what another holds."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from backend.contracts.signing import SigningKey
from backend.db import bus
from backend.db.gateway import DenialRaised
from backend.db.roles import AGENTS, agent_role
from tests.kit.attacks import fingerprint, logged_in, read_catalogue
from tests.kit.bus import Worker, a_note, declare, new_id, publish, session
from tests.kit.postgres import Database, fresh_database


@dataclass(frozen=True)
class Desk:
    database: Database
    keys: dict[str, SigningKey]


@pytest.fixture(scope="module")
def desk() -> Generator[Desk]:
    with fresh_database() as database:
        yield Desk(database, declare(database))


def said(desk: Desk, role: str, *messages: dict[str, Any]) -> list[str | None]:
    """Publish as a role; the codes, and nothing of it was heard where there is one."""
    with session(desk.database, role) as conn:
        return [answer["code"] for answer in publish(conn, *messages)]


def heard(desk: Desk) -> int:
    with psycopg.connect(desk.database.superuser_url) as conn:
        row = conn.execute("select count(*) from bus.events").fetchone()
    assert row is not None
    return row[0]


def test_a_signed_message_is_not_said_again_by_anyone(desk: Desk) -> None:
    note = a_note(desk.keys["orchestrator"])
    assert said(desk, "orchestrator_agent", note) == [None]
    before = heard(desk)
    for role in ("orchestrator_agent", "supervisor_agent", "risk_agent"):
        assert said(desk, role, note) == ["TR102"]
    assert said(desk, "orchestrator_agent", {**note, "msg_id": str(new_id())}) == ["TR102"]
    assert heard(desk) == before


@pytest.mark.parametrize("agent", [name for name in AGENTS if name != "orchestrator"])
def test_no_agent_publishes_in_anothers_name(desk: Desk, agent: str) -> None:
    before = heard(desk)
    note = a_note(desk.keys["orchestrator"])
    assert said(desk, agent_role(agent), note) == ["TR107"]
    assert heard(desk) == before


def test_a_forged_a_borrowed_and_a_revoked_key_say_nothing(desk: Desk) -> None:
    before = heard(desk)
    forged = a_note(SigningKey(uuid4().bytes * 2))
    borrowed = a_note(desk.keys["supervisor"])
    assert said(desk, "orchestrator_agent", forged, borrowed) == ["TR104", "TR104"]
    assert said(desk, "orchestrator_agent", a_note(desk.keys["orchestrator"], ttl_ms=-1)) != [None]
    assert heard(desk) == before


@pytest.mark.parametrize("agent", AGENTS)
def test_no_agent_registers_or_revokes_a_key_or_declares_itself(desk: Desk, agent: str) -> None:
    with logged_in(desk.database.role_url(agent_role(agent))) as conn:
        for statement in (
            "select bus.register_key('risk', 'mine', 'x', now())",
            "select bus.revoke_key('x', 'y')",
            "select bus.declare_agents('[]')",
            "select bus.append('risk', '[]', null, '{}')",
            "select bus.deliver_row('risk', 'x', gen_random_uuid(), 'k', 'demo', null, 1)",
            "update bus.agents set role_name = session_user",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement.encode())


def test_no_agent_settles_retries_releases_or_claims_what_another_holds(desk: Desk) -> None:
    said(desk, "orchestrator_agent", a_note(desk.keys["orchestrator"], ordering_key=str(uuid4())))
    with (
        session(desk.database, "supervisor_agent") as supervisor,
        session(desk.database, "supervisor_agent") as colleague,
        session(desk.database, "orchestrator_agent") as orchestrator,
    ):
        holder = Worker(supervisor).register()
        held = holder.claim(100)
        assert held
        ids = [row["delivery_id"] for row in held]
        with psycopg.connect(desk.database.superuser_url) as conn:
            catalogue = read_catalogue(conn)
            before = fingerprint(conn, catalogue)
        for thief in (orchestrator, colleague):
            mine = Worker(thief, worker_id=holder.worker_id if thief is orchestrator else new_id())
            for act in (
                lambda mine=mine: mine.settle(*held),
                lambda mine=mine: mine.retry(held[0], final=True),
            ):
                with pytest.raises(DenialRaised) as caught:
                    act()
                assert caught.value.code == "TR108"
            assert mine.claim(100) == []
            assert bus.release(thief, mine.worker_id, ids) == 0
            assert bus.recover(thief, mine.worker_id) == 0
            with pytest.raises(DenialRaised):
                mine.lease()
            bus.stop_worker(thief, mine.worker_id)
        with psycopg.connect(desk.database.superuser_url) as conn:
            after = fingerprint(conn, catalogue)
        assert {n for n in before if before[n] != after[n]} == set()
        holder.settle(*held)
