"""No money appears or disappears between fills and positions."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.pnl import FillFacts, Position, apply_fill, attribute, slippage_bps, unrealized
from backend.values import Side

D = Decimal
PRICES = st.decimals("0.5", "2", places=5)


@st.composite
def fills(draw: st.DrawFn) -> FillFacts:
    quantity = draw(st.decimals("0.01", "5", places=2))
    commission = draw(st.decimals(0, 10, places=2))
    return FillFacts(draw(st.sampled_from(Side)), quantity, draw(PRICES), D(100_000), commission)


@given(st.lists(fills(), max_size=12), PRICES)
def test_realised_and_unrealised_profit_equal_the_cash_of_all_fills(
    done: list[FillFacts], mark: Decimal
):
    position, realized = Position(), D(0)
    for fill in done:
        result = apply_fill(position, fill)
        assert result.opened + result.closed == fill.quantity
        position, realized = result.position, realized + result.realized
    held = sum((f.side.sign * f.quantity for f in done), D(0))
    cash = sum((-f.side.sign * f.quantity * f.price * f.value_per_point for f in done), D(0))
    assert position.quantity == held
    total = realized + unrealized(position, mark, D(100_000))
    # Average prices are quotients of 28 digits; everything else is exact.
    assert abs(total - (cash + held * mark * 100_000)) < D("1e-12")


@given(fills(), PRICES, PRICES, st.decimals(0, "0.01", places=5))
def test_the_parts_of_an_attribution_sum_to_its_total(
    fill: FillFacts, decision: Decimal, bid: Decimal, spread: Decimal
):
    parts = attribute(fill, decision, bid, bid + spread)
    assert parts.market_move + parts.spread + parts.slippage + parts.commission == parts.total
    expected = fill.side.sign * (decision - fill.price) * fill.quantity * fill.value_per_point
    assert parts.total == expected - fill.commission
    assert parts.spread <= 0


def test_closing_realises_the_difference_and_reversing_opens_the_rest():
    long = apply_fill(Position(), FillFacts(Side.BUY, D(2), D("1.10"), D(100_000), D(0))).position
    result = apply_fill(long, FillFacts(Side.SELL, D(3), D("1.11"), D(100_000), D(0)))
    assert result.realized == D(2_000)
    assert result.position == Position(D(-1), D("1.11"))
    assert (result.closed, result.opened) == (D(2), D(1))


def test_without_a_quote_all_cost_is_slippage():
    fill = FillFacts(Side.BUY, D(1), D("1.1002"), D(100_000), D(3))
    parts = attribute(fill, D("1.1"), None, None)
    assert (parts.slippage, parts.spread, parts.commission) == (D(-20), D(0), D(-3))


def test_paying_more_or_getting_less_is_a_positive_cost():
    assert slippage_bps(Side.BUY, D("1.0001"), D(1)) == 1
    assert slippage_bps(Side.SELL, D("0.9999"), D(1)) == 1
    assert slippage_bps(Side.SELL, D("1.0001"), D(1)) == -1


def test_an_empty_fill_is_refused():
    with pytest.raises(ValueError, match="positive quantity"):
        apply_fill(Position(), FillFacts(Side.BUY, D(0), D(1), D(1), D(0)))
