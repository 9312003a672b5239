"""The scorer explains every score, and goes no further without fresh evidence."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from backend.contracts.denials import Code
from backend.domain.market.bars import to_us
from backend.domain.rationale import PRIOR
from backend.values import FinalOutcome, OrderType, Side, format_instant
from tests.kit.signals import (
    NOW,
    POLICY_HASH,
    RATIONALE_ID,
    SCORING_POLICY,
    SIGNAL_ID,
    a_context,
    a_message,
    a_normalized_signal,
    a_row,
    later,
)
from workers.agents import rationale_scorer as scorer
from workers.readings import READINGS, Readings

CONTEXT = a_context("rationale_scorer")
QUARTER = timedelta(minutes=15)
LAST = NOW - QUARTER
REF = f"M15@{LAST:%Y-%m-%dT%H:%M:%SZ}"
PRECEDENT = "019b0000-0000-7000-8000-0000000000bb"


def rising_bars(count: int = 120) -> list[list[float | None]]:
    """Give bars that climb in waves, so that breaks point upward."""
    rows: list[list[float | None]] = []
    close = 1.08
    for index in range(count):
        opened = close
        close = 1.08 + 0.0001 * index + 0.0012 * math.sin(index / 4)
        high, low = max(opened, close) + 0.0002, min(opened, close) - 0.0002
        at = to_us(LAST - QUARTER * (count - 1 - index))
        rows.append([at, opened, high, low, close, 100.0, 0.0001])
    return rows


def answer(**changes: Any) -> dict[str, Any]:
    """Give what `intake.scoring_facts` answers."""
    return {
        "i": 0,
        "bars_ref": REF,
        "bars": rising_bars(),
        "quote": {
            "bid": "1.10000",
            "ask": "1.10010",
            "quoted_at": format_instant(NOW),
            "received_at": format_instant(NOW),
        },
        "precedents": [{"rationale_id": PRECEDENT, "distance": "0.1", "outcome_r": "1.8"}],
        "approved": None,
        "signal": None,
        "prior": None,
        "weights": PRIOR.dump(),
        "policy": SCORING_POLICY,
        "policy_hash": POLICY_HASH,
        "conviction": a_conviction(),
    } | changes


def a_conviction(**changes: Any) -> dict[str, Any]:
    """Give what readers make of the bar: they believe in a rise."""
    return {
        "opened_at": format_instant(LAST),
        "up": "0.6000",
        "down": "0.1000",
        "high_up": True,
        "high_down": False,
        "outlier_up": False,
        "outlier_down": None,
    } | changes


def prior(**changes: Any) -> dict[str, Any]:
    return {
        "rationale_id": str(RATIONALE_ID),
        "score": "0.41",
        "confidence": "0.8",
        "axes": {
            "smc_confluence": "0.4",
            "regime_fit": "0.5",
            "flow_alignment": "0.5",
            "flow_known": False,
        },
        "sentence": "BUY scores 0.41.",
        "contributions": [
            {"feature": "structure_bias", "axis": "a", "value": "1", "weight": "-0.06"}
        ],
        "conflicts": ["structure_bias"],
        "precedents": [PRECEDENT],
        "weights_version": "rationale-1",
        "passed": False,
    } | changes


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scorer, "READINGS", Readings())


def decide(known: dict[str, Any], context: Any = CONTEXT, **signal: Any) -> Any:
    message = a_message(a_normalized_signal(**signal))
    return scorer.handle(message, scorer.digest(message, known), context)


def test_score_above_the_threshold_is_explained_recorded_and_sent_on():
    decision = decide(answer())
    (emission,) = decision.emissions
    rationale = emission.payload
    assert rationale.score >= Decimal("0.55")
    assert rationale.sentence in decision.explanation
    assert rationale.reference_price == Decimal("1.10010")
    assert rationale.atr > 0
    assert len(rationale.top_contributions) == 3
    assert rationale.precedents == (UUID(PRECEDENT),)
    (effect,) = decision.effects
    assert effect.procedure == "intake.record_rationales"
    assert Decimal(effect.item["score"]) == rationale.score
    assert decision.policy_hash == POLICY_HASH


def test_recorded_contributions_add_up_to_the_score():
    record = decide(answer()).effects[0].item
    moved = sum(Decimal(c["weight"]) for c in record["contributions"])
    assert Decimal("0.5") + moved == Decimal(record["score"])


def test_score_below_the_threshold_is_recorded_and_rests_with_a_person():
    decision = decide(answer(policy=SCORING_POLICY | {"threshold": "0.99"}))
    assert decision.code is Code.SCORE_BELOW_THRESHOLD
    assert decision.final is FinalOutcome.IN_REVIEW
    assert decision.emissions == ()
    assert [effect.procedure for effect in decision.effects] == [
        "intake.record_rationales",
        "intake.open_reviews",
    ]
    review = decision.effects[1].item
    assert (review["kind"], review["subject_id"]) == ("signal", str(SIGNAL_ID))


def test_side_turns_the_score():
    bought = Decimal(decide(answer()).effects[0].item["score"])
    sold = Decimal(decide(answer(), side=Side.SELL).effects[0].item["score"])
    assert bought > sold


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"bars_ref": None, "bars": None}, Code.BARS_MISSING),
        ({"bars": rising_bars(20)}, Code.BARS_MISSING),
        ({"policy": SCORING_POLICY | {"bars_min": 150}}, Code.BARS_MISSING),
    ],
)
def test_too_few_bars_go_to_a_person(known: dict[str, Any], code: Code):
    decision = decide(answer(**known))
    assert decision.code is code
    assert decision.final is FinalOutcome.IN_REVIEW


def test_stale_bars_go_to_a_person():
    decision = decide(answer(), context=later(CONTEXT, hours=2))
    assert decision.code is Code.BARS_STALE
    assert "M15" in decision.explanation


def test_without_a_policy_nothing_is_scored():
    for policy in (None, {"bars_min": 30}, SCORING_POLICY | {"threshold": 0.5}):
        decision = decide(answer(policy=policy))
        assert decision.code is Code.POLICY_MISSING
        assert decision.final is FinalOutcome.DENIED


def test_bars_without_any_range_are_denied():
    flat = [[row[0], 1.1, 1.1, 1.1, 1.1, 1.0, None] for row in rising_bars()]
    assert decide(answer(bars=flat)).code is Code.ATR_NOT_POSITIVE


def test_missing_or_old_quote_lowers_the_confidence_instead_of_being_believed():
    fresh = decide(answer()).effects[0].item
    for quote in (None, answer()["quote"] | {"received_at": format_instant(NOW - QUARTER)}):
        record = decide(answer(quote=quote)).effects[0].item
        assert record["confidence"] < fresh["confidence"]
        assert "spread_quality" not in record["features"]
        assert record["features"]["reference_price"].startswith("1.0")


def test_conviction_of_the_bar_is_weighed_and_recorded():
    record = decide(answer()).effects[0].item
    by_name = {c["feature"]: c for c in record["contributions"]}
    assert by_name["conviction"]["value"] == "0.5000"
    assert by_name["high_conviction"]["value"] == "1"
    assert (record["features"]["conviction"], record["features"]["odd_up"]) == ("0.5000", "0")
    assert "odd_down" not in record["features"]
    assert record["weights_version"] == PRIOR.version


def test_equal_numbers_of_different_text_are_recorded_as_each_was_seen():
    """What is scored once for many signals must not give one of them another's digits."""
    for up in ("0.5", "0.50"):
        effect = decide(answer(conviction=a_conviction(up=up, down="0"))).effects[0]
        by_name = {c["feature"]: c["value"] for c in effect.item["contributions"]}
        assert by_name["conviction"] == up


