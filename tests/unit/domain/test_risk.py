"""Limits deny what they do not know, trim exactly, and never let more through."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.policy import ApprovalNeeded, ApprovalReason, Routine, judge_intent
from backend.domain.risk import (
    CheckOutcome,
    LimitFacts,
    RiskCode,
    RiskLevels,
    RiskRequest,
    check_intent,
)
from backend.domain.value_at_risk import VAR_99_Z, portfolio_var
from backend.values import RiskLevel

D = Decimal
LEVELS = RiskLevels(D("0.5"), D("0.7"), D("0.9"))
REQUEST = RiskRequest(D(2), D("0.01"), D("0.01"), D("1.08"), True, False)
NOTIONAL = LimitFacts(
    "account.order_notional", "account", "paper-1", D(250_000), D(0), D(100_000), trims=True
)
POSITION = LimitFacts(
    "instrument.position", "instrument", "EURUSD", D(8), D(1), D(1), trims=True, signed=True
)
LOSS = LimitFacts("account.daily_loss", "account", "paper-1", D(5_000), D(100))
AMOUNTS = st.decimals(-20, 20, places=2)


@st.composite
def limits(draw: st.DrawFn) -> LimitFacts:
    name = draw(st.sampled_from(["a.x", "b.y", "c.z"]))
    return LimitFacts(
        name,
        name[0],
        "key",
        draw(st.none() | st.decimals(0, 20, places=2)),
        draw(st.none() | AMOUNTS),
        draw(st.sampled_from([D(0), D(1), D(-1), D("2.5")])),
        trims=draw(st.booleans()),
        signed=draw(st.booleans()),
        gate=draw(st.booleans()),
    )


@given(st.lists(limits(), max_size=5), st.decimals("0.01", 30, places=2), st.booleans())
def test_what_is_approved_fits_every_limit(found: list[LimitFacts], asked: Decimal, stop: bool):
    request = replace(REQUEST, quantity=asked, stop_loss=D(1) if stop else None)
    decision = check_intent(request, found, {"a.x"}, LEVELS)
    assert len(decision.checks) >= len(found)
    if not decision.approved:
        assert decision.quantity == 0
        return
    assert stop
    assert 0 < decision.quantity <= asked
    assert decision.quantity % request.volume_step == 0
    for limit in found:
        assert limit.limit is not None
        assert limit.observed is not None
        after = limit.observed + limit.per_lot * decision.quantity
        after = abs(after) if limit.signed else after
        assert after <= limit.limit or after < abs(limit.observed)


@given(st.lists(limits(), max_size=5), st.decimals("0.01", 30, places=2))
def test_a_missing_required_limit_always_denies(found: list[LimitFacts], asked: Decimal):
    decision = check_intent(replace(REQUEST, quantity=asked), found, {"d.absent"}, LEVELS)
    assert not decision.approved
    assert decision.code is RiskCode.LIMIT_MISSING
    assert "d.absent" in decision.breach_flags


def test_no_limits_at_all_deny():
    assert check_intent(REQUEST, [], set(), LEVELS).code is RiskCode.LIMIT_MISSING


def test_a_limit_without_value_or_observation_denies():
    unknown = check_intent(REQUEST, [replace(LOSS, limit=None)], set(), LEVELS)
    unseen = check_intent(REQUEST, [replace(LOSS, observed=None)], set(), LEVELS)
    assert (unknown.code, unseen.code) == (RiskCode.LIMIT_MISSING, RiskCode.OBSERVATION_MISSING)


def test_an_intent_within_every_limit_passes_whole():
    decision = check_intent(REQUEST, [NOTIONAL, POSITION, LOSS], {NOTIONAL.name}, LEVELS)
    assert decision.approved
    assert (decision.quantity, decision.trimmed_by) == (D(2), ())
    assert (decision.highest_utilization, decision.level) == (D("0.8"), RiskLevel.HIGH)


def test_a_limit_that_trims_cuts_to_what_fits():
    decision = check_intent(replace(REQUEST, quantity=D(9)), [NOTIONAL, POSITION], set(), LEVELS)
    assert (decision.quantity, decision.trimmed_by) == (D("2.5"), (NOTIONAL.name, POSITION.name))
    assert decision.checks[0].outcome is CheckOutcome.TRIM


def test_a_limit_that_does_not_trim_denies():
    rigid = replace(NOTIONAL, trims=False)
    decision = check_intent(replace(REQUEST, quantity=D(9)), [rigid], set(), LEVELS)
    assert decision.code is RiskCode.LIMIT_EXCEEDED
    assert decision.checks[0].projected == D(900_000)


def test_nothing_left_after_trimming_denies():
    full = replace(NOTIONAL, observed=D(250_000))
    assert check_intent(REQUEST, [full], set(), LEVELS).code is RiskCode.LIMIT_EXCEEDED


def test_a_spent_loss_budget_denies():
    spent = replace(LOSS, observed=D(5_001))
    assert check_intent(REQUEST, [spent], set(), LEVELS).code is RiskCode.LIMIT_EXCEEDED


def test_an_order_that_reduces_an_overfull_position_passes():
    over = replace(POSITION, observed=D(12), per_lot=D(-1))
    assert check_intent(REQUEST, [over], set(), LEVELS).approved


def test_a_missing_stop_denies_unless_the_order_only_reduces():
    bare = replace(REQUEST, stop_loss=None)
    assert check_intent(bare, [LOSS], set(), LEVELS).code is RiskCode.STOP_LOSS_MISSING
    assert check_intent(replace(bare, reduce_only=True), [LOSS], set(), LEVELS).approved


def test_gates_do_not_fill_the_level():
    age = LimitFacts("venue.quote_age_ms", "venue", "mt5", D(1_000), D(990), gate=True)
    assert check_intent(REQUEST, [age], set(), LEVELS).level is RiskLevel.LOW


def test_a_routine_intent_needs_no_vote():
    assert judge_intent(RiskLevel.LOW, D(1), D("0.79"), D(100)) == Routine()


def test_high_risk_names_every_reason():
    need = judge_intent(RiskLevel.CRITICAL, D(101), D("0.8"), D(100))
    assert isinstance(need, ApprovalNeeded)
    assert set(need.reasons) == {
        ApprovalReason.NOTIONAL_HIGH,
        ApprovalReason.RISK_CRITICAL,
        ApprovalReason.LIMIT_NEARLY_FULL,
    }


def test_a_missing_threshold_needs_a_vote():
    need = judge_intent(RiskLevel.LOW, D(1), D(0), None)
    assert isinstance(need, ApprovalNeeded)
    assert need.reasons == (ApprovalReason.THRESHOLD_MISSING,)


def test_value_at_risk_adds_up_where_correlation_is_unknown():
    exposures = {"EURUSD": D(100_000), "GBPUSD": D(-50_000)}
    sigma = {"EURUSD": 0.005, "GBPUSD": 0.006}
    assert portfolio_var(exposures, sigma) == round(D(VAR_99_Z * 800), 2)
    hedged = portfolio_var(exposures, sigma, {("EURUSD", "GBPUSD"): 1.0})
    assert hedged == round(D(VAR_99_Z * 200), 2)


def test_value_at_risk_of_an_unknown_symbol_is_unknown():
    assert portfolio_var({"EURUSD": D(1)}, {}) is None
    assert portfolio_var({"EURUSD": D(0)}, {}) == 0
