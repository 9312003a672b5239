"""The MetaTrader 5 venue against the real paper terminal."""

import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backend.ports import SystemClock, Venue
from backend.values import OrderType, Side, TimeInForce
from backend.venues.model import (
    AccountMismatch,
    AttemptRequest,
    CancelRequest,
    LiveAccountRefused,
    Outcome,
    RetcodeClass,
    StopsRequest,
    VenueReport,
    VenueUnavailable,
)
from backend.venues.mt5.venue import Mt5Venue
from backend.venues.registry import build_venue
from tests.venues.builders import an_attempt
from tests.venues.conftest import Starter
from tests.venues.process import LOGIN, PaperProcess

Connect = Callable[..., Mt5Venue]
CLOCK = SystemClock()


def venue_at(port: int, *, login: int | None = LOGIN, **changes: Any) -> Mt5Venue:
    """Build a venue for a terminal's port; keywords of `build_venue` are told apart."""
    known = {k: changes.pop(k) for k in ("allow_live", "read_only") if k in changes}
    connection = {"host": "127.0.0.1", "port": port, "terminal": "paper"} | changes
    row = {"venue_kind": "mt5", "login": login, "connection": connection}
    return build_venue(row, CLOCK, **known)


@pytest.fixture
def connect() -> Generator[Connect]:
    """Connect venues that are closed afterwards."""
    opened: list[Mt5Venue] = []

    def make(process: PaperProcess, **changes: Any) -> Mt5Venue:
        venue = venue_at(process.port, **changes)
        venue.connect()
        opened.append(venue)
        return venue

    yield make
    for venue in opened:
        venue.close()


@pytest.fixture(params=["paper", "mt5linux"])
def venue(request: pytest.FixtureRequest, connect: Connect, shared_terminal: PaperProcess):
    """A venue over each of our two roads to a remote terminal."""
    return connect(shared_terminal, terminal=request.param)


def test_account_and_instrument_are_exact(venue: Mt5Venue):
    account = venue.account()
    assert (account.login, account.trade_mode, account.hedging) == (LOGIN, "demo", True)
    gold = venue.instrument("XAUUSD")
    assert (gold.tick_size, gold.contract_size) == (Decimal("0.01"), Decimal(100))
    assert (gold.volume_step, gold.filling_mask) == (Decimal("0.01"), 2)


def test_quote_has_the_venue_s_time_in_utc(venue: Mt5Venue):
    quote = venue.quote("EURUSD")
    assert quote is not None
    assert abs(quote.received_at - quote.venue_time) < timedelta(seconds=5)
    assert quote.bid < quote.ask
    assert quote.bid.as_tuple().exponent == -5
    assert venue.server_utc_offset == timedelta(hours=2)


@pytest.mark.parametrize("symbol", ["EURUSD", "XAUUSD", "BTCUSD"])
def test_market_order_is_filled_whatever_the_symbol_s_filling(venue: Mt5Venue, symbol: str):
    attempt = an_attempt(symbol=symbol)
    report = venue.submit(attempt)
    assert report.outcome is Outcome.FILLED
    assert report.retcode == 10009
    assert report.retcode_class is RetcodeClass.SUCCESS
    assert report.volume == Decimal("0.1")
    assert report.latency_ms is not None
    (position,) = [p for p in venue.positions(symbol) if p.ticket == report.position_ticket]
    assert position.price_open == report.price
    assert (position.magic, position.comment) == (attempt.magic_number, attempt.client_order_id)
    (deal,) = venue.deals_of(report.order_ticket or 0)
    assert deal.ticket == report.deal_ticket
    assert deal.commission == Decimal("0.3")
    assert deal.executed_at is not None
    assert abs(deal.executed_at - report.received_at) < timedelta(seconds=5)


