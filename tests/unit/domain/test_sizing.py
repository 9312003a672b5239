"""A size never passes a cap, always lies on the step, and says what bound it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.sizing import (
    NotSized,
    Sized,
    SizingCode,
    SizingFacts,
    SizingPolicy,
    kelly,
    probability_left,
    size,
)
from backend.values import Side

D = Decimal
POLICY = SizingPolicy(
    risk_fraction=D("0.0075"),
    kelly_fraction=D("0.25"),
    kelly_z=D("0.5"),
    kelly_prior=100,
    volatility_target=D(1),
    breaker_losses=5,
    fallback_fraction=D("0.001"),
    quantity_cap=D(5),
    position_cap=D(8),
    notional_cap=D(2_000_000),
    leverage_max=D(8),
    alpha=D(1),
    beta=D("0.1"),
    gamma=D("0.5"),
    utility_min=D("-1"),
)


def an_opportunity(**changes: object) -> SizingFacts:
    facts = SizingFacts(
        side=Side.BUY,
        reference_price=D("1.085"),
        stop_loss=D("1.082"),
        probability=D("0.55"),
        reward_to_risk=D(2),
        confidence=D(1),
        atr=D("0.002"),
        sigma=D("0.005"),
        trades=400,
        losses_in_row=0,
        spread_bps=D(1),
        requested_quantity=None,
        equity=D(100_000),
        quote_rate=D(1),
        contract_size=D(100_000),
        volume_min=D("0.01"),
        volume_max=D(50),
        volume_step=D("0.01"),
        current_quantity=D(0),
        gross_exposure=D(0),
        treasury_throttle=D(1),
    )
    return replace(facts, **changes)


def sized(facts: SizingFacts, policy: SizingPolicy = POLICY) -> Sized:
    found = size(facts, policy)
    assert isinstance(found, Sized), found
    return found


def code(**changes: object) -> SizingCode:
    found = size(an_opportunity(**changes), POLICY)
    assert isinstance(found, NotSized), found
    return found.code


def amounts(low: str, high: str, places: int = 2) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(low), D(high), places=places)


@given(
    side=st.sampled_from(Side),
    distance=amounts("0.0005", "0.05", 5),
    equity=amounts("100", "5000000"),
    current=amounts("-9", "9"),
    gross=amounts("0", "9000000"),
    throttle=amounts("0", "1"),
    step=st.sampled_from([D("0.01"), D("0.1"), D("0.5"), D(1)]),
    requested=st.none() | amounts("0.01", "20"),
    probability=amounts("0.01", "0.99"),
)
def test_no_size_passes_a_cap_or_leaves_the_step(
    side: Side,
    distance: Decimal,
    equity: Decimal,
    current: Decimal,
    gross: Decimal,
    throttle: Decimal,
    step: Decimal,
    requested: Decimal | None,
    probability: Decimal,
):
    facts = an_opportunity(
        side=side,
        stop_loss=D("1.085") - side.sign * distance,
        equity=equity,
        current_quantity=current,
        gross_exposure=max(gross, abs(current) * D(108_500)),
        treasury_throttle=throttle,
        volume_step=step,
        volume_min=step,
        requested_quantity=requested,
        probability=probability,
    )
    found = size(facts, POLICY)
    if isinstance(found, NotSized):
        return
    assert found.quantity % step == 0
    assert step <= found.quantity <= min(POLICY.quantity_cap, requested or D(50))
    assert found.notional <= POLICY.notional_cap
    assert found.risk_amount <= equity * POLICY.risk_fraction
    assert side.sign * current + found.quantity <= POLICY.position_cap
    grows = side.sign * current >= 0
    assert not grows or found.leverage_after <= POLICY.leverage_max
    assert found.target_size - found.current_size == found.exposure_delta
    assert found.reason_codes


def test_risk_at_the_stop_decides_when_nothing_else_does():
    found = sized(an_opportunity())
    # 0.75 % of 100,000 over 30 pips of 10 each.
    assert (found.quantity, found.risk_amount) == (D("2.50"), D("750.00"))
    assert found.reason_codes == ("BOUND_BY_RISK",)


def test_less_confidence_takes_less_risk():
    assert sized(an_opportunity(confidence=D("0.5"))).quantity == D("1.25")


def test_a_conversion_rate_scales_risk_and_notional():
    yen = an_opportunity(reference_price=D(150), stop_loss=D(149), quote_rate=D("0.0066"))
    found = sized(yen)
    assert found.risk_amount <= D(750)
    assert found.notional == found.quantity * 150 * 100_000 * D("0.0066")


def test_whatever_is_missing_sizes_nothing():
    assert code(stop_loss=None) is SizingCode.STOP_MISSING
    assert code(stop_loss=D("1.09")) is SizingCode.STOP_ON_WRONG_SIDE
    assert code(quote_rate=None) is SizingCode.CONVERSION_RATE_MISSING
    assert code(treasury_throttle=None) is SizingCode.TREASURY_UNKNOWN
    assert code(treasury_throttle=D(0)) is SizingCode.NO_ROOM
    assert code(equity=D(0)) is SizingCode.EQUITY_NOT_POSITIVE
    assert code(probability=D("0.2")) is SizingCode.NO_EDGE
    assert code(current_quantity=D(8)) is SizingCode.NO_ROOM
    assert code(equity=D(10)) is SizingCode.BELOW_MINIMUM


def test_a_utility_below_the_threshold_sizes_nothing():
    found = size(an_opportunity(), replace(POLICY, utility_min=D(5)))
    assert isinstance(found, NotSized)
    assert found.code is SizingCode.UTILITY_LOW


def test_kelly_of_a_coin_at_sixty_percent_is_a_fifth():
    assert kelly(D("0.6"), D(1)) == D("0.2")


@given(trades=st.integers(0, 100_000), probability=amounts("0.05", "0.95"))
def test_more_trades_leave_more_of_the_probability_and_never_more_than_it_is(
    trades: int, probability: Decimal
) -> None:
    few = an_opportunity(trades=trades, probability=probability)
    many = an_opportunity(trades=trades + 500, probability=probability)
    left = probability_left(few, POLICY)
    assert 0 <= left < probability_left(many, POLICY) < probability


@given(sigma=amounts("0.001", "0.2", 4), target=amounts("0.001", "0.5", 3))
def test_a_position_moves_no_more_in_a_day_than_its_target(sigma: Decimal, target: Decimal) -> None:
    policy = replace(POLICY, volatility_target=target)
    facts = an_opportunity(sigma=sigma)
    found = size(facts, policy)
    if isinstance(found, Sized):
        assert found.notional * sigma <= facts.equity * target


@given(sigma=st.none() | st.just(D(0)), equity=amounts("10000", "900000"))
def test_where_volatility_is_unknown_a_fixed_small_risk_is_taken(
    sigma: Decimal | None, equity: Decimal
) -> None:
    found = sized(an_opportunity(sigma=sigma, equity=equity))
    assert found.risk_amount <= equity * POLICY.fallback_fraction
    assert found.reason_codes[-1] == SizingCode.BREAKER_VOLATILITY


@given(losses=st.integers(0, 20), probability=amounts("0.5", "0.9"))
def test_losses_in_a_row_trip_the_breaker_and_sizes_never_grow_by_it(
    losses: int, probability: Decimal
) -> None:
    calm = size(an_opportunity(probability=probability), POLICY)
    found = size(an_opportunity(probability=probability, losses_in_row=losses), POLICY)
    if losses < POLICY.breaker_losses:
        assert found == calm
    else:
        assert isinstance(found, Sized)
        assert SizingCode.BREAKER_LOSSES in found.reason_codes
        assert found.risk_amount <= an_opportunity().equity * POLICY.fallback_fraction