@pytest.mark.parametrize(
    "conviction", [None, a_conviction(opened_at=format_instant(LAST - 3 * QUARTER))]
)
def test_conviction_that_is_missing_or_fell_behind_lowers_the_confidence(
    conviction: dict[str, Any] | None,
):
    fresh = decide(answer()).effects[0].item
    record = decide(answer(conviction=conviction)).effects[0].item
    assert record["confidence"] < fresh["confidence"]
    assert {"conviction", "high_conviction"} <= set(record["unknown"])
    assert "conviction" not in record["features"]
    assert "Readers have not voted" in record["sentence"]


def test_conviction_of_the_bar_before_still_holds():
    earlier = a_conviction(opened_at=format_instant(LAST - 2 * QUARTER))
    assert "conviction" in decide(answer(conviction=earlier)).effects[0].item["features"]


def test_structure_out_of_pattern_is_listed_against_the_side_that_it_speaks_for():
    odd = answer(conviction=a_conviction(outlier_up=True))
    assert "odd_structure" in decide(odd).emissions[0].payload.conflicts
    assert "odd_structure" not in decide(odd, side=Side.SELL).effects[0].item["conflicts"]


def test_decisions_from_before_readers_were_asked_are_decided_the_same_again():
    before = ",".join(term for term in PRIOR.dump().split(",") if "conviction" not in term).replace(
        PRIOR.version, "rationale-2"
    )
    old = answer(weights=before)
    del old["conviction"]
    record = decide(old).effects[0].item
    assert record == decide(answer(weights=before, conviction=None)).effects[0].item
    assert "conviction" not in record["unknown"]
    assert "Readers" not in record["sentence"]


