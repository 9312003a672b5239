"""For each trap of the MetaTrader 5 API: it is handled, and without its handling something breaks.

A scenario runs against the real terminal's own code twice: as it is, and with one handling taken
out; then it has to fail. A trap that nothing would notice is not handled, it is hoped for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backend.values import OrderType, Side, TimeInForce
from backend.venues.model import (
    CancelRequest,
    LiveAccountRefused,
    Outcome,
    RetcodeClass,
    StopsRequest,
)
from backend.venues.mt5 import protocol, reports, requests, retcodes, search
from backend.venues.mt5 import venue as adapter
from backend.venues.mt5.reader import Mt5Options
from backend.venues.mt5.server_time import ServerTime
from backend.venues.mt5.venue import Mt5Venue
from tests.venues.builders import a_spec, an_attempt
from tests.venues.inside import open_inside
from tests.venues.stage import InsideClock, Stage, Within

Patch = pytest.MonkeyPatch


Scenario = Callable[[Stage], None]


@dataclass(frozen=True)
class Trap:
    """What is to hold, how its handling is taken out, and at what kind of terminal."""

    name: str
    holds: Scenario
    without: Callable[[Patch], None]
    options: tuple[str, ...] = ()
    gold: bool = False
    offset_hours: float = 0.0


def replaced(target: Any, name: str, value: Any) -> Callable[[Patch], None]:
    """Take a handling out by putting something else in its place."""
    return lambda patch: patch.setattr(target, name, value)


# What is to hold


def an_answer_to_another_request_is_not_believed(stage: Stage) -> None:
    first, second = an_attempt(), an_attempt()
    assert stage.venue.submit(first).outcome is Outcome.FILLED
    stage.inject("stale_answer")
    told = stage.venue.submit(second)
    assert (told.outcome, told.order_ticket) == (Outcome.UNKNOWN, None)
    tickets: list[int | None] = []
    for attempt in (first, second):
        found = stage.find(attempt)
        assert found is not None
        assert found.outcome is Outcome.FILLED
        tickets.append(found.order_ticket)
    assert len(set(tickets)) == 2


def prices_and_volumes_are_floats(stage: Stage) -> None:
    assert stage.submit().outcome is Outcome.FILLED


def texts_that_the_wheel_refuses_are_never_sent(stage: Stage) -> None:
    request = requests.build_request(an_attempt(), a_spec(venue_symbol="S" * 30), True, None)
    assert isinstance(request, requests.Unsendable)


def filling_is_one_that_the_mask_allows(stage: Stage) -> None:
    assert stage.submit(symbol="XAUUSD").outcome is Outcome.FILLED


def fok_is_sent_although_it_is_falsy(stage: Stage) -> None:
    assert stage.submit(time_in_force=TimeInForce.FOK).outcome is Outcome.FILLED
    assert stage.terminal.sent[0]["type_filling"] == 0


def closing_closes(stage: Stage) -> None:
    opened = stage.submit()
    stage.submit(side=Side.SELL, position_ticket=opened.position_ticket)
    assert stage.venue.positions() == ()


def stops_too_near_are_known_before_anything_is_sent(stage: Stage) -> None:
    near = {"price": Decimal("1.0"), "stop_loss": Decimal("0.99995")}
    assert stage.submit(order_type=OrderType.LIMIT, **near).outcome is Outcome.NOT_SENT


def a_frozen_order_is_asked_about_again(stage: Stage) -> None:
    placed = stage.submit(order_type=OrderType.LIMIT, price=Decimal("1.05"))
    attempt = an_attempt()
    ids = (attempt.attempt_id, attempt.client_order_id, "EURUSD", placed.order_ticket or 0)
    told = stage.venue.cancel(CancelRequest(*ids))
    assert (told.outcome, told.again) == (Outcome.REJECTED, True)


def volumes_are_on_the_step(stage: Stage) -> None:
    report = stage.submit(volume=Decimal("0.105"))
    assert (report.outcome, report.volume) == (Outcome.FILLED, Decimal("0.1"))


def prices_are_on_the_tick(stage: Stage) -> None:
    price = Decimal("1.0500049")
    assert stage.submit(order_type=OrderType.LIMIT, price=price).outcome is Outcome.PLACED


def instant_execution_names_price_and_deviation(stage: Stage) -> None:
    assert stage.submit(deviation_points=7).outcome is Outcome.FILLED
    assert stage.terminal.sent[0]["deviation"] == 7


def a_success_without_a_change_is_a_success(stage: Stage) -> None:
    opened = stage.submit()
    ids = (an_attempt().attempt_id, "x", "EURUSD", opened.position_ticket or 0)
    request = StopsRequest(*ids, Decimal("1.05"), None)
    assert stage.venue.change_stops(request).outcome is Outcome.PLACED
    assert stage.venue.change_stops(request).outcome is Outcome.PLACED


def refused(retcode: int, kind: RetcodeClass, *, again: bool) -> Scenario:
    def holds(stage: Stage) -> None:
        stage.inject("reject", retcode=retcode)
        report = stage.submit()
        assert (report.retcode_class, report.again) == (kind, again)
        assert report.outcome is Outcome.REJECTED

    return holds


def an_unknown_code_is_asked_about(stage: Stage) -> None:
    attempt = an_attempt()
    stage.inject("false_answer", retcode=10012)
    assert stage.venue.submit(attempt).outcome is Outcome.UNKNOWN
    found = stage.find(attempt)
    assert found is not None
    assert found.outcome is Outcome.FILLED


def none_is_asked_about(stage: Stage) -> None:
    attempt = an_attempt()
    stage.inject("lost_answer")
    report = stage.venue.submit(attempt)
    assert (report.outcome, report.again) == (Outcome.UNKNOWN, False)
    assert stage.find(attempt) is not None


def stamps_are_translated_from_server_time(stage: Stage) -> None:
    report = stage.submit()
    (deal,) = stage.venue.deals_of(report.order_ticket or 0)
    assert deal.executed_at is not None
    assert abs(deal.executed_at - stage.inside.clock.now) < timedelta(seconds=5)


def an_old_tick_proves_no_time_zone(stage: Stage) -> None:
    server = ServerTime()
    friday = stage.inside.clock.now - timedelta(hours=30)
    for seconds in range(3):
        looked = stage.inside.clock.now + timedelta(seconds=seconds)
        server.observe("EURUSD", int(friday.timestamp() * 1000), looked)
    assert server.offset is None


def history_reaches_into_the_servers_tomorrow(stage: Stage) -> None:
    attempt = an_attempt()
    stage.venue.submit(attempt)
    deals = stage.venue.deals(stage.inside.clock.now - timedelta(minutes=5))
    assert any(deal.magic == attempt.magic_number for deal in deals)
    assert stage.find(attempt) is not None


def overwritten_comments_hide_nothing(stage: Stage) -> None:
    attempt = an_attempt()
    stage.inject("overwrite_comment", text="broker")
    stage.venue.submit(attempt)
    assert stage.find(attempt) is not None


def what_has_no_number_is_found_by_its_shape(stage: Stage) -> None:
    foreign = {"action": 1, "symbol": "EURUSD", "volume": 0.37, "type": 0, "comment": "broker"}
    ticket = stage.inside.order_send(foreign).order
    found = stage.find(an_attempt(volume=Decimal("0.37")))
    assert found is not None
    assert found.order_ticket == ticket


def a_stop_is_not_taken_for_the_order_that_it_closed(stage: Stage) -> None:
    attempt = an_attempt(stop_loss=Decimal("1.05"))
    opened = stage.venue.submit(attempt)
    stage.inside.wait(minutes=3)
    assert stage.venue.positions() == ()
    found = stage.find(attempt)
    assert found is not None
    assert (found.outcome, found.order_ticket) == (Outcome.FILLED, opened.order_ticket)


def a_real_account_is_not_traded(stage: Stage) -> None:
    with pytest.raises(LiveAccountRefused):
        stage.venue.connect()


def hidden_symbols_are_selected_first(stage: Stage) -> None:
    stage.inside.symbol_select("EURUSD", False)
    assert stage.venue.quote("EURUSD") is not None


def _decimal(value: Any) -> Any:
    return value


def _or_ioc(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: original(*args) or protocol.FILLING_IOC


def _no_window(self: Any, since: datetime) -> tuple[int, int]:
    return int(since.timestamp()), int(self._clock.now().timestamp())


def _believes_all(self: Any, symbol: str, tick_time_msc: int, now: datetime) -> bool:
    ahead_s = tick_time_msc / 1000 - now.timestamp()
    self._offset = timedelta(seconds=round(ahead_s / 900) * 900)
    return True


def _forgetful(kinds: dict[int, RetcodeClass]) -> Callable[[Patch], None]:
    """Have some codes be read as something else."""
    return lambda patch: [patch.setitem(retcodes._BY_CODE, c, k) for c, k in kinds.items()]  # type: ignore[func-returns-value]


def _not_netting(patch: Patch) -> None:
    patch.setattr(reports, "account_of", _as_netting(reports.account_of))


def _as_netting(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: replace(original(*args), hedging=False)


REFUSED, FIX, PASS = RetcodeClass.REFUSED, RetcodeClass.FIX_REQUEST, RetcodeClass.BACK_OFF

TRAPS = (
    Trap(
        "an answer to an earlier request",
        an_answer_to_another_request_is_not_believed,
        replaced(adapter, "_is_answer_to", lambda request, result: True),
    ),
    Trap("floats", prices_and_volumes_are_floats, replaced(requests, "_number", _decimal)),
    Trap(
        "text lengths",
        texts_that_the_wheel_refuses_are_never_sent,
        replaced(protocol, "TEXT_UNITS_MAX", 99),
    ),
    Trap(
        "filling mask taken for the enum",
        filling_is_one_that_the_mask_allows,
        replaced(requests, "choose_filling", lambda spec, order: spec.filling_mask),
        gold=True,
    ),
    Trap(
        "FOK is falsy",
        fok_is_sent_although_it_is_falsy,
        replaced(requests, "choose_filling", _or_ioc(requests.choose_filling)),
    ),
    Trap("closing names its position", closing_closes, _not_netting),
    Trap(
        "stops level",
        stops_too_near_are_known_before_anything_is_sent,
        replaced(requests, "_stops_too_near", lambda *_: None),
    ),
    Trap(
        "freeze level",
        a_frozen_order_is_asked_about_again,
        replaced(retcodes, "PASSING", frozenset()),
        options=("--freeze-level", "100000"),
    ),
    Trap(
        "volume step",
        volumes_are_on_the_step,
        replaced(requests, "round_volume", lambda volume, spec: volume),
    ),
    Trap(
        "tick size",
        prices_are_on_the_tick,
        replaced(requests, "round_price", lambda price, spec, rounding="": price),
    ),
    Trap(
        "price of instant execution",
        instant_execution_names_price_and_deviation,
        replaced(adapter, "needs_price", lambda spec: False),
        options=("--execution", "instant"),
    ),
    Trap("no change", a_success_without_a_change_is_a_success, _forgetful({10025: REFUSED})),
    Trap(
        "requote",
        refused(10004, RetcodeClass.REFRESH_PRICE, again=True),
        _forgetful({10004: REFUSED}),
    ),
    Trap("too many requests", refused(10024, PASS, again=True), _forgetful({10024: REFUSED})),
    Trap(
        "automated trading is off",
        refused(10027, RetcodeClass.OPERATOR, again=True),
        _forgetful({10027: REFUSED}),
    ),
    Trap("no money", refused(10019, REFUSED, again=False), _forgetful({10019: PASS})),
    Trap("invalid stops", refused(10016, FIX, again=False), _forgetful({10016: PASS})),
    Trap(
        "position is gone",
        refused(10036, RetcodeClass.STATE_MOVED_ON, again=False),
        _forgetful({10036: PASS}),
    ),
    Trap("timeout code", an_unknown_code_is_asked_about, _forgetful({10012: REFUSED})),
    Trap("None", none_is_asked_about, replaced(retcodes, "never_sent", lambda code: PASS)),
    Trap(
        "server time",
        stamps_are_translated_from_server_time,
        lambda patch: patch.setattr(ServerTime, "to_utc", _as_if_utc),
        options=("--server-utc-offset-hours", "3"),
        offset_hours=3,
    ),
    Trap(
        "weekend's tick",
        an_old_tick_proves_no_time_zone,
        lambda patch: patch.setattr(ServerTime, "observe", _believes_all),
    ),
    Trap(
        "history's window",
        history_reaches_into_the_servers_tomorrow,
        lambda patch: patch.setattr(Mt5Venue, "_window", _no_window),
        options=("--server-utc-offset-hours", "3"),
        offset_hours=3,
    ),
    Trap(
        "overwritten comment",
        overwritten_comments_hide_nothing,
        replaced(search, "_is_marked", lambda wanted, r: r.comment == wanted.client_order_id),
    ),
    Trap(
        "order without a number",
        what_has_no_number_is_found_by_its_shape,
        replaced(search, "_has_shape", lambda wanted, order: False),
    ),
    Trap(
        "stops inherit numbers",
        a_stop_is_not_taken_for_the_order_that_it_closed,
        replaced(search, "_NOT_OURS", frozenset()),
    ),
    Trap(
        "real account",
        a_real_account_is_not_traded,
        lambda patch: patch.setattr(Mt5Venue, "_guard", lambda self, state: None),
        options=("--trade-mode", "real"),
    ),
    Trap(
        "hidden symbol",
        hidden_symbols_are_selected_first,
        lambda patch: patch.setattr(Within, "symbol_select", lambda *_: True, raising=False),
    ),
)


def _as_if_utc(self: ServerTime, server_msc: int) -> datetime | None:
    return datetime.fromtimestamp(server_msc / 1000, UTC)


def a_stage(trap: Trap, home: Path) -> Stage:
    """Open a terminal whose price stands, then falls."""
    market = {"symbol": "XAUUSD", "digits": 2, "prices": (3350.0, 3350.0)} if trap.gold else {}
    prices = market or {"prices": (1.1, 1.1, 1.0, 1.0, 1.0, 1.0)}
    inside = open_inside(home, *trap.options, **prices)
    terminal = Within(inside)
    options = Mt5Options(server_utc_offset_hours=trap.offset_hours)
    venue = Mt5Venue(terminal, InsideClock(inside), options)  # type: ignore[arg-type]
    if "real" not in trap.options:
        venue.connect()
    return Stage(inside, terminal, venue)


@pytest.mark.parametrize("trap", TRAPS, ids=[trap.name for trap in TRAPS])
def test_trap_is_handled_and_would_be_noticed_otherwise(trap: Trap, tmp_path: Path):
    stage = a_stage(trap, tmp_path / "as it is")
    try:
        trap.holds(stage)
    finally:
        stage.inside.close()
    with pytest.MonkeyPatch.context() as patch:
        trap.without(patch)
        careless = a_stage(trap, tmp_path / "without")
        try:
            with pytest.raises(BaseException):  # noqa: B017, PT011 - however it shows
                trap.holds(careless)
        finally:
            careless.inside.close()
