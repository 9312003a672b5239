"""Strategies and venues that rest: nothing opens, until time or votes end it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.kit import money_sessions
from tests.kit.conditions import measured
from tests.kit.money import (
    a_pack,
    authorize_one,
    call,
    hold,
    scalar,
    use,
)

desk, conn = money_sessions.desk, money_sessions.conn


@pytest.mark.parametrize(("scope", "of"), [("strategy", "tv-smc"), ("venue", "mt5-paper")])
def test_who_rests_opens_nothing_until_time_or_votes_end_it(conn: Any, scope: str, of: str) -> None:
    rest = {"cooldown_id": str(uuid4()), "scope": scope, "scope_id": of, "reason": "test"}
    call(conn, "risk.start_cooldowns", {**rest, "rests_s": 600})
    assert authorize_one(conn)["code"] == "TR349"
    hold(conn, "EURUSD", "5")
    assert authorize_one(conn, side="SELL", quantity="1")["code"] is None
    conn.execute("update risk.cooldowns set rests_until = clock_timestamp()")
    assert authorize_one(conn)["code"] is None


def test_a_cooldown_is_only_ever_prolonged(conn: Any) -> None:
    rest = {"scope": "venue", "scope_id": "mt5-paper", "reason": "test"}

    def start(rests_s: int | None) -> Any:
        item = {**rest, "cooldown_id": str(uuid4()), "rests_s": rests_s}
        call(conn, "risk.start_cooldowns", item)
        return scalar(conn, "select rests_until from risk.cooldowns where ended_at is null")

    first = start(600)
    assert start(60) == first
    assert start(None) is None
    assert start(60) is None


def test_a_cooldown_ends_early_by_a_passed_proposal_only(conn: Any) -> None:
    rest = {"cooldown_id": str(uuid4()), "scope": "strategy", "scope_id": "tv-smc"}
    call(conn, "risk.start_cooldowns", {**rest, "reason": "test", "rests_s": None})
    end = {"cooldown_id": rest["cooldown_id"]}
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        call(conn, "risk.end_cooldowns", end)
    assert caught.value.sqlstate == "TR512"
    proposal_id = uuid4()
    conn.execute(
        "insert into public.proposals (proposal_id, org_id, kind, subject, proposed_by, expires_at)"
        " values (%s, 'demo', 'end_cooldown', %s, 'test', clock_timestamp() + interval '1 h')",
        (proposal_id, rest["cooldown_id"]),
    )
    conn.execute("select governance.record_event(%s, 'approved', '{}')", (proposal_id,))
    call(conn, "risk.end_cooldowns", end)
    assert authorize_one(conn)["code"] is None
    state = "select state from public.proposals where proposal_id = %s"
    assert scalar(conn, state, proposal_id) == "executed"


def test_only_what_exists_can_rest(conn: Any) -> None:
    item = {"cooldown_id": str(uuid4()), "scope": "venue", "scope_id": "nowhere", "reason": "x"}
    with pytest.raises(psycopg.Error) as caught:
        call(conn, "risk.start_cooldowns", item)
    assert caught.value.sqlstate == "TR350"


def test_whoever_is_past_a_brake_is_sent_to_rest(conn: Any) -> None:
    use(conn, a_pack({"venue": {"*": {"rejection_rate_pct": "10"}}}, cooldown_s=900))
    measured(conn, "rejection_rate_pct", "venue", "mt5-paper", "11")
    assert scalar(conn, "select risk.cool_down_braked()") == 1
    assert scalar(conn, "select risk.cool_down_braked()") == 0
    measured(conn, "rejection_rate_pct", "venue", "mt5-paper", "0")
    assert authorize_one(conn)["code"] == "TR349"
