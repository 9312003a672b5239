"""What positions hold and cost: margin, the stop-out, and one position a symbol by netting."""

from __future__ import annotations

import pytest

from backend.paper_terminal.constants import CalcMode
from tests.venues.inside import (
    DONE,
    NETTING,
    Open,
    only,
)
from tests.venues.process import END_S


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
