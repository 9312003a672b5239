"""What follows a fill: cover, review, treasury, supervision, learning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.compliance import (
    RULE_IDS,
    ComplianceFacts,
    CompliancePolicy,
    review_fill,
)
from backend.domain.feedback import ClosedBy, DecisionDelta, Outcome, Prediction, compare
from backend.domain.hedging import (
    Basket,
    CoverProposal,
    HedgeCode,
    HedgeFacts,
    HedgePolicy,
    NoCover,
    propose_cover,
)
from backend.domain.optimization import NoProposal, OptimizationPolicy, ParameterProposal, propose
from backend.domain.sessions import Calendar
from backend.domain.supervision import (
    AgentObservation,
    HaltObservation,
    IncidentKind,
    InvariantObservation,
    JobObservation,
    SupervisionPolicy,
    supervise,
)
from backend.domain.treasury import Balance, TreasuryFacts, TreasuryPolicy, treasury_state
from backend.values import Severity, Side

D = Decimal
NOW = datetime(2026, 11, 19, 14, tzinfo=UTC)
DOLLAR = Basket("usd", "EURUSD", {"EURUSD": D(1), "GBPUSD": D("0.9")})
BOOK = HedgeFacts(
    "GBPUSD", {"GBPUSD": D(300_000)}, D(100_000), D(108_500), D("0.01"), D(50), D("0.01"), False
)
HEDGING = HedgePolicy(residual_max=D(1), residual_target=D("0.5"))


def no_cover(facts: HedgeFacts) -> HedgeCode:
    found = propose_cover(facts, (DOLLAR,), HEDGING)
    assert isinstance(found, NoCover), found
    return found.reason_code


def test_a_residual_above_the_limit_is_covered_down_to_the_target():
    cover = propose_cover(BOOK, (DOLLAR,), HEDGING)
    assert isinstance(cover, CoverProposal)
    assert (cover.symbol, cover.side, cover.residual_before) == ("EURUSD", Side.SELL, D(270_000))
    assert abs(cover.residual_after - 50_000) < 2_000
    assert not cover.reduce_only


def test_no_cover_names_its_reason():
    assert no_cover(replace(BOOK, exposures={"GBPUSD": D(50_000)})) is HedgeCode.WITHIN_LIMIT
    assert no_cover(replace(BOOK, symbol="BTCUSD")) is HedgeCode.NO_BASKET
    assert no_cover(replace(BOOK, halted=True)) is HedgeCode.HALTED
    assert no_cover(replace(BOOK, notional_per_lot=None)) is HedgeCode.PRICE_MISSING
    assert no_cover(replace(BOOK, equity=D(0))) is HedgeCode.EQUITY_NOT_POSITIVE
    assert no_cover(replace(BOOK, volume_min=D(9))) is HedgeCode.BELOW_MINIMUM


@given(
    st.decimals(-900_000, 900_000, places=0),
    st.decimals(-900_000, 900_000, places=0),
    st.decimals(1_000, 500_000, places=0),
)
def test_a_cover_always_shrinks_the_residual(euro: Decimal, pound: Decimal, equity: Decimal):
    book = replace(BOOK, exposures={"EURUSD": euro, "GBPUSD": pound}, equity=equity)
    cover = propose_cover(book, (DOLLAR,), HEDGING)
    if isinstance(cover, CoverProposal):
        assert abs(cover.residual_after) < abs(cover.residual_before)
        assert cover.residual_after * cover.residual_before >= 0
        assert cover.quantity % D("0.01") == 0


REVIEWING = CompliancePolicy(D(2), D(10), 500, D(1), 5)
CLEAN = ComplianceFacts(
    side=Side.BUY,
    filled_quantity=D(1),
    filled_total=D(1),
    authorized_quantity=D(1),
    authorized_side=Side.BUY,
    price=D("1.085"),
    price_limit=D("1.086"),
    notional=D(108_500),
    slippage_bps=D("0.5"),
    commission=D(3),
    latency_ms=40,
    stop_loss=D("1.08"),
    stop_loss_required=True,
    reduce_only=False,
    policy_hash_order="a" * 64,
    policy_hash_active="a" * 64,
    calendar=Calendar.WEEKDAYS,
    filled_at=NOW,
    recorded_at=NOW,
    halted_since=None,
)
SATURDAY = datetime(2026, 11, 21, 14, tzinfo=UTC)
BREACHES: list[tuple[str, Severity, dict[str, object]]] = [
    ("fill.without_authority", Severity.CRITICAL, {"authorized_quantity": None}),
    ("fill.wrong_side", Severity.CRITICAL, {"authorized_side": Side.SELL}),
    ("fill.over_authorized", Severity.CRITICAL, {"filled_total": D(2)}),
    ("fill.after_halt", Severity.WARN, {"halted_since": NOW - timedelta(seconds=9)}),
    ("order.stop_missing", Severity.CRITICAL, {"stop_loss": None}),
    ("order.stop_passed", Severity.WARN, {"stop_loss": D("1.0855")}),
    ("fill.beyond_limit", Severity.CRITICAL, {"price": D("1.0861")}),
    ("fill.slippage", Severity.WARN, {"slippage_bps": D(3)}),
    ("fill.slippage", Severity.CRITICAL, {"slippage_bps": D(11)}),
    ("fill.commission", Severity.WARN, {"commission": D(30)}),
    ("fill.latency", Severity.INFO, {"latency_ms": 900}),
    ("fill.off_session", Severity.WARN, {"filled_at": SATURDAY, "recorded_at": SATURDAY}),
    ("fill.clock_skew", Severity.INFO, {"recorded_at": NOW + timedelta(minutes=1)}),
    ("order.policy_missing", Severity.CRITICAL, {"policy_hash_order": None}),
    ("order.policy_superseded", Severity.INFO, {"policy_hash_active": "b" * 64}),
]  # fmt: skip


def test_a_clean_fill_has_no_findings():
    assert review_fill(CLEAN, REVIEWING) == ()


@pytest.mark.parametrize(("rule", "severity", "changes"), BREACHES)
def test_each_breach_is_found_with_its_severity(
    rule: str, severity: Severity, changes: dict[str, object]
):
    (finding,) = review_fill(replace(CLEAN, **changes), REVIEWING)
    assert (finding.rule_id, finding.severity) == (rule, severity)


def test_every_rule_has_a_breach_in_these_tests():
    assert {rule for rule, _, _ in BREACHES} == set(RULE_IDS)


TREASURY = TreasuryPolicy(D("0.2"), D("0.8"), 60)
CASH = TreasuryFacts("USD", [Balance("USD", D(100_000), D(1), True)], D(0), D(0), NOW, NOW)


def test_an_unused_treasury_is_not_throttled():
    state = treasury_state(CASH, TREASURY)
    assert (state.nav, state.cash_buffer, state.throttle) == (D(100_000), D(100_000), D(1))


def test_the_throttle_falls_as_the_buffer_is_spent():
    assert treasury_state(replace(CASH, reserved=D(70_000)), TREASURY).throttle == D("0.5")
    assert treasury_state(replace(CASH, reserved=D(80_000)), TREASURY).throttle == 0


def test_what_the_treasury_does_not_know_stops_it():
    assert treasury_state(replace(CASH, as_of=NOW - timedelta(hours=1)), TREASURY).throttle == 0
    debt = [*CASH.balances, Balance("TON", D(-5), None, False)]
    state = treasury_state(replace(CASH, balances=debt), TREASURY)
    assert state.throttle == 0
    assert "RATE_MISSING:TON" in state.reasons
    assert treasury_state(replace(CASH, balances=[]), TREASURY).throttle == 0


WATCH = SupervisionPolicy(heartbeat_age_s_max=10, waiting_s_max=5, depth_max=100)
WELL = AgentObservation("risk", NOW, None, 0, 0)


def test_a_healthy_desk_has_no_incidents():
    result = supervise(["risk"], [WELL], [InvariantObservation("x", 0)], [], WATCH, NOW)
    assert (result.opened, result.resolved, result.continuing) == ((), (), ())


def test_silence_stalls_depth_and_broken_invariants_are_incidents():
    ill = AgentObservation("risk", NOW - timedelta(minutes=1), NOW - timedelta(seconds=9), 101, 2)
    invariants = [InvariantObservation("sum", 3, ("a", "b")), InvariantObservation("late", None)]
    jobs = [JobObservation("pulse", 10, NOW - timedelta(minutes=1), "no disk")]
    halts = [HaltObservation("some-id", "platform *", ("risk",))]
    opened = supervise(["risk", "order"], [ill], invariants, [], WATCH, NOW, jobs, halts).opened
    kinds = {incident.kind for incident in opened}
    assert kinds == set(IncidentKind)


def test_the_same_trouble_stays_one_incident_until_it_is_over():
    ill = replace(WELL, heartbeat_at=None)
    (incident,) = supervise([], [ill], [], [], WATCH, NOW).opened
    again = supervise([], [ill], [], [incident.key], WATCH, NOW)
    assert (again.opened, again.continuing) == ((), (incident.key,))
    over = supervise([], [WELL], [], [incident.key], WATCH, NOW)
    assert over.resolved == (incident.key,)


EXPECTED = Prediction(D("0.5"), D(2), D(1), 100, D(1))
WON = Outcome(D(1), D(3), 150, D(400), D(200), ClosedBy.TARGET, NOW, NOW + timedelta(minutes=5))


def test_a_winner_is_compared_with_what_was_expected():
    delta = compare(EXPECTED, WON)
    assert (delta.predicted_r, delta.realized_r, delta.delta_r) == (D("0.5"), D(2), D("1.5"))
    assert (delta.brier, delta.slippage_delta_bps, delta.latency_delta_ms) == (D("0.25"), D(2), 50)
    assert (delta.label, delta.held_s, delta.fill_ratio) == ("win", 300, D(1))


def test_an_order_that_never_filled_has_nothing_to_compare():
    unfilled = replace(WON, filled_quantity=D(0), pnl=D(0), closed_by=ClosedBy.NOT_FILLED)
    delta = compare(EXPECTED, unfilled)
    assert (delta.label, delta.realized_r, delta.brier) == ("not_filled", None, None)


LEARNING = OptimizationPolicy(trades_min=20, z=D("1.96"), step_max=D("0.5"))


def deltas(*realized: str) -> list[DecisionDelta]:
    return [compare(EXPECTED, replace(WON, pnl=200 * D(r))) for r in realized]


def test_too_few_trades_propose_nothing():
    found = propose(deltas("2", "-1"), D("0.1"), D(1), LEARNING)
    assert all(isinstance(proposal, NoProposal) for proposal in found)


def test_trades_that_fall_short_raise_the_threshold_by_a_bounded_step_with_evidence():
    edge, slippage = propose(deltas(*["-1", "-1", "-1", "1"] * 10), D("0.1"), D(1), LEARNING)
    assert isinstance(edge, ParameterProposal)
    assert edge.proposed == D("0.15")
    assert edge.evidence[0].high < 0
    assert edge.evidence[0].n == 40
    assert isinstance(slippage, ParameterProposal)


def test_noise_around_the_prediction_proposes_nothing():
    edge, _ = propose(deltas(*["2", "-1"] * 20), D("0.1"), D(1), LEARNING)
    assert isinstance(edge, NoProposal)
    assert edge.evidence
