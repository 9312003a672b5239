"""Withdrawing orders: what the terminal refuses, and what the adapter makes of each answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from backend.ports import SystemClock
from backend.values import OrderType, Side
from backend.venues.model import AttemptRequest, CancelRequest, Outcome, RetcodeClass, VenueReport
from backend.venues.mt5.reports import found_report
from backend.venues.mt5.server_time import ServerTime
from backend.venues.mt5.venue import Mt5Venue
from tests.venues.builders import an_attempt
from tests.venues.conftest import Starter
from tests.venues.process import PaperProcess
from tests.venues.test_mt5_venue import Connect, connect  # noqa: F401 - a fixture
from tests.venues.test_terminal_life import eventually

PENDING, MODIFY, REMOVE = 5, 7, 8
DONE, INVALID, CLOSED, CHANGED, FROZEN = 10009, 10013, 10018, 10023, 10029


def a_limit(price: str = "0.9", **changes: Any) -> AttemptRequest:
    """An order far below the market."""
    return an_attempt(order_type=OrderType.LIMIT, price=Decimal(price), **changes)


def placed(venue: Mt5Venue, attempt: AttemptRequest) -> CancelRequest:
    ticket = venue.submit(attempt).order_ticket
    assert ticket is not None
    return CancelRequest(attempt.attempt_id, attempt.client_order_id, attempt.symbol, ticket)


def hours_to_saturday_noon() -> float:
    """Give the offset at which the server's week is over, whatever day it is here."""
    now = SystemClock().now()
    saturday = (now + timedelta(days=(5 - now.weekday()) % 7)).date()
    noon = datetime(saturday.year, saturday.month, saturday.day, 12, tzinfo=UTC)
    return round((noon - now).total_seconds() / 3600, 2)


def test_an_order_that_the_price_is_about_to_reach_is_neither_removed_nor_changed(
    start_terminal: Starter,
):
    # A whole euro around the price: every order is within it, however the price moves.
    client = start_terminal("--freeze-level", "100000").client()
    pending = {"action": PENDING, "symbol": "EURUSD", "volume": 0.1, "type": 2, "type_filling": 2}
    near = client.order_send(pending | {"price": 0.9}).order
    far = client.order_send(pending | {"price": 0.01}).order
    assert client.symbol_info("EURUSD").trade_freeze_level == 100_000
    for request in (
        {"action": REMOVE, "order": near},
        {"action": MODIFY, "order": near, "price": 0.8},
    ):
        assert client.order_check(request).retcode == FROZEN
        assert client.order_send(request).retcode == FROZEN
    assert [o.ticket for o in client.orders_get()] == [near, far]
    assert client.order_send({"action": REMOVE, "order": far}).retcode == DONE


def test_a_closed_market_keeps_its_orders_and_an_unknown_order_is_invalid(start_terminal: Starter):
    weekend = ("--server-utc-offset-hours", str(hours_to_saturday_noon()))
    terminal = start_terminal(*weekend)
    pending = {"action": PENDING, "volume": 0.1, "type": 2, "type_filling": 2, "price": 0.9}
    client = terminal.client()
    ticket = client.order_send(pending | {"symbol": "EURUSD"}).order
    round_the_clock = client.order_send(pending | {"symbol": "BTCUSD"}).order
    terminal.kill()
    terminal.options = (*weekend, "--sessions", "strict")
    client = terminal.start().client()
    assert client.order_send({"action": REMOVE, "order": ticket}).retcode == CLOSED
    assert client.order_send({"action": REMOVE, "order": round_the_clock}).retcode == DONE
    assert client.order_send({"action": REMOVE, "order": round_the_clock}).retcode == CHANGED
    assert client.order_send({"action": REMOVE, "order": 1}).retcode == INVALID
    assert [o.ticket for o in client.orders_get()] == [ticket]


def test_cancelling_twice_says_twice_that_it_is_cancelled(
    connect: Connect,  # noqa: F811
    shared_terminal: PaperProcess,
):
    venue = connect(shared_terminal)
    request = placed(venue, a_limit())
    answers = [venue.cancel(request), venue.cancel(request)]
    assert [a.outcome for a in answers] == [Outcome.CANCELLED] * 2
    assert [a.retcode for a in answers] == [DONE, CHANGED]
    assert {(a.attempt_id, a.order_ticket, a.volume) for a in answers} == {
        (request.attempt_id, request.order_ticket, Decimal(0))
    }