def test_limit_order_is_judged_at_its_own_price():
    decision = decide(answer(), order_type=OrderType.LIMIT, price=Decimal("1.0950"))
    assert decision.emissions[0].payload.reference_price == Decimal("1.0950")


def test_signal_that_was_scored_before_makes_no_second_rationale():
    decision = decide(answer(prior=prior()))
    assert decision.outcome == "repeated"
    assert decision.emissions == decision.effects == ()


def approved_answer(**changes: Any) -> dict[str, Any]:
    signal = a_normalized_signal().model_dump(mode="json")
    return answer(approved="TR235", signal=signal, **changes)


def decide_review(known: dict[str, Any]) -> Any:
    row = a_row("review")
    return scorer.handle(row, scorer.digest(row, known), CONTEXT)


def test_approved_signal_goes_on_with_the_score_that_the_person_saw():
    decision = decide_review(approved_answer(prior=prior()))
    rationale = decision.emissions[0].payload
    assert rationale.rationale_id == RATIONALE_ID
    assert rationale.score == Decimal("0.41")
    assert rationale.reference_price == Decimal("1.10010")
    assert decision.effects == ()
    assert "approved" in decision.explanation


def test_approved_signal_that_was_never_scored_is_scored_and_sent_on():
    policy = SCORING_POLICY | {"threshold": "0.99"}
    decision = decide_review(approved_answer(policy=policy))
    assert decision.emissions
    assert decision.effects[0].procedure == "intake.record_rationales"


def test_approval_does_not_conjure_bars():
    decision = decide_review(approved_answer(prior=prior(), bars_ref=None, bars=None))
    assert decision.code is Code.BARS_MISSING
    assert decision.emissions == ()


def test_review_that_leads_nowhere_is_a_bug():
    with pytest.raises(LookupError):
        decide_review(answer())


def test_bars_are_asked_for_once():
    message = a_message(a_normalized_signal())
    assert scorer.ask(message) == {"signal_id": str(SIGNAL_ID)}
    first = scorer.digest(message, answer(precedents=None))
    more = scorer.ask_more(message, first)
    asked = scorer.ask(message)
    assert asked["have"] == REF
    assert len(asked["vector"].split(",")) == 16
    assert more == {"signal_id": str(SIGNAL_ID), "vector": asked["vector"]}
    assert scorer.digest(message, answer(bars=None, precedents=None)) == first


def test_precedents_are_sought_once_a_minute_for_what_looks_the_same():
    message = a_message(a_normalized_signal())
    scorer.digest(message, answer(precedents=None))
    found = scorer.digest(message, answer(bars=None))
    assert "vector" not in scorer.ask(message)
    assert scorer.digest(message, answer(bars=None, precedents=None)) == found
    assert scorer.ask_more(message, found) is None
    for changed in (
        {"received_at": NOW + timedelta(minutes=1)},
        {"received_at": NOW - timedelta(seconds=1)},
        {"session": "asia"},
        {"side": Side.SELL},
    ):
        assert "vector" in scorer.ask(a_message(a_normalized_signal(**changed)))


def test_newer_bars_make_what_was_found_before_worthless():
    message = a_message(a_normalized_signal())
    scorer.digest(message, answer())
    newer = f"M15@{NOW:%Y-%m-%dT%H:%M:%SZ}"
    fresh = scorer.digest(message, answer(bars_ref=newer, precedents=None))
    assert fresh["precedents"] is None
    assert scorer.ask_more(message, fresh) is not None


def test_reading_that_is_gone_is_a_fault_and_not_a_guess():
    message = a_message(a_normalized_signal())
    with pytest.raises(LookupError):
        scorer.digest(message, answer(bars=None))


def test_cache_keeps_no_more_than_it_may():
    readings = Readings(size_max=2)
    for symbol in ("A", "B", "C"):
        readings.read(symbol, "M15", REF, rising_bars(20))
    assert readings.held("A", "M15") is None
    assert readings.held("C", "M15") is not None


def test_replay_from_the_trace_decides_the_same():
    message = a_message(a_normalized_signal())
    digested = scorer.digest(message, answer())
    traced = json.loads(json.dumps(digested))
    assert scorer.handle(message, traced, CONTEXT) == scorer.handle(message, digested, CONTEXT)
    assert "bars_ref" not in digested
    assert READINGS.held("EURUSD", "M15") is None
