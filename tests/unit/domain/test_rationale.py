"""A score adds up, says what it does not know, and mirrors with the side."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.rationale import (
    FEATURE_NAMES,
    FEATURES,
    PRIOR,
    FlowFacts,
    Precedent,
    RationaleFeatures,
    Weights,
    feature_vector,
    load_weights,
    read_features,
    score,
)
from backend.values import Side
from tests.kit.drawn_bars import steps

# Whole numbers, scaled: hypothesis draws decimals ten times as slowly.
VALUES = st.integers(-1_000_000, 1_000_000).map(lambda n: Decimal(n).scaleb(-6))
LOG_ODDS = st.integers(-50_000, 50_000).map(lambda n: Decimal(n).scaleb(-4))
NOTHING = RationaleFeatures(*[None] * len(fields(RationaleFeatures)))
MILLIONTH = Decimal("0.000001")


@st.composite
def features(draw: st.DrawFn) -> RationaleFeatures:
    return replace(NOTHING, **{name: draw(st.none() | VALUES) for name in FEATURE_NAMES})


@st.composite
def weights(draw: st.DrawFn) -> Weights:
    named = draw(st.lists(st.sampled_from(FEATURE_NAMES), unique=True))
    return Weights("drawn", draw(LOG_ODDS), {name: draw(LOG_ODDS) for name in named})


@given(features(), st.sampled_from(Side), weights() | st.just(PRIOR))
def test_contributions_sum_exactly_to_the_score(
    facts: RationaleFeatures, side: Side, given_weights: Weights
):
    rationale = score(facts, side, given_weights)
    assert rationale.base + sum(c.weight for c in rationale.contributions) == rationale.score
    assert rationale.score == rationale.score.quantize(MILLIONTH)
    assert 0 <= rationale.score <= 1
    assert 0 <= rationale.confidence <= 1
    axes = rationale.axes
    assert all(0 <= a <= 1 for a in (axes.smc_confluence, axes.regime_fit, axes.flow_alignment))
    assert len(rationale.contributions) + len(rationale.unknown) == len(given_weights.log_odds)


@given(features(), st.sampled_from(Side), weights())
def test_each_contribution_keeps_the_sign_and_share_of_its_log_odds(
    facts: RationaleFeatures, side: Side, given_weights: Weights
):
    rationale = score(facts, side, given_weights)
    log_odds = {
        c.feature: c.value * given_weights.log_odds[c.feature] for c in rationale.contributions
    }
    moved = sum(log_odds.values())
    way = rationale.score - rationale.base
    for contribution in rationale.contributions:
        # A millionth or two of rounding is shared out as well.
        amount, odds = contribution.weight, log_odds[contribution.feature]
        assert amount * odds >= 0 or abs(amount) <= 2 * MILLIONTH
        if abs(moved) > 1:
            assert abs(amount - way * odds / moved) < Decimal("0.0001")


@given(features())
def test_directional_evidence_speaks_for_one_side_as_it_speaks_against_the_other(
    facts: RationaleFeatures,
):
    bought, sold = (score(facts, side, PRIOR) for side in Side)
    by_name = {c.feature: c.value for c in sold.contributions}
    for contribution in bought.contributions:
        directional = FEATURES[contribution.feature].directional
        expected = -contribution.value if directional else contribution.value
        assert by_name[contribution.feature] == expected


@given(features())
def test_a_sale_lies_beside_the_purchase_that_mirrors_it(facts: RationaleFeatures):
    mirrored = replace(
        facts,
        **{
            name: None if (value := getattr(facts, name)) is None else -value
            for name in FEATURE_NAMES
            if FEATURES[name].directional
        },
    )
    assert feature_vector(facts, Side.BUY) == feature_vector(mirrored, Side.SELL)


@given(weights())
def test_weights_are_read_as_they_were_written(given_weights: Weights):
    assert load_weights(given_weights.dump()) == given_weights


def test_without_any_evidence_the_score_is_even_and_the_confidence_zero():
    rationale = score(NOTHING, Side.BUY, PRIOR)
    assert (rationale.score, rationale.confidence) == (Decimal("0.5"), Decimal(0))
    assert not rationale.axes.flow_known
    assert "too few bars" in rationale.sentence


def test_an_unknown_flow_lowers_the_confidence_and_is_said():
    known = replace(NOTHING, **dict.fromkeys(FEATURE_NAMES, Decimal("0.5")))
    blind = replace(known, volume_delta=None, depth_imbalance=None)
    assert score(known, Side.BUY, PRIOR).confidence == 1
    rationale = score(blind, Side.BUY, PRIOR)
    assert rationale.confidence == Decimal("0.892857")
    assert "flow is unknown" in rationale.sentence


def test_conviction_of_readers_adds_to_the_structure_axis_and_turns_with_the_side():
    belief = replace(NOTHING, conviction=Decimal("0.5"), high_conviction=Decimal(1))
    bought, sold = score(belief, Side.BUY, PRIOR), score(belief, Side.SELL, PRIOR)
    assert {c.feature for c in bought.contributions} == {"conviction", "high_conviction"}
    assert {c.axis for c in bought.contributions} == {"smc_confluence"}
    assert bought.score > Decimal("0.5") > sold.score
    assert bought.axes.smc_confluence > Decimal("0.5") > sold.axes.smc_confluence
    assert sold.conflicts == ("conviction", "high_conviction")
    assert "majority and the measures confirm a structure against it" in sold.sentence


def test_readers_who_have_not_voted_lower_the_confidence_and_it_is_said():
    known = replace(NOTHING, **dict.fromkeys(FEATURE_NAMES, Decimal("0.5")))
    rationale = score(replace(known, conviction=None, high_conviction=None), Side.BUY, PRIOR)
    assert rationale.confidence < score(known, Side.BUY, PRIOR).confidence
    assert rationale.unknown == ("conviction", "high_conviction")
    assert "Readers have not voted" in rationale.sentence


def test_odd_structure_on_the_side_of_the_signal_is_a_conflict_and_no_part_of_the_score():
    facts = replace(NOTHING, structure_bias=Decimal(1), odd_up=Decimal(1), odd_down=Decimal(0))
    bought, sold = score(facts, Side.BUY, PRIOR), score(facts, Side.SELL, PRIOR)
    assert bought.conflicts == ("odd_structure",)
    assert "unlike the others" in bought.sentence
    assert bought.score == score(replace(facts, odd_up=None), Side.BUY, PRIOR).score
    assert "odd_structure" not in sold.conflicts


def test_weights_from_before_readers_were_asked_score_as_they_did_then():
    before = load_weights("rationale-2;0;structure_bias:0.16,volatility_fit:0.24")
    facts = replace(NOTHING, structure_bias=Decimal(1))
    asked = replace(facts, conviction=Decimal(1), high_conviction=Decimal(1))
    assert score(asked, Side.BUY, before) == score(facts, Side.BUY, before)
    assert "Readers" not in score(facts, Side.BUY, before).sentence


def test_evidence_against_the_side_is_listed_as_conflict():
    facts = replace(NOTHING, structure_bias=Decimal(-1), liquidity_sweep=Decimal(1))
    rationale = score(facts, Side.BUY, PRIOR)
    assert rationale.conflicts == ("structure_bias",)
    assert {c.feature for c in rationale.top} == {"structure_bias", "liquidity_sweep"}


def test_a_feature_out_of_range_is_refused():
    with pytest.raises(ValueError, match="structure_bias"):
        score(replace(NOTHING, structure_bias=Decimal(2)), Side.BUY, PRIOR)


@pytest.mark.parametrize(
    "line",
    ["v;0;nobody:0.1", "v;0;structure_bias:NaN", "v;99;", "v;0;structure_bias:much", "v;0", ""],
)
def test_weights_that_make_no_sense_are_refused(line: str):
    with pytest.raises(ValueError, match=r"."):
        load_weights(line)


def test_precedents_that_lost_are_listed_as_conflict_and_leave_the_score_alone():
    facts = replace(NOTHING, structure_bias=Decimal(1))
    lost = [Precedent(uuid4(), Decimal("0.1"), Decimal(-1)) for _ in range(5)]
    rationale = score(facts, Side.BUY, PRIOR, lost)
    assert rationale.score == score(facts, Side.BUY, PRIOR).score
    assert rationale.conflicts == ("precedents",)
    assert "Of 5 earlier signals most like it 0 ended well (-1.00 R on average)" in (
        rationale.sentence
    )


def test_few_bars_leave_structure_unknown_and_many_do_not():
    flow = FlowFacts(Decimal("0.0001"), Decimal("0.0002"))
    few = read_features(steps(*range(10, 20)), "london", flow)
    assert few.structure_bias is None
    assert few.spread_quality == 1
    many = read_features(steps(*[10 + i % 7 for i in range(60)]), "asia", flow)
    assert many.structure_bias is not None
    assert many.volatility_fit is not None
    vector = feature_vector(many, Side.BUY)
    assert len(vector) == 16
    assert feature_vector(many, Side.BUY, momentary=False)[9:12] == (0.0,) * 3