def test_an_order_that_was_filled_first_is_reported_with_its_fill(
    connect: Connect,  # noqa: F811
    start_terminal: Starter,
):
    terminal = start_terminal("--speed", "2000", "--seed", "6")
    venue = connect(terminal)
    quote = venue.quote("BTCUSD")
    assert quote is not None
    both = [
        placed(venue, a_limit(str(price), symbol="BTCUSD", side=side))
        for side, price in ((Side.BUY, quote.bid - 150), (Side.SELL, quote.ask + 150))
    ]
    eventually(lambda: len(venue.orders("BTCUSD")) < 2, "the price reached one of both")
    answers = [venue.cancel(request) for request in both]
    filled = [a for a in answers if a.outcome is Outcome.FILLED]
    assert filled
    for answer in filled:
        (deal,) = venue.deals_of(answer.order_ticket or 0)
        assert (answer.volume, answer.price) == (Decimal("0.1"), deal.price)
    assert {a.outcome for a in answers} <= {Outcome.FILLED, Outcome.CANCELLED}
    assert venue.orders("BTCUSD") == ()


def test_a_refused_cancel_is_not_a_refused_order(
    connect: Connect,  # noqa: F811
    start_terminal: Starter,
):
    venue = connect(start_terminal("--freeze-level", "100000"))
    request = placed(venue, a_limit())
    told = venue.cancel(request)
    assert (told.outcome, told.retcode) == (Outcome.REJECTED, FROZEN)
    assert told.retcode_class is RetcodeClass.BACK_OFF
    assert [o.ticket for o in venue.orders()] == [request.order_ticket]


def test_a_cancel_of_what_the_venue_never_had_proves_nothing_about_an_order(
    connect: Connect,  # noqa: F811
    shared_terminal: PaperProcess,
):
    attempt = a_limit()
    stranger = CancelRequest(attempt.attempt_id, attempt.client_order_id, "EURUSD", 1)
    told = connect(shared_terminal).cancel(stranger)
    assert (told.outcome, told.retcode_class) == (Outcome.REJECTED, RetcodeClass.FIX_REQUEST)


def test_a_lost_answer_to_a_cancel_is_unknown_and_told_by_history_later(
    connect: Connect,  # noqa: F811
    start_terminal: Starter,
):
    terminal = start_terminal("--latency-ms", "700")
    request = placed(connect(terminal), a_limit())
    hasty = connect(terminal, call_timeout_s=0.25)
    lost = hasty.cancel(request)
    assert (lost.outcome, hasty.connected) == (Outcome.UNKNOWN, False)
    patient = connect(terminal)

    def asked() -> VenueReport | None:
        told = patient.cancel(request)
        return told if told.outcome is Outcome.CANCELLED else None

    assert eventually(asked, "the venue told").volume == 0
    assert patient.orders() == ()


def test_nothing_was_cancelled_where_nothing_could_be_sent(
    connect: Connect,  # noqa: F811
    start_terminal: Starter,
):
    terminal = start_terminal()
    venue = connect(terminal)
    request = placed(venue, a_limit())
    terminal.kill()
    answers = {venue.cancel(request).outcome for _ in range(2)}
    assert answers <= {Outcome.UNKNOWN, Outcome.NOT_SENT}
    terminal.start(terminal.port)
    venue.connect()
    assert [o.ticket for o in venue.orders()] == [request.order_ticket]
    reader = connect(terminal, read_only=True)
    assert reader.cancel(request).outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(
    ("rest", "outcome", "traded"),
    [
        ("1.0", Outcome.CANCELLED, "0"),
        ("0.6", Outcome.PARTIALLY_FILLED, "0.4"),
        # Some servers forget the figure of what was withdrawn.
        ("0.0", Outcome.CANCELLED, "0"),
    ],
)
def test_what_a_withdrawn_order_had_traded_is_believed_before_its_deals_are_listed(
    rest: str, outcome: Outcome, traded: str
):
    order = SimpleNamespace(
        state=2, volume_initial=1.0, volume_current=float(rest), ticket=7, position_id=0,
        time_setup_msc=0,
    )  # fmt: skip
    now = SystemClock().now()
    report = found_report("dc1", order, [], Decimal(1), "id", ServerTime(2), now)
    assert (report.outcome, report.volume) == (outcome, Decimal(traded))
