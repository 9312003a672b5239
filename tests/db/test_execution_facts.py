"""What the agents after the fill are told is what the tables say; what they keep is kept once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from backend.contracts.orders import FillEvent, OrderEvent
from tests.kit.messages import a_compliance_alert, an_order_event
from tests.kit.messages import a_fill as a_fill_event
from tests.kit.order_flow import (
    a_fill,
    a_report,
    age_attempt,
    an_order,
    new_id,
    open_attempt,
    record,
)
from tests.kit.postgres import Database
from tests.kit.signals import a_context, a_message
from tests.kit.trading_desk import ask, rows
from workers.agents import compliance, feedback, hedger, reporter

UNREACHED = a_report("again", code="TR415", retcode=None, latency_ms=None)
"""Nothing left: the venue could not be connected to."""


def role(desk: Database, name: str) -> Connection[Any]:
    return psycopg.connect(desk.role_url(f"{name}_agent"), autocommit=True)


def fill_of(inside: Connection[Any], number: int = 0) -> FillEvent:
    fill_id, order_id = rows(
        inside, "select fill_id::text, order_id::text from fills order by venue_trade_id"
    )[number]
    return a_fill_event(
        fill_id=fill_id,
        order_id=order_id,
        account_id="paper-1",
        symbol="EURUSD",
        side="BUY",
        strategy_id="tv-smc",
    )


def filled(bridge: Connection[Any], inside: Connection[Any], *fills: dict[str, Any]) -> UUID:
    order_id = an_order(inside)
    record(bridge, open_attempt(bridge, order_id), a_report("filled", *fills))
    return order_id


def test_hedger_sees_what_was_filled_beyond_the_order(
    desk: Database, bridge: Connection[Any], inside: Connection[Any]
):
    filled(bridge, inside, a_fill("0.9", trade="1"), a_fill("0.4", trade="2"))
    with role(desk, "hedger") as conn:
        items = [hedger.ask(a_message(fill_of(inside, n))) for n in (0, 1)]
        within, beyond = ask(conn, hedger.FACTS, *items)
    assert Decimal(within["excess"]) == 0
    assert Decimal(beyond["excess"]) == Decimal("0.3")
    assert beyond["equity"].startswith("99993")
    assert Decimal(beyond["exposures"]["EURUSD"]) == Decimal("1.3") * 100_000 * Decimal("1.10005")
    assert (beyond["covers"], beyond["halted"]) == (False, False)


def test_overfill_is_found_by_compliance_and_kept_once(
    desk: Database, bridge: Connection[Any], inside: Connection[Any]
):
    filled(bridge, inside, a_fill("1.2", trade="1"))
    message = a_message(fill_of(inside))
    with role(desk, "compliance") as conn:
        (facts,) = ask(conn, compliance.FACTS, compliance.ask(message))
        policy = {
            "slippage_bps_warn": "2",
            "slippage_bps_critical": "10",
            "latency_ms_warn": 120,
            "commission_bps_max": "1",
            "clock_skew_s_max": 5,
        }
        decision = compliance.handle(message, facts | {"policy": policy}, a_context("compliance"))
        for effect in decision.effects * 2:
            ask(conn, effect.procedure, effect.item)
    found = rows(inside, "select rule_id, severity from compliance_alerts order by 1")
    assert ("fill.over_authorized", "CRITICAL") in found
    assert len(found) == len(decision.effects)


def test_closed_order_gets_one_delta_however_often_it_is_told(
    desk: Database, bridge: Connection[Any], inside: Connection[Any]
):
    order_id = filled(bridge, inside, a_fill("1"))
    ((correlation,),) = rows(inside, "select correlation_id from orders")
    inside.execute(
        "insert into hypotheses (hypothesis_id, signal_id, rationale_id, correlation_id, org_id,"
        " symbol, side, probability, window_opens_at, window_closes_at, latency_class)"
        " values (%s, %s, %s, %s, 'demo', 'EURUSD', 'BUY', 0.45, now(), now() + interval '1h',"
        " 'immediate')",
        (new_id(), new_id(), new_id(), correlation),
    )
    event: OrderEvent = an_order_event(order_id=str(order_id))
    message = a_message(event)
    with role(desk, "feedback") as conn:
        (facts,) = ask(conn, feedback.FACTS, feedback.ask(message))
        decision = feedback.handle(message, facts, a_context("feedback"))
        for effect in decision.effects * 2:
            ask(conn, effect.procedure, effect.item)
    ((predicted, realized, delta),) = rows(
        inside, "select predicted, realized, delta from decision_deltas"
    )
    assert Decimal(predicted["r"]) == Decimal("0.35")
    assert (realized["label"], realized["filled_quantity"]) == ("loss", "1")
    assert delta == Decimal("-0.357")


def test_account_is_reported_when_its_books_moved_and_then_rests(
    desk: Database, bridge: Connection[Any], inside: Connection[Any]
):
    filled(bridge, inside, a_fill("1"))
    with role(desk, "reporter") as conn:
        asked = reporter.ask_tick(a_context("reporter").now)
        (facts,) = ask(conn, reporter.FACTS, asked)
        by_name = {a["account_id"]: a for a in facts["accounts"]}
        assert set(by_name) == {"paper-1", "paper-2"}
        assert (by_name["paper-1"]["fills"], by_name["paper-2"]["fills"]) == (1, 0)
        assert Decimal(by_name["paper-1"]["open_exposure"]["EURUSD"]) == Decimal("110005")
        ((now,),) = rows(inside, "select clock_timestamp()")
        decision = reporter.handle_tick(facts, a_context("reporter", now))
        for effect in decision.effects * 2:
            ask(conn, effect.procedure, effect.item)
        assert rows(inside, "select count(*) from report_snapshots") == [(2,)]
        (quiet,) = ask(conn, reporter.FACTS, asked)
        assert quiet["accounts"] == []
        critical = a_compliance_alert(severity="CRITICAL", account_id="paper-1")
        (at_once,) = ask(conn, reporter.FACTS, reporter.ask(a_message(critical)))
        assert [a["account_id"] for a in at_once["accounts"]] == ["paper-1"]


@pytest.mark.parametrize(
    ("procedure", "owner"),
    [
        ("execution.hedge_facts", "hedger"),
        ("execution.residual_facts", "hedger"),
        ("execution.renew_covers", "hedger"),
        ("execution.record_covers", "hedger"),
        ("execution.compliance_facts", "compliance"),
        ("ops.record_compliance_alerts", "compliance"),
        ("execution.delta_facts", "feedback"),
        ("execution.record_deltas", "feedback"),
        ("execution.report_facts", "reporter"),
        ("execution.record_snapshots", "reporter"),
    ],
)
def test_procedure_is_its_agents_own(desk: Database, procedure: str, owner: str):
    with role(desk, owner) as conn:
        conn.execute(f"select {procedure}('[]'::jsonb)")
    with role(desk, "normalizer") as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(f"select {procedure}('[]'::jsonb)")


def test_overseer_is_told_who_said_no_and_who_said_nothing(
    desk: Database, inside: Connection[Any], bridge: Connection[Any]
):
    refused = open_attempt(bridge, an_order(inside))
    record(bridge, refused, a_report("rejected", code="TR405", final=True))
    age_attempt(inside, open_attempt(bridge, an_order(inside)), 30)
    open_attempt(bridge, an_order(inside))
    with role(desk, "execution_overseer") as overseer:
        (facts,) = ask(overseer, "execution.health_facts", {})
    (pair,) = (pair for pair in facts["pairs"] if pair["symbol"] == "EURUSD")
    assert (pair["sent"], pair["rejected"], pair["unanswered"]) == (3, 1, 1)


def test_an_order_that_was_filled_at_the_third_try_counts_once(
    desk: Database, inside: Connection[Any], bridge: Connection[Any]
):
    order = an_order(inside)
    for _ in range(2):
        record(bridge, open_attempt(bridge, order), a_report("again"))
    third = open_attempt(bridge, order)
    record(bridge, third, a_report("filled", a_fill("1")))
    with role(desk, "execution_overseer") as overseer:
        (facts,) = ask(overseer, "execution.health_facts", {})
    (pair,) = (pair for pair in facts["pairs"] if pair["symbol"] == "EURUSD")
    assert (pair["sent"], pair["rejected"], pair["unanswered"]) == (1, 0, 0)


def test_a_venue_that_was_away_is_not_blamed_for_what_never_left_once_it_answers_again(
    desk: Database, inside: Connection[Any], bridge: Connection[Any]
):
    """Blamed for a quarter of an hour it would get no order by which it could show it is back."""

    def seen() -> tuple[int, int, bool]:
        with role(desk, "execution_overseer") as overseer:
            (facts,) = ask(overseer, "execution.health_facts", {})
        (pair,) = (pair for pair in facts["pairs"] if pair["symbol"] == "EURUSD")
        return pair["sent"], pair["unanswered"], pair["unreachable"]

    def does_not_leave() -> dict[str, Any]:
        attempt = open_attempt(bridge, an_order(inside))
        # Connecting may take as long as a venue is waited for: what counts is when it was told.
        age_attempt(inside, attempt, 8)
        record(bridge, attempt, UNREACHED)
        return attempt

    for _ in range(3):
        does_not_leave()
    assert seen() == (0, 0, True)
    inside.execute(
        "update execution.attempts set answered_at = answered_at - interval '13 seconds'"
    )
    assert seen() == (0, 0, False), "one may try again after a silence"
    does_not_leave()
    assert seen() == (0, 0, True)
    order = an_order(inside)
    record(bridge, open_attempt(bridge, order), a_report("filled", a_fill("1")))
    assert seen() == (1, 0, False)
    lost = open_attempt(bridge, an_order(inside))
    record(bridge, lost, a_report("unknown", retcode=None))
    age_attempt(inside, lost, 30)
    assert seen() == (2, 1, False), "what left and was not answered counts"


def test_a_venue_that_answers_but_trades_nothing_is_not_well(
    desk: Database, inside: Connection[Any], bridge: Connection[Any]
):
    """Trading switched off at the terminal (nothing is sent) or at the server (retcode 10026)."""
    off = a_report("again", code="TR432", retcode=None, latency_ms=None)
    record(bridge, open_attempt(bridge, an_order(inside)), off)
    record(bridge, open_attempt(bridge, an_order(inside)), a_report("again", retcode=10026))
    late = a_report("again", code="TR433", retcode=None, latency_ms=None)
    record(bridge, open_attempt(bridge, an_order(inside)), late)
    with role(desk, "execution_overseer") as overseer:
        (facts,) = ask(overseer, "execution.health_facts", {})
    (pair,) = (pair for pair in facts["pairs"] if pair["symbol"] == "EURUSD")
    assert (pair["sent"], pair["rejected"], pair["unanswered"]) == (2, 1, 1)
    assert not pair["unreachable"], "that we were too slow says nothing of the venue"


def test_a_baseline_counts_nothing_that_never_left(
    desk: Database, inside: Connection[Any], bridge: Connection[Any]
):
    record(bridge, open_attempt(bridge, an_order(inside)), UNREACHED)
    record(bridge, open_attempt(bridge, an_order(inside)), a_report("filled", a_fill("1")))
    with role(desk, "housekeeping") as housekeeping:
        ask(housekeeping, "execution.roll_latencies", {})
    kept = "select distinct attempts, answered, unanswered from execution.latency_baselines"
    assert rows(inside, kept) == [(1, 1, 0)]