def test_one_call_is_enough_for_an_order(connect: Connect, shared_terminal: PaperProcess):
    venue = connect(shared_terminal)
    venue.instrument("EURUSD")
    link = venue._terminal._link  # type: ignore[attr-defined]
    sent: list[str] = []
    for name in ("evaluate", "later"):
        original = getattr(link, name)

        def told(source: str, *args: Any, ask: Any = original) -> Any:
            sent.append(source)
            return ask(source, *args)

        object.__setattr__(link, name, told)
    assert venue.submit(an_attempt()).outcome is Outcome.FILLED
    assert len(sent) == 1


def test_position_is_closed_in_part_and_whole(venue: Mt5Venue):
    opened = venue.submit(an_attempt(volume=Decimal("0.3")))
    ticket = opened.position_ticket
    close = {"side": Side.SELL, "position_ticket": ticket}
    part = venue.close_position(an_attempt(volume=Decimal("0.1"), **close))
    assert part.outcome is Outcome.FILLED
    assert next(p.volume for p in venue.positions() if p.ticket == ticket) == Decimal("0.2")
    too_much = venue.close_position(an_attempt(volume=Decimal("0.3"), **close))
    assert (too_much.outcome, too_much.retcode) == (Outcome.REJECTED, 10038)
    venue.close_position(an_attempt(volume=Decimal("0.2"), **close))
    assert ticket not in {p.ticket for p in venue.positions()}
    gone = venue.close_position(an_attempt(volume=Decimal("0.2"), **close))
    assert gone.retcode_class is RetcodeClass.STATE_MOVED_ON


def test_limit_order_is_placed_and_cancelled(venue: Mt5Venue):
    attempt = an_attempt(order_type=OrderType.LIMIT, price=Decimal("0.9"))
    placed = venue.submit(attempt)
    assert (placed.outcome, placed.volume) == (Outcome.PLACED, Decimal(0))
    assert placed.order_ticket in {o.ticket for o in venue.orders("EURUSD")}
    identity = (attempt.attempt_id, attempt.client_order_id, "EURUSD", placed.order_ticket or 0)
    cancelled = venue.cancel(CancelRequest(*identity))
    assert cancelled.outcome is Outcome.CANCELLED
    assert venue.cancel(CancelRequest(*identity)).retcode_class is RetcodeClass.STATE_MOVED_ON
    found = look(venue, attempt)
    assert found is not None
    assert found.outcome is Outcome.CANCELLED


def test_stops_are_changed(venue: Mt5Venue):
    opened = venue.submit(an_attempt())
    quote = venue.quote("EURUSD")
    assert quote is not None
    stop = quote.bid - Decimal("0.01")
    ticket = opened.position_ticket or 0
    request = StopsRequest(opened.attempt_id, "x", "EURUSD", ticket, stop, None)  # type: ignore[arg-type]
    assert venue.change_stops(request).outcome is Outcome.PLACED
    assert next(p.stop_loss for p in venue.positions() if p.ticket == ticket) == stop
    assert venue.change_stops(request).retcode_class is RetcodeClass.NO_CHANGE


def test_refusals_keep_their_class(venue: Mt5Venue):
    refused = venue.submit(an_attempt(stop_loss=Decimal(99)))
    assert (refused.outcome, refused.retcode) == (Outcome.REJECTED, 10016)
    assert refused.retcode_class is RetcodeClass.FIX_REQUEST
    unsent = venue.submit(an_attempt(volume=Decimal("0.001")))
    assert unsent.outcome is Outcome.NOT_SENT
    unknown_symbol = venue.submit(an_attempt(symbol="NOPE"))
    assert unknown_symbol.outcome is Outcome.NOT_SENT
    fok = venue.submit(an_attempt(symbol="XAUUSD", time_in_force=TimeInForce.FOK))
    assert fok.outcome is Outcome.NOT_SENT


def test_bars_are_closed_and_in_utc(venue: Mt5Venue):
    end = datetime.now(UTC)  # noqa: TID251 - the terminal lives in real time
    bars = list(venue.bars("EURUSD", "M15", end - timedelta(hours=5), end))
    assert 18 <= len(bars) <= 20
    assert all(b.opened_at + timedelta(minutes=15) <= end for b in bars)
    assert all(b.low <= min(b.open, b.close) <= max(b.open, b.close) <= b.high for b in bars)
    with pytest.raises(ValueError, match="no such timeframe"):
        list(venue.bars("EURUSD", "M7", end, end))


