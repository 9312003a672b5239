"""Every trap of the MetaTrader 5 API stands in the terminal's way too, through a real client."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rpyc
from mt5linux import MetaTrader5

from backend.paper_terminal.constants import Retcode
from cli.main import main
from tests.venues.conftest import Starter
from tests.venues.inside import Inside, open_inside
from tests.venues.process import END_S, LOGIN, PaperProcess
from tests.venues.test_terminal_life import order

DONE, PARTIAL = 10009, 10010


@pytest.fixture
def client(shared_terminal: PaperProcess):
    shared_terminal.control.clear()
    yield shared_terminal.client()
    shared_terminal.control.clear()


@pytest.fixture
def inside(tmp_path: Path):
    opened = open_inside(tmp_path)
    yield opened
    opened.close()


def test_the_unmodified_client_places_partially_fills_modifies_and_closes(
    client: MetaTrader5, shared_terminal: PaperProcess
):
    tick = client.symbol_info_tick("EURUSD")
    limit = order(action=5, type=2, price=round(tick.bid - 0.05, 5), type_filling=2, magic=31)
    placed = client.order_send(limit)
    assert placed.retcode == DONE
    change = {"action": 7, "order": placed.order, "price": round(tick.bid - 0.06, 5)}
    assert client.order_send(change).retcode == DONE
    assert client.orders_get(ticket=placed.order)[0].price_open == change["price"]
    assert client.order_send({"action": 8, "order": placed.order}).retcode == DONE

    shared_terminal.control.inject("partial_fill", share=0.4)
    part = client.order_send(order(volume=0.5, type_filling=1, magic=32))
    assert (part.retcode, part.volume) == (PARTIAL, 0.2)
    (held,) = client.positions_get(ticket=part.order)
    assert held.volume == 0.2
    stop = round(tick.bid - 0.02, 5)
    stops = {"action": 6, "symbol": "EURUSD", "position": part.order, "sl": stop, "tp": 0.0}
    assert client.order_send(stops).retcode == DONE
    assert client.positions_get(ticket=part.order)[0].sl == stop
    closed = client.order_send(order(type=1, volume=0.2, position=part.order))
    assert closed.retcode == DONE
    assert client.positions_get(ticket=part.order) == ()
    deals = client.history_deals_get(position=part.order)
    assert [(d.entry, d.volume) for d in deals] == [(0, 0.2), (1, 0.2)]


@pytest.mark.parametrize("retcode", sorted(Retcode))
def test_any_code_of_a_server_can_be_met(
    client: MetaTrader5, shared_terminal: PaperProcess, retcode: int
):
    shared_terminal.control.inject("reject", retcode=int(retcode))
    result = client.order_send(order())
    assert (result.retcode, result.deal, result.order) == (retcode, 0, 0)
    assert result.comment != ""


@pytest.mark.parametrize(("mode", "number"), [("demo", 0), ("contest", 1), ("real", 2)])
def test_an_account_says_what_it_is(tmp_path: Path, mode: str, number: int):
    opened = open_inside(tmp_path, "--trade-mode", mode)
    assert opened.account_info().trade_mode == number
    opened.close()


def test_nothing_marks_a_request_that_is_sent_twice(client: MetaTrader5):
    before = client.positions_total()
    request = order(magic=33, comment="the very same")
    tickets = {client.order_send(request).order for _ in range(2)}
    assert len(tickets) == 2
    assert client.positions_total() == before + 2


def test_levels_too_near_to_the_price_are_refused(inside: Inside):
    assert inside.symbol_info("EURUSD").trade_stops_level == 10
    tick = inside.symbol_info_tick("EURUSD")
    assert inside.trade(sl=round(tick.bid - 0.00009, 5)).retcode == 10016
    assert inside.trade(tp=round(tick.bid + 0.00009, 5)).retcode == 10016
    assert inside.trade(sl=round(tick.bid - 0.0001, 5)).retcode == DONE
    near = {"action": 5, "type": 2, "price": round(tick.ask - 0.00009, 5), "type_filling": 2}
    assert inside.trade(**near).retcode == 10015


def test_deviation_and_price_mean_nothing_under_market_execution(inside: Inside):
    assert inside.trade(price=0.5, deviation=0).retcode == DONE


def test_magic_numbers_have_64_bits_without_a_sign(tmp_path: Path):
    inside = open_inside(tmp_path)
    largest = (1 << 64) - 1
    ticket = inside.trade(magic=largest).order
    for wrong in (-1, 1 << 64):
        with pytest.raises(SystemError, match="returned a result with an exception set"):
            inside.trade(magic=wrong)
        assert inside.last_error() == (-2, 'Invalid "magic" argument')
    inside.close()
    again = open_inside(tmp_path)
    assert again.positions_get(ticket=ticket)[0].magic == largest
    assert again.history_deals_get(ticket=ticket)[0].magic == largest
    again.close()


def test_words_that_the_package_does_not_know_are_ignored_a_forgotten_stop_with_them(
    inside: Inside,
):
    ticket = inside.trade(stop_loss=1.05).order
    assert inside.positions_get(ticket=ticket)[0].sl == 0.0
    by_words = inside.order_send(action=1, symbol="EURUSD", volume=1.0, type=1, sl=1.2)
    assert inside.positions_get(ticket=by_words.order)[0].sl == 1.2


def test_filters_exclude_one_another_silently(inside: Inside):
    first, second = (inside.trade().order for _ in range(2))
    assert [p.ticket for p in inside.positions_get(symbol="GBPUSD", ticket=first)] == [first]
    assert len(inside.positions_get(Symbol="GBPUSD")) == 2
    # Dates come before tickets: this is the whole day, not the order.
    assert len(inside.history_deals_get(0, END_S, ticket=second)) == 3
    assert [d.order for d in inside.history_deals_get(ticket=second)] == [second]


def test_dates_end_in_2038(inside: Inside):
    inside.trade()
    assert inside.history_deals_total(0, END_S) == 2
    with pytest.raises(SystemError):
        inside.history_deals_total(0, 1 << 31)
    assert inside.history_deals_total(0, datetime(2040, 1, 1, tzinfo=UTC)) == 0


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "told"),
    [
        ("order_send", [{"action": 1, "volume": 1}], {}, 'Invalid "volume" argument'),
        ("order_send", [{}], {"action": 1}, "Unnamed arguments not allowed"),
        ("order_send", [], {}, "Invalid number of arguments"),
        ("order_send", ["buy"], {}, "Invalid arguments"),
        ("order_check", [{"action": 1, "sl": 1}], {}, 'Invalid "sl" argument'),
        ("positions_get", [], {"ticket": "7"}, 'Invalid "ticket" argument'),
        ("orders_get", [], {"symbol": 7}, 'Invalid "symbol" argument'),
        ("symbol_info", [[]], {}, "Invalid arguments"),
        ("symbol_info", [], {"symbol": "EURUSD"}, "Invalid arguments"),
        ("symbol_info_tick", ["S" * 30], {}, "Invalid arguments"),
        ("history_deals_get", [], {"date_from": 0, "date_to": 9}, "Invalid arguments"),
        ("history_deals_get", [0], {}, "Invalid arguments"),
        ("history_orders_get", ["2026-01-01", 9], {}, "Invalid arguments"),
        ("history_orders_get", [0], {"ticket": 9}, "Unnamed arguments not allowed"),
        ("positions_get", ["EURUSD"], {}, "Unnamed arguments not allowed"),
        ("copy_rates_from_pos", ["EURUSD", 7, 0, 9], {}, 'Invalid "timeframe" argument'),
        ("login", [], {}, "Invalid number of arguments"),
        ("login", ["10001"], {}, 'Invalid "login" argument'),
        ("initialize", [], {"timeout": "x"}, 'Invalid "timeout" argument'),
    ],
)
def test_the_package_itself_refuses_what_is_malformed(
    inside: Inside, function: str, args: list[Any], kwargs: dict[str, Any], told: str
):
    answer = inside.terminal.call(inside.session, function, args, kwargs)
    assert answer is (False if function in ("initialize", "login") else None)
    assert inside.last_error() == (-2, told)
    assert inside.account_info() is not None
    assert inside.last_error() == (1, "Success")


def test_login_password_and_server_are_asked_for(tmp_path: Path):
    inside = open_inside(tmp_path, "--password", "open sesame")
    assert not inside.login(LOGIN)
    assert inside.last_error() == (-6, "Terminal: Authorization failed")
    assert not inside.initialize(login=LOGIN, password="open", server="DynamicCapital-Paper")
    assert not inside.initialize(login=LOGIN, password="open sesame", server="Elsewhere")
    assert inside.login(LOGIN, password="open sesame", server="DynamicCapital-Paper")
    inside.close()


def test_hidden_symbols_have_no_ticks_until_they_are_selected(inside: Inside):
    assert inside.symbol_select("GBPUSD", False)
    assert inside.symbol_info_tick("GBPUSD") is None
    assert not inside.symbol_info("GBPUSD").select
    assert inside.symbol_select("GBPUSD")
    assert inside.symbol_info_tick("GBPUSD").bid > 0
    inside.trade()
    assert not inside.symbol_select("EURUSD", False)


def test_a_quiet_market_s_tick_is_old(tmp_path: Path):
    saturday = datetime(2026, 3, 7, 12, tzinfo=UTC)
    inside = open_inside(tmp_path, "--sessions", "strict", at=saturday)
    age = saturday - datetime.fromtimestamp(inside.symbol_info_tick("EURUSD").time, UTC)
    assert age > timedelta(hours=12)
    assert inside.symbol_info_tick("BTCUSD").time == int(saturday.timestamp())
    inside.close()


def test_netting_turns_what_hedging_would_let_stand(tmp_path: Path):
    counts = {}
    for mode in ("netting", "hedging"):
        inside = open_inside(tmp_path / mode, "--margin-mode", mode)
        inside.trade()
        inside.trade(type=1)
        counts[mode] = (inside.account_info().margin_mode, inside.positions_total())
        inside.close()
    assert counts == {"netting": (0, 0), "hedging": (2, 2)}


def test_a_displaced_session_cannot_trade_although_its_order_was_on_its_way(
    start_terminal: Starter,
):
    terminal = start_terminal("--latency-ms", "300", "--latency-sigma", "0")
    stalled = terminal.client()
    link: Any = stalled._MetaTrader5__conn  # type: ignore[attr-defined]
    answer = rpyc.async_(link.root.eval)(f"mt5.order_send({order()!r})")
    newer = terminal.client()
    assert answer.value is None
    assert stalled.last_error()[0] == -10004
    assert newer.positions_total() == 0


def test_faults_are_injected_listed_and_cleared_from_the_command_line(
    shared_terminal: PaperProcess,
    client: MetaTrader5,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    def desk(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(
            sys, "argv", ["desk", "paper", *words, "--home", str(shared_terminal.home)]
        )
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out + told.err

    status, told = desk("inject", "reject", "retcode=10024", "--next", "2", "--json")
    assert (status, '"retcode": 10024' in told) == (0, True)
    assert client.order_send(order()).retcode == 10024
    assert "reject retcode=10024 next 1" in desk("faults")[1]
    assert "lost_answer" in desk("faults", "--json")[1]
    assert '"rules": 1' in desk("status", "--json")[1]
    assert desk("clear") == (0, "cleared 1\n")
    assert client.order_send(order()).retcode == DONE
    status, told = desk("inject", "bad_weather")
    assert (status, "no such fault" in told) == (2, True)
    status, told = desk("inject", "latency", "slowly")
    assert (status, "'slowly' is no parameter" in told) == (2, True)
