"""The unmodified mt5linux client at the paper terminal."""

from datetime import UTC, datetime, timedelta

import pytest
from mt5linux import MetaTrader5

from tests.venues.conftest import Starter
from tests.venues.process import LOGIN, PaperProcess

DEAL, PENDING, SLTP, MODIFY, REMOVE, CLOSE_BY = 1, 5, 6, 7, 8, 10
DONE = 10009


@pytest.fixture
def client(shared_terminal: PaperProcess) -> MetaTrader5:
    """A client that may trade."""
    return shared_terminal.client()


def market(symbol: object = "EURUSD", **changes: object) -> dict[str, object]:
    """A market order that every check lets pass, with changes."""
    request: dict[str, object] = {
        "action": DEAL,
        "symbol": symbol,
        "volume": 0.1,
        "type": 0,
        "type_filling": 0,
        "magic": 4711,
        "comment": "test",
    }
    return request | changes


def opened(client: MetaTrader5, **changes: object) -> int:
    """Open a position and give its ticket."""
    result = client.order_send(market(**changes))
    assert result.retcode == DONE
    return int(result.order)


def test_connects_and_describes_the_account(client: MetaTrader5):
    account = client.account_info()
    assert account.login == LOGIN
    assert account.margin_mode == 2
    assert account.trade_mode == 0
    assert dict(account._asdict().items())["currency"] == "USD"
    assert client.version()[0] == 500
    assert client.last_error() == (1, "Success")


def test_describes_symbols_with_differing_filling_masks(client: MetaTrader5):
    assert client.symbols_total() == 5
    masks = {s.name: s.filling_mode for s in client.symbols_get()}
    assert masks["EURUSD"] == 3
    assert masks["XAUUSD"] == 2
    assert masks["BTCUSD"] == 1
    assert client.symbol_info("NOPE") is None
    assert client.last_error()[0] == -4


def test_tick_lies_in_server_time(client: MetaTrader5):
    tick = client.symbol_info_tick("EURUSD")
    ahead_s = tick.time - datetime.now(UTC).timestamp()  # noqa: TID251 - the real now
    assert abs(ahead_s - 7200) < 10
    assert 0 < tick.bid < tick.ask


@pytest.mark.parametrize("timeframe", [1, 15, 16385])
def test_bars_reach_back_and_end_at_the_present_price(client: MetaTrader5, timeframe: int):
    rates = client.copy_rates_from_pos("EURUSD", timeframe, 0, 500)
    assert len(rates) == 500
    assert (rates["low"] <= rates["open"]).all()
    assert (rates["low"] <= rates["close"]).all()
    assert (rates["high"] >= rates["open"]).all()
    assert (rates["high"] >= rates["close"]).all()
    spans = set((rates["time"][1:] - rates["time"][:-1]).tolist())
    assert len(spans) == 1
    ticks = client.copy_ticks_from(
        "EURUSD", datetime.fromtimestamp(int(rates[-1]["time"]), UTC), 5, -1
    )
    assert rates[-1]["open"] == ticks[0]["bid"]


def test_longer_bars_agree_with_shorter_ones(client: MetaTrader5):
    hour = client.copy_rates_from_pos("XAUUSD", 16385, 3, 1)[0]
    start = datetime.fromtimestamp(int(hour["time"]), UTC)
    end = start + timedelta(minutes=59)
    minutes = client.copy_rates_range("XAUUSD", 1, start, end)
    assert len(minutes) == 60
    assert hour["open"] == minutes[0]["open"]
    assert hour["close"] == minutes[-1]["close"]
    assert hour["high"] == minutes["high"].max()
    assert hour["low"] == minutes["low"].min()


