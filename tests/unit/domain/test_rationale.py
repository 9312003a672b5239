"""A score adds up, says what it does not know, and mirrors with the side."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.rationale import (
    FEATURE_NAMES,
    WEIGHTS_V1,
    FlowFacts,
    RationaleFeatures,
    Weights,
    feature_vector,
    read_features,
    score,
)
from backend.domain.rationale.weights import Weight
from backend.values import Side
from tests.unit.domain.test_smc import flat

VALUES = st.decimals(-1, 1, places=6)
NOTHING = RationaleFeatures(*[None] * len(fields(RationaleFeatures)))


@st.composite
def features(draw: st.DrawFn) -> RationaleFeatures:
    return replace(NOTHING, **{name: draw(st.none() | VALUES) for name in FEATURE_NAMES})


@given(features(), st.sampled_from(Side))
def test_contributions_sum_exactly_to_the_score(facts: RationaleFeatures, side: Side):
    rationale = score(facts, side, WEIGHTS_V1)
    assert rationale.base + sum(c.weight for c in rationale.contributions) == rationale.score
    assert 0 <= rationale.score <= 1
    assert 0 <= rationale.confidence <= 1
    assert len(rationale.contributions) + len(rationale.unknown) == len(FEATURE_NAMES)


@given(features())
def test_directional_evidence_speaks_for_one_side_as_it_speaks_against_the_other(
    facts: RationaleFeatures,
):
    bought, sold = (score(facts, side, WEIGHTS_V1) for side in Side)
    by_name = {c.feature: c.weight for c in sold.contributions}
    for contribution in bought.contributions:
        directional = WEIGHTS_V1.by_feature[contribution.feature].directional
        expected = -contribution.weight if directional else contribution.weight
        assert by_name[contribution.feature] == expected


def test_without_any_evidence_the_score_is_even_and_the_confidence_zero():
    rationale = score(NOTHING, Side.BUY, WEIGHTS_V1)
    assert (rationale.score, rationale.confidence) == (Decimal("0.5"), Decimal(0))
    assert not rationale.axes.flow_known
    assert "too few bars" in rationale.sentence


def test_an_unknown_flow_lowers_the_confidence_and_is_said():
    known = replace(NOTHING, **dict.fromkeys(FEATURE_NAMES, Decimal("0.5")))
    blind = replace(known, volume_delta=None, depth_imbalance=None)
    assert score(known, Side.BUY, WEIGHTS_V1).confidence == 1
    rationale = score(blind, Side.BUY, WEIGHTS_V1)
    assert rationale.confidence == Decimal("0.88")
    assert "flow is unknown" in rationale.sentence


def test_evidence_against_the_side_is_listed_as_conflict():
    facts = replace(NOTHING, structure_bias=Decimal(-1), liquidity_sweep=Decimal(1))
    rationale = score(facts, Side.BUY, WEIGHTS_V1)
    assert rationale.conflicts == ("structure_bias",)
    assert [c.feature for c in rationale.top] == ["structure_bias", "liquidity_sweep"]


def test_a_feature_out_of_range_is_refused():
    with pytest.raises(ValueError, match="structure_bias"):
        score(replace(NOTHING, structure_bias=Decimal(2)), Side.BUY, WEIGHTS_V1)


def test_weights_that_could_leave_the_unit_interval_are_refused():
    one = {"structure_bias": Weight(WEIGHTS_V1.by_feature["structure_bias"].axis, Decimal(1), True)}
    with pytest.raises(ValueError, match="reach exactly"):
        Weights("too-wide", Decimal("0.5"), one)


def test_few_bars_leave_structure_unknown_and_many_do_not():
    flow = FlowFacts(Decimal("0.0001"), Decimal("0.0002"))
    few = read_features(flat(*range(10, 20)), "london", flow)
    assert few.structure_bias is None
    assert few.spread_quality == 1
    many = read_features(flat(*[10 + i % 7 for i in range(60)]), "asia", flow)
    assert many.structure_bias is not None
    assert many.volatility_fit is not None
    assert len(feature_vector(many)) == len(FEATURE_NAMES)
