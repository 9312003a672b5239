"""The terminal's own strictness over days: sessions, swaps, margin, waiting orders, liquidity."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.paper_terminal.conditions import Conditions, ConditionSettings
from backend.paper_terminal.constants import CalcMode
from backend.paper_terminal.faults import Injection
from backend.paper_terminal.sessions import parse_week
from backend.paper_terminal.store import Store
from tests.venues.inside import SPREAD_POINTS, Inside, open_inside
from tests.venues.process import END_S

Open = Callable[..., Inside]
DONE, PARTIAL, REJECTED, CLOSED, FROZEN = 10009, 10010, 10006, 10018, 10029
BUY_LIMIT, SELL_LIMIT, BUY_STOP, SELL_STOP, BUY_STOP_LIMIT, SELL_STOP_LIMIT = range(2, 8)
NETTING = ("--margin-mode", "netting")


@pytest.fixture
def paper(tmp_path: Path) -> Generator[Open]:
    opened: list[Inside] = []

    def make(*options: str, **words: Any) -> Inside:
        rules = words.pop("rules", None)
        home = tmp_path / str(len(opened))
        if rules:
            (tmp_path / "rules.toml").write_text(rules)
            options = (*options, "--rules", str(tmp_path / "rules.toml"))
        opened.append(open_inside(home, *options, **words))
        return opened[-1]

    yield make
    for inside in opened:
        inside.close()


def waiting(kind: int, price: float, **changes: object) -> dict[str, object]:
    request = {"action": 5, "symbol": "EURUSD", "volume": 1.0, "type": kind, "price": price}
    return request | {"type_filling": 2} | changes


def only(records: Any) -> Any:
    (record,) = records
    return record


# Sessions


def test_the_market_is_closed_out_of_its_windows_and_prices_stand_still(paper: Open):
    friday = datetime(2026, 3, 6, 23, 57, tzinfo=UTC)
    prices = [1.1 + 0.0001 * i for i in range(4000)]
    inside = paper("--sessions", "strict", prices=prices, at=friday)
    assert inside.trade().retcode == DONE
    inside.wait(minutes=5)
    last = inside.symbol_info_tick("EURUSD")
    assert inside.trade().retcode == CLOSED
    assert inside.order_check({"action": 1, "symbol": "EURUSD", "volume": 1.0}).retcode == CLOSED
    inside.wait(hours=24)
    assert inside.symbol_info_tick("EURUSD").time_msc == last.time_msc
    assert datetime.fromtimestamp(last.time, UTC) <= datetime(2026, 3, 6, 23, 58, tzinfo=UTC)
    inside.wait(hours=24, minutes=5)
    assert inside.symbol_info_tick("EURUSD").bid > last.bid + 0.2
    assert inside.trade().retcode == DONE


def test_nothing_is_triggered_while_the_market_is_closed(paper: Open):
    friday = datetime(2026, 3, 6, 23, 55, tzinfo=UTC)
    # The price dives on Saturday and is back before Monday.
    prices = [1.1] * 600 + [1.0] * 60 + [1.1] * 3000
    inside = paper("--sessions", "strict", prices=prices, at=friday)
    inside.trade(sl=1.05)
    inside.wait(days=2, hours=1)
    assert only(inside.positions_get()).sl == 1.05


def test_bars_of_closed_hours_are_not_listed(paper: Open):
    sunday = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
    inside = paper("--sessions", "strict", at=sunday)
    hours = inside.copy_rates_from_pos("EURUSD", 16385, 0, 30)
    days = {datetime.fromtimestamp(int(t), UTC).weekday() for t in hours["time"]}
    assert days == {3, 4}


@pytest.mark.parametrize("text", ["mon 25:00-26:00", "mon 10:00-09:00", "noday 1:00-2:00", ""])
def test_a_senseless_session_is_refused(text: str):
    with pytest.raises(ValueError, match="no trading session"):
        parse_week(text)


# Swaps


@pytest.mark.parametrize(
    ("opened", "nights"),
    [(datetime(2026, 3, 3, 22, tzinfo=UTC), 1), (datetime(2026, 3, 4, 22, tzinfo=UTC), 3),
     (datetime(2026, 3, 7, 22, tzinfo=UTC), 0)],
    ids=["tuesday", "wednesday is charged three times", "the weekend is not charged"],
)  # fmt: skip
def test_swaps_are_charged_when_the_server_s_day_ends(paper: Open, opened: datetime, nights: int):
    inside = paper(at=opened)
    inside.trade()
    inside.trade(type=1)
    inside.wait(hours=1, minutes=59)
    assert [p.swap for p in inside.positions_get()] == [0.0, 0.0]
    inside.wait(minutes=2)
    long, short = inside.positions_get()
    assert (long.swap, short.swap) == (round(-7.2 * nights, 2), round(2.9 * nights, 2))


def test_swaps_leave_with_the_volume_and_reach_the_balance_at_the_close(paper: Open):
    inside = paper(at=datetime(2026, 3, 3, 22, tzinfo=UTC))
    ticket = inside.trade(volume=0.3).order
    inside.wait(hours=3)
    assert only(inside.positions_get()).swap == -2.16
    balance = inside.account_info().balance
    assert inside.account_info().equity == pytest.approx(balance - 2.16 - 3.0)
    inside.trade(type=1, volume=0.1, position=ticket)
    assert only(inside.positions_get()).swap == -1.44
    inside.trade(type=1, volume=0.2, position=ticket)
    deals = inside.history_deals_get(position=ticket)
    assert [d.swap for d in deals] == [0.0, -0.72, -1.44]
    assert inside.account_info().balance == pytest.approx(
        balance + sum(d.profit + d.swap for d in deals)
    )


def test_a_night_is_charged_once_whatever_dies(paper: Open, tmp_path: Path):
    inside = paper(at=datetime(2026, 3, 3, 22, tzinfo=UTC))
    inside.trade()
    inside.wait(hours=3)
    inside.close()
    again = open_inside(tmp_path / "0", at=datetime(2026, 3, 4, 2, tzinfo=UTC))
    again.terminal.tick()
    assert only(again.positions_get()).swap == -7.2
    again.wait(days=1)
    assert only(again.positions_get()).swap == round(-7.2 * 4, 2)
    again.close()


# Margin and stop-out


@pytest.mark.parametrize(
    ("mode", "words", "margin"),
    [
        (CalcMode.CFDLEVERAGE, "", 110.0 * 100 / 100),
        (CalcMode.CFD, "", 110.0 * 100),
        (CalcMode.CFDINDEX, 'tick_value = "5"', 110.0 * 5 / 0.01),
        (CalcMode.FUTURES, 'tick_value = "5"\nmargin_initial = "777"', 777.0),
        (CalcMode.EXCH_STOCKS, "", 110.0 * 100),
    ],
)
def test_margin_follows_the_calculation_mode(
    paper: Open, mode: CalcMode, words: str, margin: float
):
    rules = f'[TEST]\nlike = "XAUUSD"\ncalc_mode = "{mode.name.lower()}"\n{words}\n'
    inside = paper(rules=rules, symbol="XAUUSD", digits=2, prices=(110.0, 110.0))
    assert inside.symbol_info("TEST").trade_calc_mode == mode
    assert inside.order_calc_margin(0, "TEST", 1.0, 110.0) == pytest.approx(margin)
    per_point = inside.order_calc_profit(0, "TEST", 1.0, 110.0, 111.0)
    assert per_point == pytest.approx(500.0 if "tick_value" in words else 100.0)


def test_forex_margin_is_reckoned_in_the_base_currency(paper: Open):
    inside = paper("--leverage", "50")
    assert inside.order_calc_margin(0, "EURUSD", 1.0, 1.1) == pytest.approx(2200.0)


def test_covered_lots_cost_what_the_symbol_says(paper: Open):
    rules = "[EURUSD]\nmargin_larger_leg = false\nmargin_hedged = 50000\n"
    inside = paper(rules=rules)
    inside.trade(volume=2.0)
    inside.trade(volume=1.0, type=1)
    # One lot uncovered, one covered at half a contract.
    assert inside.account_info().margin == pytest.approx(1100 + 550)
    larger = paper()
    larger.trade(volume=2.0)
    larger.trade(volume=1.0, type=1)
    assert larger.account_info().margin == pytest.approx(2200)


def test_a_margin_call_warns_and_the_stop_out_closes_the_worst_first(paper: Open):
    prices = [1.1] * 3 + [1.0925] * 3 + [1.09] * 10
    inside = paper("--balance", "1300", prices=prices)
    assert inside.trade().retcode == DONE
    assert inside.trade(volume=5.0).retcode == 10019
    inside.trade("GBPUSD", volume=0.01)
    inside.wait(minutes=4)
    assert inside.terminal.status()["margin_call"]
    assert len(inside.positions_get()) == 2
    inside.wait(minutes=4)
    assert only(inside.positions_get()).symbol == "GBPUSD"
    deal = inside.history_deals_get(0, END_S)[-1]
    assert (deal.reason, deal.comment[:4]) == (6, "[so ")
    assert len(deal.comment) <= 31


# Waiting orders


def test_a_stop_limit_order_becomes_its_limit_and_keeps_its_ticket(paper: Open):
    prices = [1.1] * 2 + [1.102] * 2 + [1.1] * 5
    inside = paper(prices=prices)
    request = waiting(BUY_STOP_LIMIT, 1.1015, stoplimit=1.1010, sl=1.05)
    ticket = inside.order_send(request).order
    order = only(inside.orders_get(ticket=ticket))
    assert (order.type, order.price_open, order.price_stoplimit) == (6, 1.1015, 1.101)
    inside.wait(minutes=2)
    order = only(inside.orders_get(ticket=ticket))
    assert (order.type, order.price_open, order.price_stoplimit) == (BUY_LIMIT, 1.101, 0.0)
    inside.wait(minutes=2)
    held = only(inside.positions_get())
    assert (held.ticket, held.price_open, held.sl) == (ticket, 1.1001, 1.05)


@pytest.mark.parametrize(
    ("kind", "price", "limit"),
    [
        (BUY_STOP_LIMIT, 1.1015, 0.0),
        (BUY_STOP_LIMIT, 1.1015, 1.1016),
        (BUY_STOP_LIMIT, 1.0990, 1.0980),
        (SELL_STOP_LIMIT, 1.0990, 1.0989),
        (SELL_STOP_LIMIT, 1.1015, 1.1020),
        (BUY_STOP, 1.0990, 0.0),
        (SELL_LIMIT, 1.0990, 0.0),
    ],
)
def test_waiting_orders_on_the_wrong_side_are_invalid(
    paper: Open, kind: int, price: float, limit: float
):
    assert paper().order_send(waiting(kind, price, stoplimit=limit)).retcode == 10015


@pytest.mark.parametrize(
    ("kind", "price", "filled"),
    [(BUY_STOP, 1.102, 1.1051), (SELL_LIMIT, 1.102, 1.105)],
    ids=["a stop gets the worse price after the gap", "a limit gets the better one"],
)
def test_gaps_are_filled_at_the_market(paper: Open, kind: int, price: float, filled: float):
    inside = paper(prices=[1.1, 1.1, 1.105, 1.105])
    ticket = inside.order_send(waiting(kind, price)).order
    inside.wait(minutes=3)
    assert only(inside.history_deals_get(ticket=ticket)).price == filled


def test_orders_expire_when_they_said(paper: Open):
    inside = paper(at=datetime(2026, 3, 4, 22, tzinfo=UTC))
    now_s = int(inside.clock.now.timestamp())
    tickets = [
        inside.order_send(waiting(BUY_LIMIT, 1.05, **words)).order
        for words in (
            {},
            {"type_time": 1},
            {"type_time": 2, "expiration": now_s + 600},
            {"type_time": 3, "expiration": now_s + 86_400},
        )
    ]
    seen = []
    for hours in (0.5, 2.0, 24.0):
        inside.wait(hours=hours)
        seen.append([o.ticket for o in inside.orders_get()])
    assert seen == [
        [tickets[0], tickets[1], tickets[3]],
        [tickets[0], tickets[3]],
        [tickets[0]],
    ]
    assert {o.state for t in tickets[1:] for o in inside.history_orders_get(ticket=t)} == {6}


def test_a_limit_may_fill_in_parts_into_one_position(paper: Open):
    inside = paper(
        "--partial-fill", "1", "--seed", "4", prices=[1.1] * 2 + [1.09] * 3 + [1.088] * 30
    )
    ticket = inside.order_send(waiting(BUY_LIMIT, 1.095)).order
    inside.clock.now += timedelta(minutes=2, seconds=1)
    inside.terminal.tick()
    order = only(inside.orders_get(ticket=ticket))
    assert order.state == 3
    assert 0 < order.volume_current < order.volume_initial
    part = only(inside.positions_get())
    assert part.volume + order.volume_current == pytest.approx(1.0)
    removed = inside.order_send({"action": 8, "order": ticket})
    assert removed.retcode == DONE
    done = only(inside.history_orders_get(ticket=ticket))
    assert (done.state, done.volume_current) == (2, order.volume_current)
    again = inside.order_send(waiting(BUY_LIMIT, 1.0895, volume=2.0)).order
    inside.wait(minutes=20)
    assert inside.orders_get(ticket=again) == ()
    parts = inside.history_deals_get(ticket=again)
    assert len(parts) > 1
    assert {d.position_id for d in parts} == {again}
    assert only(inside.positions_get(ticket=again)).volume == 2.0


def test_frozen_positions_are_neither_changed_nor_closed(paper: Open):
    inside = paper("--freeze-level", "300")
    near = inside.trade(sl=1.0980).order
    far = inside.trade(sl=1.05).order
    change = {"action": 6, "symbol": "EURUSD", "sl": 1.04}
    assert inside.order_send(change | {"position": near}).retcode == FROZEN
    assert inside.trade(type=1, position=near).retcode == FROZEN
    assert inside.order_send(change | {"position": far}).retcode == DONE
    assert inside.trade(type=1, position=far).retcode == DONE


# What a symbol, an account and a market allow


@pytest.mark.parametrize(
    ("mode", "buy", "sell", "close"),
    [
        ("disabled", 10017, 10017, 10017),
        ("longonly", DONE, 10042, DONE),
        ("shortonly", 10043, DONE, DONE),
        ("closeonly", 10044, 10044, DONE),
    ],
)
def test_trade_modes_allow_what_they_say(paper: Open, mode: str, buy: int, sell: int, close: int):
    inside = paper()
    ticket = inside.trade(volume=0.5).order
    inside.faults.inject(Injection("trade_mode", {"mode": mode}))
    assert inside.trade().retcode == buy
    assert inside.trade(type=1).retcode == sell
    assert inside.trade(type=1, volume=0.5, position=ticket).retcode == close


def test_fills_are_known_by_mask_kind_and_execution(paper: Open):
    fok, ioc, rest, boc = range(4)
    inside = paper(rules="[EURUSD]\nfilling_mode = 6\n")
    codes = [inside.trade(type_filling=filling).retcode for filling in (fok, ioc, rest, boc)]
    assert codes == [10030, DONE, 10030, 10030]
    assert inside.order_send(waiting(BUY_LIMIT, 1.05, type_filling=boc)).retcode == DONE
    assert inside.order_send(waiting(BUY_STOP, 1.15, type_filling=boc)).retcode == 10030
    exchange = paper("--execution", "exchange")
    assert exchange.trade(type_filling=rest).retcode == DONE
    instant = paper("--execution", "instant")
    ask = instant.symbol_info_tick("EURUSD").ask
    assert instant.trade(type_filling=ioc, price=ask).retcode == 10030
    assert instant.trade(type_filling=fok, price=ask).retcode == DONE


def test_prices_lie_on_the_tick_which_need_not_be_the_point(paper: Open):
    inside = paper(rules='[EURUSD]\ntick = "0.00005"\n')
    assert inside.symbol_info("EURUSD").trade_tick_size == 0.00005
    assert inside.order_send(waiting(BUY_LIMIT, 1.05002)).retcode == 10015
    assert inside.order_send(waiting(BUY_LIMIT, 1.05005)).retcode == DONE
    assert inside.trade(sl=1.05002).retcode == 10016


def test_limits_of_account_and_symbol_are_kept(paper: Open):
    inside = paper("--orders-max", "1", "--positions-max", "2", "--fifo")
    assert inside.order_send(waiting(BUY_LIMIT, 1.05)).retcode == DONE
    assert inside.order_send(waiting(BUY_LIMIT, 1.05)).retcode == 10033
    first, second = (inside.trade().order for _ in range(2))
    assert inside.trade().retcode == 10040
    assert inside.trade(type=1, position=second).retcode == 10045
    assert inside.trade(type=1, position=first).retcode == DONE
    small = paper(rules="[EURUSD]\nvolume_limit = 1\n")
    assert small.trade(volume=0.6).retcode == DONE
    assert small.trade(volume=0.6).retcode == 10034
    assert small.order_send(waiting(BUY_LIMIT, 1.05, volume=0.6)).retcode == 10034
    assert small.trade(volume=0.6, type=1).retcode == DONE


def test_too_many_requests_of_one_second_are_refused(paper: Open):
    inside = paper("--requests-per-second", "2")
    codes = [inside.trade(volume=0.1).retcode for _ in range(3)]
    inside.wait(seconds=1)
    assert [*codes, inside.trade(volume=0.1).retcode] == [DONE, DONE, 10024, DONE]


def test_what_exceeds_liquidity_is_filled_in_part_or_refused(paper: Open):
    inside = paper("--liquidity", "0.01", "--balance", "10000000")
    part = inside.trade(volume=20.0, type_filling=1)
    assert part.retcode == PARTIAL
    assert 0 < part.volume < 20
    assert inside.trade(volume=20.0, type_filling=0).retcode == REJECTED


def test_slippage_grows_with_size_and_volatility(paper: Open):
    def slipped(swing: float, volume: float) -> float:
        prices = [1.1 + swing * (i % 2) for i in range(200)]
        inside = paper("--slippage-impact", "0.5", "--balance", "100000000", prices=prices)
        ask = inside.symbol_info_tick("EURUSD").ask
        fills = [inside.trade(volume=volume).price - ask for _ in range(60)]
        assert min(fills) >= 0
        return sum(fills) / len(fills)

    calm = slipped(0.0001, 1.0)
    assert slipped(0.0004, 1.0) > 2 * calm
    assert slipped(0.0001, 25.0) > 2 * calm


def test_commission_is_per_lot_in_basis_points_and_at_least_the_minimum(paper: Open):
    inside = paper("--commission-per-lot", "2", "--commission-bps", "0.5", "--commission-min", "1")
    deals = [inside.trade(volume=volume) for volume in (1.0, 0.01)]
    charged = [inside.history_deals_get(ticket=d.order)[0].commission for d in deals]
    assert charged == [-7.5, -1.0]


def test_kinds_and_expirations_are_those_that_the_symbol_knows(paper: Open):
    # Market orders and limits with stops; good till cancelled or for the day.
    inside = paper(rules="[EURUSD]\norder_mode = 19\nexpiration_mode = 3\n")
    assert inside.trade(sl=1.05).retcode == DONE
    assert inside.trade(tp=1.2).retcode == 10035
    assert inside.order_send(waiting(BUY_LIMIT, 1.05)).retcode == DONE
    assert inside.order_send(waiting(BUY_STOP, 1.15)).retcode == 10035
    soon = int(inside.clock.now.timestamp()) + 600
    timed = waiting(BUY_LIMIT, 1.05, type_time=2, expiration=soon)
    assert inside.order_send(timed).retcode == 10022


def test_latency_has_a_distribution_with_spikes_and_repeats_by_seed():
    settings = ConditionSettings(
        latency_ms=40.0, latency_sigma=0.5, latency_spike=0.1, latency_spike_ms=900.0
    )
    first, second = (Conditions(settings, seed=5) for _ in range(2))
    delays = [first.latency_s() for _ in range(2000)]
    assert delays == [second.latency_s() for _ in range(2000)]
    spikes = [delay for delay in delays if delay > 0.9]
    assert 130 < len(spikes) < 270
    assert 0.036 < sorted(delay for delay in delays if delay < 0.9)[900] < 0.044
    assert Conditions(ConditionSettings(), seed=5).latency_s() == 0.0


def test_a_dealer_requotes_as_often_as_he_was_told_to(paper: Open):
    inside = paper("--execution", "instant", "--requote", "0.5", "--balance", "1000000")
    ask = inside.symbol_info_tick("EURUSD").ask
    results = [inside.trade(volume=0.1, price=ask, deviation=0) for _ in range(60)]
    assert 15 < sum(r.retcode == 10004 for r in results) < 45
    assert {r.price for r in results if r.retcode == DONE} == {ask}
    assert all(r.ask > ask for r in results if r.retcode == 10004)


def test_the_spread_is_that_of_the_data(paper: Open):
    inside = paper()
    tick = inside.symbol_info_tick("EURUSD")
    assert round(tick.ask - tick.bid, 5) == SPREAD_POINTS * 0.00001
    assert inside.symbol_info("EURUSD").spread == SPREAD_POINTS


# Netting


def test_a_reversal_changes_the_ticket_and_keeps_the_identifier(paper: Open):
    inside = paper(*NETTING)
    first = inside.trade().order
    second = inside.trade(type=1, volume=3.0).order
    held = only(inside.positions_get())
    assert (held.type, held.volume) == (1, 2.0)
    assert (held.ticket, held.identifier) == (second, first)
    assert [d.position_id for d in inside.history_deals_get(position=first)] == [first, first]
    change = {"action": 6, "symbol": "EURUSD", "sl": 1.2}
    assert inside.order_send(change | {"position": first}).retcode == 10036
    assert inside.order_send(change | {"position": second}).retcode == DONE
    assert inside.order_send({"action": 10, "position": first, "position_by": second}).retcode == (
        10013
    )


# Time


def test_naive_datetimes_mean_the_machine_s_zone_and_miss_what_just_happened(paper: Open):
    # The server is two hours ahead of UTC, the terminal's machine in New York.
    inside = paper("--server-utc-offset-hours", "2", "--machine-utc-offset-hours", "-5")
    deal = inside.trade().deal
    now = inside.clock.now
    day = timedelta(days=1)

    def listed(first: datetime, last: datetime) -> bool:
        return deal in {d.ticket for d in inside.history_deals_get(first, last)}

    assert not listed(now - day, now)
    assert listed(now - day, now + day)
    wall = (now + timedelta(hours=2)).replace(tzinfo=None)
    # Written as the server's wall time, but read as New York's: five hours too late a start.
    assert not listed(wall - timedelta(minutes=1), wall + timedelta(minutes=1))
    assert listed(wall - timedelta(hours=6), wall)


def test_the_clock_of_the_server_may_jump_with_the_season(paper: Open):
    inside = paper("--server-utc-offset-hours", "2")
    before = inside.trade().deal
    inside.faults.inject(Injection("server_time", {"hours": 1.0}))
    after = inside.trade().deal
    deals = {d.ticket: d.time for d in inside.history_deals_get(0, END_S)}
    assert deals[after] - deals[before] == 3600


def test_rules_that_make_no_sense_are_named(paper: Open):
    for rules, told in (
        ("[NEW]\ndigits = 2\n", "of which symbol it is `like`"),
        ("[EURUSD]\nflavour = 2\n", "EURUSD.flavour: no such word"),
        ('[EURUSD]\nsessions = "never"\n', "EURUSD.sessions"),
    ):
        with pytest.raises(ValueError, match=told):
            paper(rules=rules)


# Repetition and memory


def test_equal_seeds_and_requests_give_equal_deals(tmp_path: Path):
    options = ("--slippage-points", "3", "--partial-fill", "0.5", "--slippage-impact", "0.2")

    def traded(name: str, seed: int) -> list[Any]:
        inside = open_inside(tmp_path / name, *options, "--seed", str(seed), "--balance", "1e7")
        inside.faults.inject(Injection("lost_answer", {}, probability=0.3))
        told = []
        for number in range(40):
            result = inside.trade("GBPUSD", type=number % 2, volume=2.0, type_filling=1)
            told.append(None if result is None else result.retcode)
            inside.wait(seconds=7)
        deals = [
            (d.time_msc, d.price, d.volume, d.profit) for d in inside.history_deals_get(0, END_S)
        ]
        inside.close()
        return [told, deals]

    first = traded("one", 5)
    assert first == traded("two", 5)
    assert first != traded("three", 6)


def test_a_folder_of_an_older_terminal_is_completed(paper: Open, tmp_path: Path):
    inside = paper()
    ticket = inside.order_send(waiting(BUY_LIMIT, 1.05)).order
    inside.close()
    file = sqlite3.connect(tmp_path / "0" / "terminal.sqlite3")
    for table in ("orders", "history_orders"):
        file.execute(f"alter table {table} drop column price_stoplimit")
    file.execute("delete from meta where key in ('rolled', 'queues', 'depth')")
    file.commit()
    file.close()
    again = open_inside(tmp_path / "0")
    assert only(again.orders_get()).price_stoplimit == 0.0
    assert again.order_send({"action": 8, "order": ticket}).retcode == DONE
    again.close()


def test_what_cannot_be_written_was_never_done(paper: Open, monkeypatch: pytest.MonkeyPatch):
    inside = paper()
    inside.trade()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "write", full)
        with pytest.raises(sqlite3.OperationalError):
            inside.trade()
    assert inside.positions_total() == 1
    assert inside.trade().retcode == DONE
    assert inside.positions_total() == 2