def test_position_opens_with_stops_and_closes_by_its_ticket(client: MetaTrader5):
    tick = client.symbol_info_tick("EURUSD")
    stop, target = round(tick.bid - 0.02, 5), round(tick.bid + 0.02, 5)
    ticket = opened(client, sl=stop, tp=target)
    (position,) = client.positions_get(ticket=ticket)
    assert (position.sl, position.tp, position.comment) == (stop, target, "test")
    assert position.magic == 4711

    balance = client.account_info().balance
    closed = client.order_send(market(type=1, position=ticket))
    assert closed.retcode == DONE
    assert client.positions_get(ticket=ticket) == ()
    out = next(d for d in client.history_deals_get(position=ticket) if d.entry == 1)
    assert out.ticket == closed.deal
    expected = round((out.price - position.price_open) * 0.1 * 100_000, 2)
    assert out.profit == pytest.approx(expected)
    assert client.account_info().balance == pytest.approx(balance + out.profit + out.commission)


def test_closing_without_the_position_opens_a_second_one_when_hedging(client: MetaTrader5):
    ticket = opened(client, symbol="GBPUSD")
    other = opened(client, symbol="GBPUSD", type=1)
    tickets = {p.ticket for p in client.positions_get(symbol="GBPUSD")}
    assert {ticket, other} <= tickets
    by = client.order_send({"action": CLOSE_BY, "position": ticket, "position_by": other})
    assert by.retcode == DONE
    assert not {p.ticket for p in client.positions_get(symbol="GBPUSD")} & {ticket, other}


def test_pending_order_rests_changes_and_is_removed(client: MetaTrader5):
    price = round(client.symbol_info_tick("EURUSD").ask - 0.05, 5)
    request = market(action=PENDING, type=2, price=price, type_filling=2)
    placed = client.order_send(request)
    assert (placed.retcode, placed.deal) == (DONE, 0)
    (order,) = client.orders_get(ticket=placed.order)
    assert order.price_open == price

    lower = round(price - 0.01, 5)
    change = {"action": MODIFY, "order": placed.order, "price": lower}
    assert client.order_send(change).retcode == DONE
    assert client.order_send(change).retcode == 10025
    remove = {"action": REMOVE, "order": placed.order}
    assert client.order_send(remove).retcode == DONE
    assert client.orders_get(ticket=placed.order) == ()
    (done,) = client.history_orders_get(ticket=placed.order)
    assert done.state == 2
    assert client.order_send(remove).retcode == 10023


def test_stops_of_a_position_can_be_changed(client: MetaTrader5):
    ticket = opened(client)
    stop = round(client.symbol_info_tick("EURUSD").bid - 0.01, 5)
    change = {"action": SLTP, "symbol": "EURUSD", "position": ticket, "sl": stop, "tp": 0.0}
    assert client.order_send(change).retcode == DONE
    assert client.positions_get(ticket=ticket)[0].sl == stop
    assert client.order_send(change).retcode == 10025
    assert client.order_send(change | {"position": 1}).retcode == 10036


