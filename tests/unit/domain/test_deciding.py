"""From score to opportunity: hypothesis, health, routing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.health import HealthFacts, HealthPolicy, judge_health
from backend.domain.hypothesis import (
    Hypothesis,
    HypothesisCode,
    HypothesisFacts,
    HypothesisPolicy,
    NoHypothesis,
    hypothesize,
    probability_of,
)
from backend.domain.routing import (
    ConflictRule,
    HealthView,
    HypothesisView,
    NotSelected,
    RoutingCode,
    RoutingFacts,
    RoutingPolicy,
    Selected,
    route,
)
from backend.values import LatencyClass, OrderType, Side

D = Decimal
NOW = datetime(2026, 11, 19, 14, tzinfo=UTC)
EXPECTING = HypothesisPolicy(
    D("0.8"), D("0.5"), D("1.5"), D("0.3"), D(2), D("1.2"), 2, 3600, 20, 1800
)  # fmt: skip
WATCHING = HealthPolicy(D(5), D("0.2"), 1000, 2000, 60, 20)
ROUTING = RoutingPolicy(
    "demo-1", D("0.3"), D("0.02"), D("0.5"), 30_000, D(100_000), 60_000, 600_000, D("0.2"),
    ConflictRule.STRONGER, ConflictRule.ALLOW,
)  # fmt: skip
UNIT = st.decimals(0, 1, places=3)


def a_signal(**changes: object) -> HypothesisFacts:
    facts = HypothesisFacts(
        Side.BUY, OrderType.MARKET, D("0.65"), D("0.9"), D("1.085"), D("0.001"),
        None, None, D("0.00001"), "M15", NOW - timedelta(seconds=1), NOW,
    )  # fmt: skip
    return replace(facts, **changes)


def no_hypothesis(**changes: object) -> HypothesisCode:
    found = hypothesize(a_signal(**changes), EXPECTING)
    assert isinstance(found, NoHypothesis), found
    return found.code


def test_an_alert_without_stop_and_target_gets_them_from_the_range():
    found = hypothesize(a_signal(side=Side.SELL), EXPECTING)
    assert isinstance(found, Hypothesis)
    assert (found.stop_loss, found.take_profit) == (D("1.08650"), D("1.08200"))
    assert found.reward_to_risk == 2
    assert found.latency_class is LatencyClass.IMMEDIATE
    assert found.edge == found.probability * 2 - (1 - found.probability)


@given(UNIT, UNIT, st.decimals("0.5", "5", places=2))
def test_a_better_score_never_lowers_the_probability(
    score: Decimal, confidence: Decimal, ratio: Decimal
):
    here = probability_of(score, confidence, ratio, EXPECTING)
    better = probability_of(min(D(1), score + D("0.1")), confidence, ratio, EXPECTING)
    assert 0 < here <= better < 1


def test_an_even_score_has_no_edge():
    found = hypothesize(a_signal(score=D("0.5")), EXPECTING)
    assert isinstance(found, Hypothesis)
    assert abs(found.edge) < D("0.00001")


def test_what_cannot_be_expected_says_why():
    assert no_hypothesis(atr=D(0)) is HypothesisCode.ATR_NOT_POSITIVE
    assert no_hypothesis(stop_loss=D("1.09")) is HypothesisCode.STOP_ON_WRONG_SIDE
    assert no_hypothesis(stop_loss=D("1.0849")) is HypothesisCode.STOP_TOO_CLOSE
    assert no_hypothesis(take_profit=D("1.08")) is HypothesisCode.TARGET_ON_WRONG_SIDE
    assert no_hypothesis(take_profit=D("1.0851")) is HypothesisCode.REWARD_TOO_SMALL
    assert no_hypothesis(received_at=NOW - timedelta(hours=2)) is HypothesisCode.WINDOW_OVER


def what_was_seen(**changes: object) -> HealthFacts:
    facts = HealthFacts(D("1.08500"), D("1.08510"), NOW, 10, 0, 50, D(0), D(100_000), False, NOW)
    return replace(facts, **changes)


def test_a_clean_venue_is_trusted_fully():
    health = judge_health(what_was_seen(), WATCHING)
    assert (health.fill_confidence, health.throttle_per_minute, health.reasons) == (1, 60, ())


def test_without_a_fresh_quote_nothing_is_trusted():
    for blind in (
        what_was_seen(bid=None),
        what_was_seen(quoted_at=None),
        what_was_seen(quoted_at=NOW - timedelta(seconds=3)),
        what_was_seen(ask=D("1.08")),
        what_was_seen(unreachable=True),
        what_was_seen(halted=True),
    ):
        health = judge_health(blind, WATCHING)
        assert (health.fill_confidence, health.throttle_per_minute) == (0, 0)
        assert health.reasons


def test_rejections_spread_and_latency_lower_the_confidence():
    for worse in ({"rejected": 5}, {"ask": D("1.08543")}, {"latency_p95_ms": 700}):
        health = judge_health(what_was_seen(**worse), WATCHING)
        assert 0 < health.fill_confidence < 1, worse


def test_an_unknown_or_spent_risk_budget_stops_sending():
    assert judge_health(what_was_seen(open_risk_max=None), WATCHING).throttle_per_minute == 0
    assert judge_health(what_was_seen(open_risk=D(100_000)), WATCHING).throttle_per_minute == 0
    assert judge_health(what_was_seen(open_risk=D(50_000)), WATCHING).throttle_per_minute == 30


HYPOTHESIS = HypothesisView(
    Side.SELL, D("0.65"), D("0.9"), D("0.45"), D(2), D("1.085"), D("1.088"),
    NOW, NOW + timedelta(minutes=20), LatencyClass.IMMEDIATE,
)  # fmt: skip
HEALTH = HealthView("mt5-paper", D("0.9"), 60, D(0), D(1), 50, NOW)
FACTS = RoutingFacts(HYPOTHESIS, HEALTH, True, 0, None, NOW)


def not_selected(facts: RoutingFacts) -> RoutingCode:
    found = route(facts, ROUTING)
    assert isinstance(found, NotSelected), found
    return found.code


def test_a_good_hypothesis_at_a_healthy_venue_is_selected():
    found = route(FACTS, ROUTING)
    assert isinstance(found, Selected)
    assert (found.venue_id, found.score, found.edge) == ("mt5-paper", D(-3), D("0.35"))
    assert found.confidence == D("0.81")
    assert found.horizon_ms == 1_200_000


def test_every_refusal_of_the_router_has_its_code():
    def hypothesis(**changes: object) -> RoutingFacts:
        return replace(FACTS, hypothesis=replace(HYPOTHESIS, **changes))

    def health(**changes: object) -> RoutingFacts:
        return replace(FACTS, health=replace(HEALTH, **changes))

    assert not_selected(replace(FACTS, strategy_enabled=False)) is RoutingCode.STRATEGY_DISABLED
    assert not_selected(replace(FACTS, health=None)) is RoutingCode.HEALTH_MISSING
    stale = health(as_of=NOW - timedelta(minutes=1))
    assert not_selected(stale) is RoutingCode.HEALTH_STALE
    assert not_selected(health(fill_confidence=D("0.4"))) is RoutingCode.FILL_CONFIDENCE_LOW
    assert not_selected(replace(FACTS, routed_last_minute=60)) is RoutingCode.THROTTLED
    assert not_selected(health(debt_to_risk=D(200_000))) is RoutingCode.RISK_DEBT
    assert not_selected(hypothesis(window_closes_at=NOW)) is RoutingCode.WINDOW_OVER
    closing = hypothesis(window_closes_at=NOW + timedelta(milliseconds=20))
    assert not_selected(closing) is RoutingCode.LATENCY_OVER_BUDGET
    assert not_selected(hypothesis(probability=D("0.2"))) is RoutingCode.PROBABILITY_LOW
    assert not_selected(hypothesis(probability=D("0.333"))) is RoutingCode.EDGE_LOW
    assert not_selected(health(spread_bps=D(6))) is RoutingCode.SPREAD_EATS_EDGE
    assert not_selected(replace(FACTS, opposite_edge=D(1))) is RoutingCode.CONFLICTING_SIGNAL


def test_a_weaker_opposite_signal_gives_way_unless_the_policy_refuses():
    weaker = replace(FACTS, opposite_edge=D("0.1"))
    assert isinstance(route(weaker, ROUTING), Selected)
    strict = replace(ROUTING, conflict_rule=ConflictRule.REFUSE)
    assert isinstance(route(weaker, strict), NotSelected)