def look(venue: Mt5Venue, attempt: Any, magic: bool = True) -> Any:
    """Search for an attempt as the execution agent does."""
    return venue.find(
        attempt.client_order_id,
        attempt.symbol,
        attempt.volume,
        attempt.side,
        datetime.now(UTC) - timedelta(minutes=5),  # noqa: TID251
        attempt.magic_number if magic else None,
    )


def test_find_tells_what_became_of_an_order(venue: Mt5Venue):
    attempt = an_attempt()
    assert look(venue, attempt) is None
    report = venue.submit(attempt)
    for magic in (True, False):
        found = look(venue, attempt, magic)
        assert (found.outcome, found.volume) == (Outcome.FILLED, report.volume)
        assert (found.price, found.order_ticket) == (report.price, report.order_ticket)
        assert found.commission == Decimal("0.3")
        assert found.venue_time is not None
    venue.close_position(an_attempt(side=Side.SELL, position_ticket=report.position_ticket))
    assert look(venue, attempt).deal_ticket == report.deal_ticket


def test_order_with_an_overwritten_comment_is_found_by_shape(
    connect: Connect, start_terminal: Starter
):
    terminal = start_terminal()
    client = terminal.client()
    foreign = {"action": 1, "symbol": "EURUSD", "volume": 0.37, "type": 1, "comment": "broker"}
    client.order_send(foreign | {"magic": 5})
    venue = connect(terminal, read_only=True)
    attempt = an_attempt(volume=Decimal("0.37"), side=Side.SELL)
    assert look(venue, attempt) is None
    ticket = client.order_send(foreign).order
    assert look(venue, attempt).order_ticket == ticket
    client.order_send(foreign)
    ambiguous = look(venue, attempt)
    assert ambiguous.outcome is Outcome.UNKNOWN
    assert "ambiguous by shape" in ambiguous.message


def test_lost_answer_is_unknown_and_found_later(connect: Connect, start_terminal: Starter):
    terminal = start_terminal("--latency-ms", "700")
    venue = connect(terminal, call_timeout_s=0.25)
    attempt = an_attempt()
    report = venue.submit(attempt)
    assert report.outcome is Outcome.UNKNOWN
    assert not venue.connected
    deadline = time.monotonic() + 10
    found = None
    while found is None and time.monotonic() < deadline:
        try:
            found = look(venue, attempt)
        except VenueUnavailable:
            time.sleep(0.1)
    assert found is not None
    assert found.outcome is Outcome.FILLED
    assert len(venue.positions()) == 1


def test_terminal_that_died_makes_reads_fail_and_orders_not_sent(
    connect: Connect, start_terminal: Starter
):
    terminal = start_terminal()
    venue = connect(terminal)
    venue.instrument("EURUSD")
    terminal.kill()
    first = venue.submit(an_attempt())
    assert first.outcome in (Outcome.UNKNOWN, Outcome.NOT_SENT)
    assert venue.submit(an_attempt()).outcome is Outcome.NOT_SENT
    with pytest.raises(VenueUnavailable):
        venue.quote("EURUSD")
    with pytest.raises(VenueUnavailable):
        look(venue, an_attempt())
    with pytest.raises(VenueUnavailable):
        venue.connect()


def test_venue_reconnects_to_a_restarted_terminal(connect: Connect, start_terminal: Starter):
    terminal = start_terminal()
    port = terminal.port
    venue = connect(terminal)
    attempt = an_attempt()
    venue.submit(attempt)
    terminal.kill()
    terminal.options = ()
    terminal.start(port)
    venue.connect()
    assert look(venue, attempt).outcome is Outcome.FILLED


