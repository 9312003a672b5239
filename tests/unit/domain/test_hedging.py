"""Betas follow history where it speaks, and what stays open is covered within two minutes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.hedging import (
    Asked,
    Basket,
    BetaSource,
    CoverProposal,
    HedgeFacts,
    HedgePolicy,
    Measure,
    Waits,
    baskets_in_force,
    cover_basket,
    incomplete,
    measured_beta,
    protection,
    residual_of,
    waits,
)
from backend.values import Side
from research.bench.hedging import covered_share, simulate

D = Decimal
POLICY = HedgePolicy(
    residual_max=D("0.5"),
    residual_target=D("0.1"),
    betas=BetaSource.MEASURED,
    correlation_min=D("0.6"),
    beta_max=D(3),
    stop_sigmas=D(2),
    take_sigmas=D(4),
    tries_max=3,
    tries_window_s=60,
    retry_after_s=5,
)
DOLLAR = Basket("dollar", "EURUSD", {"EURUSD": D(1), "GBPUSD": D("1.1")})
GOOD = Measure(D("0.8"), D("0.006"), D("0.005"))

parts = st.decimals(-1, 1, places=6)
sigmas = st.decimals("0", "0.2", places=8)


def in_force(measure: Measure | None, policy: HedgePolicy = POLICY) -> tuple[Basket, ...]:
    known = {} if measure is None else {"EURUSD": {"GBPUSD": measure}}
    return baskets_in_force((DOLLAR,), known, policy)


def test_beta_is_correlation_times_the_ratio_of_deviations():
    assert measured_beta(GOOD, POLICY) == D("0.96")
    (basket,) = in_force(GOOD)
    assert basket.betas == {"EURUSD": D(1), "GBPUSD": D("0.96")}


def test_pack_speaks_where_history_does_not_or_where_the_pack_says_so():
    assert in_force(None) == (DOLLAR,)
    assert in_force(replace(GOOD, sigma=D(0))) == (DOLLAR,)
    assert in_force(replace(GOOD, correlation=D("1.01"))) == (DOLLAR,)
    assert in_force(GOOD, replace(POLICY, betas=None)) == (DOLLAR,)
    assert in_force(GOOD, replace(POLICY, betas=BetaSource.PACK)) == (DOLLAR,)


def test_symbol_that_moves_too_little_with_the_hedge_is_covered_with_itself():
    together, apart = in_force(replace(GOOD, correlation=D("-0.59")))
    assert together.betas == {"EURUSD": D(1)}
    assert apart == Basket("GBPUSD", "GBPUSD", {"GBPUSD": D(1)})


@given(parts, sigmas, sigmas, parts, parts)
def test_whatever_history_says_every_symbol_is_in_one_basket_and_covers_shrink(
    correlation: Decimal, sigma: Decimal, hedge_sigma: Decimal, euro: Decimal, pound: Decimal
):
    found = in_force(Measure(correlation, sigma, hedge_sigma))
    assert sorted(s for b in found for s in b.betas) == ["EURUSD", "GBPUSD"]
    assert all(0 < abs(beta) <= 3 for b in found for beta in b.betas.values())
    book = {"EURUSD": euro * 900_000, "GBPUSD": pound * 900_000}
    for basket in found:
        facts = HedgeFacts(
            "GBPUSD", book, D(100_000), D(110_000), D("0.01"), D(50), D("0.01"), False
        )
        cover = cover_basket(facts, basket, POLICY)
        if isinstance(cover, CoverProposal):
            filled = {**book, cover.symbol: book[cover.symbol] + cover.side.sign * cover.notional}
            # A hedge counts at its own beta of one: the proposal says what really remains.
            assert residual_of(basket, filled) == cover.residual_after
            assert abs(cover.residual_after) < abs(cover.residual_before)


def test_residual_is_asked_about_again_only_now_and_then_and_never_beside_a_pending_cover():
    assert waits(Asked(0, None, False), POLICY) is None
    assert waits(Asked(2, D(5), False), POLICY) is None
    assert waits(Asked(0, None, True), POLICY) is Waits.PENDING
    assert waits(Asked(3, D(50), False), POLICY) is Waits.TRIES_SPENT
    assert waits(Asked(1, D("4.9"), False), POLICY) is Waits.TOO_SOON
    never = replace(POLICY, tries_max=None)
    assert waits(Asked(0, None, False), never) is Waits.NOT_ASKED_TWICE


def test_cover_that_opens_a_position_has_a_stop_and_a_target_in_whole_ticks():
    tick = D("0.00001")
    assert protection(Side.SELL, D("1.1"), D("0.005"), tick, POLICY) == (D("1.111"), D("1.078"))
    assert protection(Side.BUY, D("1.1"), D("0.005"), tick, POLICY) == (D("1.089"), D("1.122"))
    assert protection(Side.BUY, D("1.1"), None, tick, POLICY) is None
    assert protection(Side.BUY, D("1.1"), D("0.5"), tick, POLICY) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"beta_max": None},
        {"correlation_min": None, "beta_max": None},
        {"take_sigmas": None},
        {"retry_after_s": None},
        {"tries_max": 0},
    ],
)
def test_numbers_that_need_one_another_come_together(changes: dict[str, Decimal | None]):
    assert incomplete(POLICY) is None
    assert incomplete(replace(POLICY, **changes)) is not None


def test_95_percent_of_excess_exposure_is_covered_within_two_minutes():
    told = simulate(8, 20261121, retries=True)
    without = simulate(8, 20261121, retries=False)
    assert len([age for one in told for age in one.ages_s]) > 100
    assert covered_share(told) >= 0.95
    assert covered_share(told) > covered_share(without)
    # The same seed gives the same hours, to the last decision.
    assert simulate(1, 20261121, retries=True) == told[:1]
