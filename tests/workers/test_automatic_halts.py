"""What halts the desk of its own accord, brought about for real and seen by who watches."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest
from psycopg.types.json import Jsonb

from backend.policies import apply_pack
from tests.kit.oversight import PACK, Overseen, overseen_desk

# The sentinel looks at the pack every ten seconds.
READS_PACK = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def furnished() -> Generator[Overseen]:
    with overseen_desk() as desk:
        with desk.behind() as conn:
            apply_pack(conn, PACK, applied_by="tests")
        yield desk


@pytest.fixture
def desk(furnished: Overseen) -> Generator[Overseen]:
    yield furnished
    with furnished.behind() as conn:
        conn.execute("truncate governance.halts, governance.halt_acknowledgements")
        conn.execute("delete from bus.workers")
        conn.execute("update risk.account_state set as_of = clock_timestamp(), equity = 100000,"
                     " day_start_equity = 100000, peak_equity = 100000")  # fmt: skip


def halts(desk: Overseen) -> list[tuple[str, str, str, bool]]:
    rows = desk.rows("select scope, scope_id, cause, cancel_working_orders from governance.halts")
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


def test_a_pack_in_force_as_it_was_approved_halts_nothing(desk: Overseen) -> None:
    desk.tick("risk_sentinel", READS_PACK)
    assert halts(desk) == []


def test_a_pack_whose_text_was_altered_halts_the_platform(desk: Overseen) -> None:
    body = PACK.model_dump(mode="json") | {"version": "2026-01-01.9"}
    with desk.behind() as conn:
        conn.execute("update risk.policies set body = %s where active", (Jsonb(body),))
    desk.tick("risk_sentinel", READS_PACK)
    assert halts(desk) == [("platform", "*", "policy_mismatch", True)]
    with desk.behind() as conn:
        conn.execute(
            "update risk.policies set body = %s where active",
            (Jsonb(PACK.model_dump(mode="json")),),
        )


@pytest.mark.parametrize(
    "tampering",
    [
        "update risk.limits set value = value * 2 where kind = 'daily_loss_hard_pct'",
        "delete from risk.limits where kind = 'drawdown_pct'",
        "insert into risk.limits select policy_hash, 'account', 'paper-1', kind, 1, unit"
        " from risk.limits where kind = 'leverage' limit 1",
    ],
)
def test_limits_that_are_not_those_of_the_approved_pack_halt_the_platform(
    desk: Overseen, tampering: str
) -> None:
    with desk.behind() as conn:
        conn.execute("create table pg_temp.held as select * from risk.limits")
        conn.execute(tampering.encode())
        desk.tick("risk_sentinel", READS_PACK)
        conn.execute("delete from risk.limits")
        conn.execute("insert into risk.limits select * from pg_temp.held")
        conn.execute("drop table pg_temp.held")
    assert halts(desk) == [("platform", "*", "policy_mismatch", True)]


def test_a_loss_limit_cancels_what_a_softer_halt_left_working(desk: Overseen) -> None:
    with desk.behind() as conn:
        conn.execute(
            "insert into governance.halts (halt_id, scope, scope_id, cause, reason, requested_by)"
            " values (%s, 'account', 'paper-1', 'reconciliation', 'a difference', 'execution')",
            (uuid4(),),
        )
        conn.execute(
            "insert into risk.account_state (account_id, equity, peak_equity, day,"
            " day_start_equity, realized_today, as_of) values ('paper-1', 1000, 100000,"
            " (clock_timestamp() at time zone 'utc')::date, 100000, 0, clock_timestamp())"
            " on conflict (account_id) do update set equity = 1000"
        )
    for _ in range(2):
        desk.tick("risk_sentinel")
    assert halts(desk) == [("account", "paper-1", "reconciliation", True)]
    (row,) = desk.rows(
        "select detail -> 'cancelled_for' ->> 'cause' as cause from governance.halts"
    )
    assert row == {"cause": "loss_limit"}


def test_a_venue_that_fell_silent_is_halted_and_one_that_never_spoke_is_not(
    desk: Overseen,
) -> None:
    with desk.behind() as conn:
        conn.execute("update risk.account_state set as_of = clock_timestamp() - interval '3 min'")
        conn.execute(
            "insert into bus.workers (worker_id, process_id, agent, host, pid, version, started_at,"
            " lease_until) values (%s, %s, 'market_data', 'h', 1, 'v', clock_timestamp(),"
            " clock_timestamp() + interval '1 hour')",
            (uuid4(), uuid4()),
        )
    desk.tick("supervisor")
    assert halts(desk) == []
    with desk.behind() as conn:
        conn.execute("update bus.workers set started_at = clock_timestamp() - interval '1 hour'")
    desk.tick("supervisor")
    assert halts(desk) == [("venue", "mt5-paper", "connectivity", False)]


def test_the_packs_hash_is_that_of_its_text(desk: Overseen) -> None:
    (row,) = desk.rows("select policy_hash, body from risk.policies where active")
    told = hashlib.sha256(orjson.dumps(row["body"], option=orjson.OPT_SORT_KEYS)).hexdigest()
    assert told == row["policy_hash"]