def test_displaced_bridge_cannot_trade(connect: Connect, shared_terminal: PaperProcess):
    stalled = connect(shared_terminal)
    stalled.instrument("EURUSD")
    connect(shared_terminal)
    attempt = an_attempt()
    report = stalled.submit(attempt)
    assert report.outcome is Outcome.UNKNOWN
    assert "displaced" in report.message
    assert not stalled.connected
    assert look(stalled, attempt) is None


def test_reader_neither_trades_nor_displaces(connect: Connect, shared_terminal: PaperProcess):
    trader = connect(shared_terminal)
    reader = connect(shared_terminal, read_only=True)
    assert reader.quote("EURUSD") is not None
    assert reader.submit(an_attempt()).outcome is Outcome.NOT_SENT
    assert trader.submit(an_attempt()).outcome is Outcome.FILLED


def test_real_account_is_refused_unless_live_is_allowed(connect: Connect, start_terminal: Starter):
    terminal = start_terminal("--trade-mode", "real")
    with pytest.raises(LiveAccountRefused):
        connect(terminal)
    assert connect(terminal, allow_live=True).account().trade_mode == "real"


def test_account_of_somebody_else_is_refused(connect: Connect, shared_terminal: PaperProcess):
    connect(shared_terminal)
    with pytest.raises(AccountMismatch):
        connect(shared_terminal, login=5, read_only=True)
    with pytest.raises(VenueUnavailable, match="Authorization failed"):
        connect(shared_terminal, login=5)


def test_netting_account_closes_without_naming_the_position(
    connect: Connect, start_terminal: Starter
):
    venue = connect(start_terminal("--margin-mode", "netting"))
    opened = venue.submit(an_attempt())
    assert not venue.account().hedging
    ticket = venue.positions()[0].ticket
    assert opened.order_ticket == ticket
    venue.close_position(an_attempt(side=Side.SELL, position_ticket=ticket))
    assert venue.positions() == ()


def test_partial_fill_under_instant_and_market_execution(connect: Connect, start_terminal: Starter):
    venue = connect(start_terminal("--partial-fill", "1"))
    attempt = an_attempt(volume=Decimal(1), time_in_force=TimeInForce.IOC)
    report = venue.submit(attempt)
    assert report.outcome is Outcome.PARTIALLY_FILLED
    assert Decimal("0.3") <= report.volume < 1
    assert look(venue, attempt).outcome is Outcome.PARTIALLY_FILLED
    instant = connect(start_terminal("--execution", "instant", name="instant"))
    assert instant.submit(an_attempt(deviation_points=1000)).outcome is Outcome.FILLED


def test_broker_s_own_names_are_translated(connect: Connect, shared_terminal: PaperProcess):
    venue = connect(shared_terminal, symbols={"GOLD": "XAUUSD"})
    report = venue.submit(an_attempt(symbol="GOLD"))
    assert report.outcome is Outcome.FILLED
    assert report.position_ticket in {p.ticket for p in venue.positions("GOLD")}
    assert "GOLD" in {p.symbol for p in venue.positions()}


@pytest.mark.parametrize(
    "row",
    [
        {"venue_kind": "polymarket"},
        {"venue_kind": "mt5", "connection": {}},
        {"venue_kind": "mt5", "connection": {"terminal": "paper"}},
        {"venue_kind": "mt5", "connection": {"terminal": "paper", "port": 1, "bypass": True}},
        {"venue_kind": "mt5", "connection": {"terminal": "paper", "port": 1, "call_timeout_s": 0}},
    ],
)
def test_account_rows_that_say_too_little_or_too_much_are_refused(row: dict[str, Any]):
    with pytest.raises(ValueError, match=r"venue of kind|connection"):
        build_venue(row, CLOCK)


def test_package_terminal_says_that_it_is_for_windows():
    row = {"venue_kind": "mt5", "connection": {"terminal": "package"}}
    with pytest.raises(VenueUnavailable, match="Windows"):
        build_venue(row, CLOCK).connect()


def test_venue_fits_the_port():
    def wants(venue: Venue[AttemptRequest, VenueReport]) -> object:
        return venue

    assert wants(venue_at(1))
