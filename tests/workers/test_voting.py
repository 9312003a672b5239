"""A persona votes of its own accord, signs what it says; a host acknowledges halts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from backend.contracts.ballots import vote_holds
from backend.contracts.signing import VerifyKey
from backend.db.audit.votes import unsigned_votes
from backend.db.gateway import connect
from backend.keys import load_key
from backend.ports import SystemClock
from tests.kit.governance import open_proposal
from tests.kit.money import call
from tests.kit.oversight import PACK, Overseen, overseen_desk
from workers.agent import load
from workers.host import Host

WAIT_S = 20.0
HALTED = {"halt_id": str(uuid4()), "scope": "platform", "scope_id": "*", "reason": "test"}


@pytest.fixture(scope="module")
def desk() -> Generator[Overseen]:
    with overseen_desk() as desk:
        yield desk


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for a condition on the database, with an end."""
    done = threading.Event()
    for _ in range(int(WAIT_S / 0.05)):
        if condition():
            return
        done.wait(0.05)
    raise AssertionError("it did not happen in time")


def test_a_personas_vote_carries_its_signature_and_a_changed_one_does_not_hold(desk: Overseen):
    with psycopg.connect(desk.database.superuser_url) as conn:
        evidence = {"measures": [{"name": "slippage", "n": 200, "low": "1", "high": "2"}]}
        open_proposal(
            conn,
            "parameter",
            "routing.edge_min",
            payload={"parameter": "routing.edge_min", "current": "0", "proposed": "0.1"},
            evidence=evidence,
        )
    desk.tick("strategy_analyst")
    desk.tick("strategy_analyst")
    (vote,) = desk.rows("select * from public.votes")
    assert (vote["voter"], vote["decision"]) == ("strategy_analyst_agent", "approve")
    key = VerifyKey(load_key(desk.keys, "strategy_analyst").public_bytes)
    assert vote_holds(vote, key)
    assert not vote_holds({**vote, "decision": "refuse"}, key)
    assert not vote_holds({**vote, "voter": "risk_sentinel_agent"}, key)
    assert not vote_holds({**vote, "sig": None}, key)
    assert not vote_holds(vote, VerifyKey(load_key(desk.keys, "risk_sentinel").public_bytes))
    with psycopg.connect(desk.database.superuser_url) as conn:
        assert list(unsigned_votes(conn, 1)) == []
        for change, words in (
            ("reason = 'never said'", "not what"),
            ("sig = null", "did not sign"),
            ("voter = 'risk_sentinel_agent'", "a key of strategy_analyst"),
            ("cast_at = cast_at - interval '1 year'", "not valid"),
        ):
            with conn.transaction(force_rollback=True):
                conn.execute("set local session_replication_role = replica")
                conn.execute(f"update public.votes set {change}".encode())
                (found,) = unsigned_votes(conn, 1)
                assert (found.key, words in found.detail) == (str(vote["vote_id"]), True)


def test_every_agent_of_a_running_host_acknowledges_a_halt(desk: Overseen):
    agents = [load(name) for name in ("order", "supervisor", "compliance")]
    urls = {f"{a.name}_agent": desk.database.role_url(f"{a.name}_agent") for a in agents}
    keys = {a.name: load_key(desk.keys, a.name) for a in agents}

    def session(role: str) -> psycopg.Connection[Any]:
        return connect(urls[role])

    host = Host(agents, keys, session, SystemClock(), None, "tests")
    host.start()
    try:
        eventually(lambda: len(desk.rows("select 1 from bus.workers")) == len(agents))
        with psycopg.connect(desk.database.role_url("desk_operator")) as operator:
            call(operator, "governance.record_halts", HALTED)
        told = "select agent from governance.halt_acknowledgements order by agent"
        eventually(lambda: len(desk.rows(told)) == len(agents))
    finally:
        host.stop()
    assert [row["agent"] for row in desk.rows(told)] == ["compliance", "order", "supervisor"]
    assert {row["process_id"] for row in desk.rows(
        "select process_id from governance.halt_acknowledgements"
    )} == {host.process_id}  # fmt: skip


def test_the_sentinel_halts_an_account_whose_loss_reached_its_limit(desk: Overseen):
    with desk.behind() as conn:
        conn.execute("delete from governance.halt_acknowledgements; delete from governance.halts")
        conn.execute(
            "update risk.account_state set equity = 1000, peak_equity = 100000,"
            " day_start_equity = 100000, day = (clock_timestamp() at time zone 'utc')::date"
            " where account_id = 'paper-1'"
        )
        rows = PACK.rows()
        conn.cursor().executemany(
            "insert into risk.limits (policy_hash, scope, scope_id, kind, value, unit)"
            " select p.policy_hash, %(scope)s, %(scope_id)s, %(kind)s, %(value)s, %(unit)s"
            "   from risk.policies p where p.active on conflict do nothing",
            rows,
        )
    desk.tick("risk_sentinel")
    halts = desk.rows("select scope, scope_id, cause, requested_by from governance.halts")
    assert {"scope": "account", "scope_id": "paper-1", "cause": "loss_limit",
            "requested_by": "risk_sentinel_agent"} in halts  # fmt: skip
    assert len(desk.rows("select 1 from bus.events where type = 'system.halt.intent.v1'")) >= 1
