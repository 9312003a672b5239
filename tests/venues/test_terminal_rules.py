"""What a symbol, an account and a market allow, and what they charge."""

from __future__ import annotations

import pytest

from backend.paper_terminal.conditions import Conditions, ConditionSettings
from backend.paper_terminal.faults import Injection
from tests.venues.inside import (
    BUY_LIMIT,
    BUY_STOP,
    DONE,
    PARTIAL,
    REJECTED,
    SPREAD_POINTS,
    Open,
    waiting,
)


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
