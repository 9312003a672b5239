"""Housekeeping and optimizer on a real database: what ends, what is cleared, what is proposed."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.kit.bus import new_id, session
from tests.kit.oversight import Overseen, overseen_desk
from tests.kit.trading_desk import ask


@pytest.fixture(scope="module")
def desk() -> Generator[Overseen]:
    """Lend one overseen desk to the module."""
    with overseen_desk() as desk:
        yield desk


@pytest.fixture(autouse=True)
def _clean(desk: Overseen) -> None:
    """Begin each test with nothing due."""
    with desk.behind() as conn:
        conn.execute(
            "truncate bus.workers, bus.deliveries, bus.parked_keys, bus.refused,"
            " ops.idempotency_keys, intake.duplicates, public.review_queue, public.intents,"
            " public.proposals, public.alert_outcomes, risk.reservations,"
            " public.decision_deltas, public.decision_traces cascade"
        )


def authorize(desk: Overseen) -> Any:
    """Leave an authorisation whose time is over, with what it holds."""
    intent, correlation = new_id(), new_id()
    with desk.behind() as conn:
        conn.execute(
            "insert into intents (intent_id, correlation_id, org_id, account_id, strategy_id,"
            " venue_id, symbol, side, order_type, mode, requested_quantity, authorized_quantity,"
            " notional, reference_price, state, expires_at) values (%s, %s, 'demo', 'paper-1',"
            " 'tv-smc', 'mt5-paper', 'EURUSD', 'BUY', 'market', 'paper', 1, 1, 110000, 1.1,"
            " 'authorized', clock_timestamp() - interval '1 second')",
            (intent, correlation),
        )
        conn.execute(
            "insert into risk.reservations (intent_id, account_id, symbol, side, quantity,"
            " remaining_quantity, notional, remaining_notional)"
            " values (%s, 'paper-1', 'EURUSD', 'BUY', 1, 1, 110000, 110000)",
            (intent,),
        )
    return correlation


def open_review(desk: Overseen, age_days: int) -> Any:
    correlation = new_id()
    with desk.behind() as conn:
        conn.execute(
            "insert into review_queue (review_id, correlation_id, org_id, kind, subject_id,"
            " reason_code, opened_at) values (gen_random_uuid(), %s, 'demo', 'signal',"
            " gen_random_uuid(), 'TR235', clock_timestamp() - %s * interval '1 day')",
            (correlation, age_days),
        )
        conn.execute(
            "select ops.record_outcome(%s, 'demo', 'in_review', null, 'rationale_scorer',"
            " clock_timestamp())",
            (correlation,),
        )
    return correlation


def outcome(desk: Overseen, correlation: Any) -> tuple[str, str | None]:
    (row,) = desk.rows(
        "select outcome, code from alert_outcomes where correlation_id = %s", correlation
    )
    return row["outcome"], row["code"]


def test_an_authorisation_that_never_became_an_order_ends_its_alert(desk: Overseen):
    correlation = authorize(desk)

    desk.tick("housekeeping")

    assert outcome(desk, correlation) == ("expired", "TR408")
    assert desk.rows("select released_by from risk.reservations") == [{"released_by": "expiry"}]
    (trace,) = desk.traces("housekeeping")
    assert trace["explanation"] == "1 authorisations ended unused."


def test_a_review_that_nobody_decided_in_a_week_ends_its_alert(desk: Overseen):
    old, young = open_review(desk, 8), open_review(desk, 6)

    desk.tick("housekeeping")
    desk.tick("housekeeping")

    assert outcome(desk, old) == ("expired", "TR242")
    assert outcome(desk, young) == ("in_review", None)
    assert len(desk.traces("housekeeping")) == 1


def test_what_passed_is_cleared_without_a_trace_and_the_rest_stays(desk: Overseen):
    with desk.behind() as conn:
        for days in (1, 40):
            conn.execute(
                "insert into ops.idempotency_keys (person, key, route, body_sha256, created_at)"
                " values ('p', %s::text, '/', sha256(''),"
                " clock_timestamp() - %s * interval '1 day')",
                (days, days),
            )
            conn.execute(
                "insert into intake.duplicates (duplicate_id, alert_id, source_id, received_at,"
                " body) values (gen_random_uuid(), gen_random_uuid(), 'tv',"
                " clock_timestamp() - %s * interval '1 day', 'x')",
                (days,),
            )
        conn.execute(
            "insert into bus.parked_keys (agent, ordering_key, until, msg_id, reason) values"
            " ('risk', 'a', clock_timestamp() - interval '5 minutes', gen_random_uuid(), 'x'),"
            " ('risk', 'b', clock_timestamp() + interval '5 minutes', gen_random_uuid(), 'x')"
        )
        conn.execute(
            "insert into bus.workers (worker_id, process_id, agent, host, pid, version,"
            " lease_until) values (gen_random_uuid(), gen_random_uuid(), 'risk', 'h', 1, 'v',"
            " clock_timestamp() - interval '1 hour'), (gen_random_uuid(), gen_random_uuid(),"
            " 'risk', 'h', 1, 'v', clock_timestamp())"
        )

    desk.tick("housekeeping")

    assert desk.rows("select key from ops.idempotency_keys") == [{"key": "1"}]
    assert len(desk.rows("select 1 from intake.duplicates")) == 1
    assert desk.rows("select ordering_key from bus.parked_keys") == [{"ordering_key": "b"}]
    assert len(desk.rows("select 1 from bus.workers")) == 1
    assert desk.traces("housekeeping") == []


def test_a_missing_partition_is_made(desk: Overseen):
    (day,) = desk.rows("select to_char(clock_timestamp() at time zone 'UTC', 'YYYYMMDD') as day")
    name = f"public.market_ticks_p{day['day']}"
    with desk.behind() as conn:
        conn.execute(f"drop table {name}".encode())

    desk.tick("housekeeping")

    assert desk.rows("select to_regclass(%s) is not null as made", name) == [{"made": True}]


def test_only_partitions_past_their_retention_are_dropped(desk: Overseen):
    with desk.behind() as conn:
        conn.execute("set role desk_owner")
        conn.execute("select ops.ensure_partitions('2020-01-01', 1)")
    with session(desk.database, "housekeeping_agent") as conn:
        (found,) = ask(conn, "ops.expired_partitions", {})
        due = {row["partition"] for row in found["partitions"]}
        assert due == {
            "bus.events_p20200101",
            "public.decision_traces_p20200101",
            "public.market_ticks_p20200101",
        }
        answers = ask(
            conn,
            "ops.drop_partitions",
            {"partition": "public.market_ticks_p20200101"},
            {"partition": "public.order_events_p20200101"},
            {"partition": "public.orders"},
        )
        again = ask(conn, "ops.drop_partitions", {"partition": "public.market_ticks_p20200101"})
    assert [answer["dropped"] for answer in answers] == [True, False, False]
    assert [answer["why"] for answer in again] == ["not due"]
    assert desk.rows("select to_regclass('public.market_ticks_p20200101') as gone")[0] == {
        "gone": None
    }


def test_events_that_someone_has_still_to_hear_keep_their_partition(desk: Overseen):
    with desk.behind() as conn:
        conn.execute("set role desk_owner")
        conn.execute("select ops.ensure_partitions('2020-01-02', 1)")
        conn.execute(
            "insert into bus.deliveries (agent, shard, ordering_key, msg_id, event_published_at,"
            " event_seq, correlation_id, org_id) values ('risk', 0, 'a', gen_random_uuid(),"
            " '2020-01-02 10:00+00', 1, gen_random_uuid(), 'demo')"
        )
    item = {"partition": "bus.events_p20200102"}
    with session(desk.database, "housekeeping_agent") as conn:
        (kept,) = ask(conn, "ops.drop_partitions", item)
        with desk.behind() as behind:
            behind.execute("truncate bus.deliveries")
        (dropped,) = ask(conn, "ops.drop_partitions", item)
    assert (kept["why"], dropped["dropped"]) == ("still awaited", True)


def closed_orders(desk: Overseen, count: int, slippage: str = "2") -> None:
    with desk.behind() as conn, conn.cursor() as cursor:
        cursor.executemany(
            "insert into decision_deltas (order_id, correlation_id, org_id, predicted, realized,"
            " closed_at) values (gen_random_uuid(), gen_random_uuid(), 'demo', %s, %s,"
            " clock_timestamp())",
            [
                (
                    Jsonb({"r": "0.5", "slippage_bps": "1"}),
                    Jsonb(
                        {
                            "slippage_delta_bps": f"{slippage}.{index % 3}",
                            "closed_by": "other",
                            "fill_ratio": "1",
                            "label": "flat",
                        }
                    ),
                )
                for index in range(count)
            ],
        )


def test_evidence_becomes_one_open_proposal_that_nobody_applied(desk: Overseen):
    closed_orders(desk, 120)

    desk.tick("optimizer")
    desk.tick("optimizer")

    (proposal,) = desk.rows("select * from proposals")
    assert (proposal["kind"], proposal["state"], proposal["proposed_by"]) == (
        "parameter",
        "open",
        "optimizer_agent",
    )
    assert proposal["subject"] == "demo/execution.slippage_expected_bps"
    assert proposal["evidence"]["measures"][0]["n"] == 120
    (trace,) = desk.traces("optimizer")
    assert "slippage differs" in trace["explanation"]


def test_too_little_evidence_proposes_nothing(desk: Overseen):
    closed_orders(desk, 99)
    desk.tick("optimizer")
    assert desk.rows("select 1 from proposals") == []


def test_orders_closed_under_another_pack_are_no_evidence(desk: Overseen):
    closed_orders(desk, 120)
    with desk.behind() as conn:
        conn.execute("update decision_deltas set closed_at = '2019-12-31'")
    desk.tick("optimizer")
    assert desk.rows("select 1 from proposals") == []


@pytest.mark.parametrize(
    "procedure",
    [
        "ops.housekeeping_facts",
        "ops.clear_passing",
        "ops.clear_workers",
        "ops.rotate_partitions",
        "ops.expired_partitions",
        "ops.drop_partitions",
        "ops.record_job_runs",
        "ops.record_daily_reports",
        "ops.optimization_facts",
        "intake.expire_reviews",
    ],
)
def test_no_other_agent_may_call_what_housekeeping_and_optimizer_call(
    desk: Overseen, procedure: str
):
    with (
        session(desk.database, "portfolio_agent") as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        ask(conn, procedure, {})
