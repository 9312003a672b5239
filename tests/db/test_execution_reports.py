"""What a venue says becomes true once: order, reservation, account, outcome."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.kit.order_flow import (
    OTHER_WORKER,
    a_fill,
    a_report,
    an_order,
    give_shard,
    new_id,
    open_attempt,
    outcome_of,
    record,
    status_of,
    steps,
)
from tests.kit.trading_desk import ask, rows


def test_filled_order_releases_its_reservation_and_ends_its_alert(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside, "2")
    attempt = open_attempt(bridge, order_id)
    answer = record(bridge, attempt, a_report("filled", a_fill("2", "1.1001")))
    assert (answer["status"], answer["filled_quantity"]) == ("filled", "2")
    assert rows(
        inside, "select status, filled_quantity, average_price, venue_order_id from orders"
    ) == [("filled", 2, Decimal("1.1001"), "77")]
    assert rows(inside, "select remaining_quantity, released_by from risk.reservations") == [
        (0, "execution")
    ]
    assert outcome_of(inside, order_id) == ("filled", None)
    assert rows(inside, "select state, retcode, latency_ms from execution.attempts") == [
        ("answered", 10009, 4)
    ]


def test_repeated_report_changes_nothing(bridge: Connection[Any], inside: Connection[Any]):
    order_id = an_order(inside)
    attempt = open_attempt(bridge, order_id)
    report = a_report("filled", a_fill())
    record(bridge, attempt, report)
    released = rows(inside, "select released_at from risk.reservations")
    before = rows(inside, "select * from risk.account_state order by account_id")
    again = record(bridge, attempt, report)
    assert (again["repeated"], again["fills"]) == (True, [])
    assert rows(inside, "select count(*) from fills") == [(1,)]
    assert rows(inside, "select quantity, commission from positions") == [(1, Decimal("3.5"))]
    assert steps(inside, order_id) == ["submitted", "filled"]
    assert rows(inside, "select released_at from risk.reservations") == released
    assert rows(inside, "select * from risk.account_state order by account_id") == before


def test_rejected_order_says_by_whom_and_frees_its_budget(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    record(bridge, open_attempt(bridge, order_id), a_report("rejected", message="no money"))
    assert rows(inside, "select status, status_reason from orders") == [
        ("rejected", "TR414: no money")
    ]
    assert outcome_of(inside, order_id) == ("rejected", "TR414")
    assert rows(inside, "select released_at is not null from risk.reservations") == [(True,)]


def test_crash_between_call_and_record_is_recovered_by_asking(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    open_attempt(bridge, order_id)
    # The process died after the venue executed; its successor finds the fill.
    give_shard(inside, "paper-1", OTHER_WORKER)
    taken = open_attempt(bridge, order_id, OTHER_WORKER)
    fill = a_fill(trade="4711")
    found = a_report("filled", fill, latency_ms=None)
    answer = record(bridge, taken, found, "execution.resolve_attempts")
    assert answer["status"] == "filled"
    assert rows(inside, "select venue_trade_id from fills") == [("4711",)]
    assert outcome_of(inside, order_id) == ("filled", None)


def test_late_answer_of_a_bridge_that_lost_its_account_is_refused_whole(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    stalled = open_attempt(bridge, order_id)
    give_shard(inside, "paper-1", OTHER_WORKER)
    taken = open_attempt(bridge, order_id, OTHER_WORKER)
    fill = a_fill(trade="4711")
    with pytest.raises(psycopg.errors.Error) as refused:
        record(bridge, stalled, a_report("filled", fill))
    assert refused.value.sqlstate == "TR405"
    assert rows(inside, "select count(*) from fills") == [(0,)]
    record(bridge, taken, a_report("filled", fill))
    assert rows(inside, "select quantity from positions") == [(1,)]


def test_unknown_answer_keeps_the_budget_until_the_venue_is_asked(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    attempt = open_attempt(bridge, order_id)
    record(bridge, attempt, a_report("unknown", retcode=None, venue_order_id=None))
    assert status_of(inside, order_id) == "unknown"
    assert outcome_of(inside, order_id) is None
    assert rows(inside, "select remaining_quantity from risk.reservations") == [(1,)]
    record(bridge, attempt, a_report("filled", a_fill()), "execution.resolve_attempts")
    assert steps(inside, order_id) == ["submitted", "unknown", "filled"]


def test_rest_of_an_immediate_order_is_cancelled_and_the_alert_is_partly_filled(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside, "2")
    attempt = open_attempt(bridge, order_id)
    record(bridge, attempt, a_report("partially_filled", a_fill("0.5"), final=True))
    assert steps(inside, order_id) == ["submitted", "partially_filled", "canceled"]
    assert outcome_of(inside, order_id) == ("partially_filled", None)
    assert rows(inside, "select remaining_quantity from risk.reservations") == [(0,)]


def test_working_order_keeps_the_budget_of_its_rest(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside, "2", order_type="limit", time_in_force="GTC", limit_price="1.1")
    attempt = open_attempt(bridge, order_id)
    record(bridge, attempt, a_report("accepted"))
    record(bridge, attempt, a_report("partially_filled", a_fill("0.5")))
    reserved = rows(
        inside, "select remaining_quantity, remaining_notional, released_at from risk.reservations"
    )
    assert reserved == [(Decimal("1.5"), Decimal("165000"), None)]
    record(bridge, attempt, a_report("filled", a_fill("1.5", "1.0998")))
    assert steps(inside, order_id) == ["submitted", "accepted", "partially_filled", "filled"]
    assert rows(inside, "select average_price from orders") == [(Decimal("1.09985"),)]
    assert outcome_of(inside, order_id) == ("filled", None)


def test_late_fill_after_a_cancel_is_booked_and_named(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside, "2")
    attempt = open_attempt(bridge, order_id)
    first = a_fill("0.5")
    record(bridge, attempt, a_report("partially_filled", first, final=True))
    record(bridge, attempt, a_report("filled", first, a_fill("1.5")))
    assert status_of(inside, order_id) == "filled"
    assert rows(inside, "select quantity from positions") == [(2,)]
    assert rows(inside, "select message from order_events where detail ->> 'late' = 'true'") == [
        ("late fill",)
    ]
    assert outcome_of(inside, order_id) == ("filled", None)


def test_late_fill_of_an_order_given_up_is_booked(bridge: Connection[Any], inside: Connection[Any]):
    order_id = an_order(inside)
    attempt = open_attempt(bridge, order_id)
    record(bridge, attempt, a_report("not_sent", code="TR415", retcode=None))
    assert status_of(inside, order_id) == "not_sent"
    record(bridge, attempt, a_report("filled", a_fill()))
    assert status_of(inside, order_id) == "filled"
    # A trade is a fact: it replaces what was said of the alert before it was known of.
    assert outcome_of(inside, order_id) == ("filled", None)


def test_a_refusal_that_was_none_ends_as_the_fill_that_is_found(
    bridge: Connection[Any], inside: Connection[Any]
):
    """A venue may answer with another request's refusal and have executed this one."""
    order_id = an_order(inside)
    attempt = open_attempt(bridge, order_id)
    record(bridge, attempt, a_report("rejected", code="TR414", retcode=10015))
    assert outcome_of(inside, order_id) == ("rejected", "TR414")
    record(bridge, attempt, a_report("partially_filled", a_fill("0.4"), final=True))
    assert outcome_of(inside, order_id) == ("partially_filled", None)
    record(bridge, attempt, a_report("filled", a_fill("0.4"), a_fill("0.6", trade="2")))
    assert outcome_of(inside, order_id) == ("filled", None)
    record(bridge, attempt, a_report("rejected", code="TR414", retcode=10015))
    assert outcome_of(inside, order_id) == ("filled", None)