@pytest.mark.parametrize(
    ("changes", "retcode"),
    [
        ({"volume": 0.001}, 10014),
        ({"volume": 0.015}, 10014),
        ({"volume": 1e6}, 10014),
        ({"volume": 0.0}, 10014),
        ({"volume": 400.0, "symbol": "EURUSD"}, 10019),
        ({"symbol": "NOPE"}, 10013),
        ({"type": 9}, 10035),
        ({"action": 99}, 10013),
        ({"type_filling": 2}, 10030),
        ({"symbol": "XAUUSD", "type_filling": 0}, 10030),
        ({"symbol": "BTCUSD", "type_filling": 1}, 10030),
        ({"sl": 99.0}, 10016),
        ({"position": 12345}, 10036),
        ({"action": PENDING, "type": 2, "price": 9.0, "type_filling": 2}, 10015),
        ({"action": PENDING, "type": 2, "price": 0.5000001, "type_filling": 2}, 10015),
        ({"action": PENDING, "type": 8, "price": 1.0, "type_filling": 2}, 10035),
        ({"action": PENDING, "type": 6, "price": 9.0, "type_filling": 2}, 10015),
        (
            {"action": PENDING, "type": 2, "price": 0.5, "type_filling": 2, "expiration": 5},
            10022,
        ),
    ],
)
def test_business_refusals_have_retcodes(
    start_terminal: Starter, shared_terminal: PaperProcess, changes: dict[str, object], retcode: int
):
    client = shared_terminal.client()
    if retcode == 10019:
        # 400 lots need more margin than a small account has.
        client = start_terminal("--balance", "1000").client()
    before = client.positions_total()
    assert client.order_check(market() | changes).retcode == retcode
    assert client.order_send(market() | changes).retcode == retcode
    assert client.positions_total() == before


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"price": 1}, "price"),
        ({"volume": 1}, "volume"),
        ({"volume": True}, "volume"),
        ({"comment": "x" * 30}, "comment"),
        ({"comment": "\N{CHART WITH UPWARDS TREND}" * 15}, "comment"),
        ({"symbol": "S" * 30}, "symbol"),
        ({"type_filling": 1.0}, "type_filling"),
        ({"expiration": 1.0}, "expiration"),
        ({"price": 1, "magic": 1.0}, "magic"),
    ],
)
def test_malformed_arguments_give_none_and_last_error(
    client: MetaTrader5, changes: dict[str, object], name: str
):
    assert client.order_send(market() | changes) is None
    assert client.last_error() == (-2, f'Invalid "{name}" argument')


def test_comment_of_29_units_is_taken(client: MetaTrader5):
    ticket = opened(client, comment="x" * 29)
    assert client.positions_get(ticket=ticket)[0].comment == "x" * 29


def test_history_wants_positional_dates(client: MetaTrader5):
    ticket = opened(client)
    now = datetime.now(UTC)  # noqa: TID251 - as a user would
    assert client.history_deals_get() is None
    assert client.last_error()[0] == -2
    tomorrow = now + timedelta(days=1)
    deals = client.history_deals_get(now - timedelta(days=1), tomorrow, group="*EUR*")
    assert ticket in {d.order for d in deals}
    # The server is two hours ahead: who asks up to his own now misses what just happened.
    assert ticket not in {d.order for d in client.history_deals_get(now - timedelta(days=1), now)}
    assert client.history_orders_total(now, tomorrow) >= 1


def test_calculations_are_in_account_currency(client: MetaTrader5):
    margin = client.order_calc_margin(0, "USDJPY", 1.0, 152.0)
    assert margin == pytest.approx(1000.0)
    profit = client.order_calc_profit(0, "USDJPY", 1.0, 152.0, 153.0)
    assert profit == pytest.approx(100_000 / client.symbol_info_tick("USDJPY").bid, rel=0.01)


def test_depth_is_empty(client: MetaTrader5):
    assert client.market_book_add("EURUSD")
    assert client.market_book_get("EURUSD") == ()


def test_without_initialize_nothing_is_answered(start_terminal: Starter):
    client = start_terminal().client(initialize=False)
    assert client.account_info() is None
    assert client.last_error() == (-10004, "No IPC connection")
    assert not client.initialize(login=999)
    assert client.last_error()[0] == -6


def test_newer_session_displaces_the_older_for_trading(shared_terminal: PaperProcess):
    older, newer = shared_terminal.client(), shared_terminal.client()
    total = newer.positions_total()
    assert older.order_send(market()) is None
    assert older.last_error()[0] == -10004
    assert older.symbol_info_tick("EURUSD").bid > 0
    assert newer.positions_total() == total
    assert newer.order_send(market()).retcode == DONE
    assert older.initialize()
    assert older.order_send(market()).retcode == DONE


def test_reader_that_does_not_initialize_displaces_nobody(shared_terminal: PaperProcess):
    trader = shared_terminal.client()
    reader = shared_terminal.client(initialize=False)
    assert reader.symbol_info_tick("EURUSD").bid > 0
    assert reader.order_send(market()) is None
    assert trader.order_send(market()).retcode == DONE