def test_a_trade_that_is_told_of_two_orders_at_once_is_booked_for_neither(
    bridge: Connection[Any], inside: Connection[Any]
):
    """A venue that answers with another request's answer tells the same trade twice."""
    orders = [an_order(inside) for _ in range(2)]
    attempts = [open_attempt(bridge, order) for order in orders]
    told = a_report("filled", a_fill(trade="7"))
    items = [
        {
            "attempt_id": a["attempt_id"],
            "worker_id": a["worker_id"],
            "epoch": a["epoch"],
            "report": told,
        }
        for a in attempts
    ]
    with pytest.raises(psycopg.Error) as refused:
        ask(bridge, "execution.record_reports", *items)
    assert refused.value.sqlstate == "TR419"
    assert rows(inside, "select count(*) from fills") == [(0,)]
    record(bridge, attempts[0], told)
    assert [status_of(inside, order) for order in orders] == ["filled", "submitted"]


def test_overfill_is_flagged_and_the_position_has_all_of_it(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    attempt = open_attempt(bridge, order_id)
    record(bridge, attempt, a_report("filled", a_fill("0.7"), a_fill("0.5")))
    assert rows(inside, "select status, status_reason, filled_quantity from orders") == [
        ("filled", "TR407: filled 1.2 of 1", 1)
    ]
    assert rows(inside, "select quantity from positions") == [(Decimal("1.2"),)]
    assert rows(
        inside,
        "select code from order_events where order_id = %s and code is not null",
        (order_id,),
    ) == [("TR407",)]


def test_report_that_contradicts_a_final_state_is_refused(
    bridge: Connection[Any], inside: Connection[Any]
):
    attempt = open_attempt(bridge, an_order(inside, "2"))
    record(bridge, attempt, a_report("rejected"))
    with pytest.raises(psycopg.errors.Error) as refused:
        record(bridge, attempt, a_report("canceled"))
    assert refused.value.sqlstate == "TR406"


def test_report_that_knows_less_than_we_do_moves_nothing(
    bridge: Connection[Any], inside: Connection[Any]
):
    order_id = an_order(inside)
    attempt = open_attempt(bridge, order_id)
    record(bridge, attempt, a_report("filled", a_fill()))
    for status in ("accepted", "unknown", "not_found", "partially_filled"):
        assert record(bridge, attempt, a_report(status))["repeated"]
    assert steps(inside, order_id) == ["submitted", "filled"]
    assert rows(inside, "select state from execution.attempts") == [("answered",)]


def test_unknown_attempt_is_refused(bridge: Connection[Any]):
    stranger = {"attempt_id": str(new_id()), "worker_id": str(OTHER_WORKER), "epoch": 1}
    with pytest.raises(psycopg.errors.Error) as refused:
        record(bridge, stranger, a_report("rejected"))
    assert refused.value.sqlstate == "TR412"


def test_trade_that_was_booked_with_other_figures_is_refused(
    bridge: Connection[Any], inside: Connection[Any]
):
    attempt = open_attempt(bridge, an_order(inside, "2"))
    record(bridge, attempt, a_report("partially_filled", a_fill("1", trade="9")))
    with pytest.raises(psycopg.errors.Error) as refused:
        record(bridge, attempt, a_report("filled", a_fill("2", trade="9")))
    assert refused.value.sqlstate == "TR419"
    assert rows(inside, "select quantity from positions") == [(1,)]


def test_alert_ends_when_its_last_child_does(bridge: Connection[Any], inside: Connection[Any]):
    first = an_order(inside, "2")
    ((intent, correlation),) = rows(inside, "select intent_id, correlation_id from orders")
    inside.execute("update orders set quantity = 1")
    second = an_order(inside, "1", intent_id=intent, child_index=1, correlation_id=correlation)
    record(bridge, open_attempt(bridge, first), a_report("rejected"))
    assert outcome_of(inside, first) is None
    assert rows(inside, "select remaining_quantity, released_at from risk.reservations") == [
        (1, None)
    ]
    record(bridge, open_attempt(bridge, second), a_report("filled", a_fill()))
    assert outcome_of(inside, second) == ("partially_filled", None)
    assert rows(inside, "select remaining_quantity from risk.reservations") == [(0,)]


def test_cover_ends_nobodys_alert(bridge: Connection[Any], inside: Connection[Any]):
    order_id = an_order(inside, kind="cover")
    record(bridge, open_attempt(bridge, order_id), a_report("filled", a_fill()))
    assert outcome_of(inside, order_id) is None


def test_batch_of_reports_is_recorded_together(bridge: Connection[Any], inside: Connection[Any]):
    attempts = [open_attempt(bridge, an_order(inside)) for _ in range(6)]
    items = [
        {
            "attempt_id": attempt["attempt_id"],
            "worker_id": attempt["worker_id"],
            "epoch": attempt["epoch"],
            "report": a_report("filled", a_fill()),
        }
        for attempt in attempts
    ]
    answers = ask(bridge, "execution.record_reports", *items)
    assert [a["status"] for a in answers] == ["filled"] * 6
    assert rows(inside, "select quantity, commission from positions") == [(6, Decimal(21))]
    assert rows(inside, "select count(*) from alert_outcomes") == [(6,)]
