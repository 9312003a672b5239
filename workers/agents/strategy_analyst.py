"""Strategy Analyst: turns a scored signal into something that can come true or not.

Mission: a probability, a stop, a target and a window that can be checked afterwards.
Observes rationales that passed, tick sizes and the pack; tells a strategy's twins in the
shadow the same. Votes as a persona on what promises
profit. SLO 5/20 ms. Failover: stateless.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from backend.contracts.base import Attribution
from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.signals import HypothesisSignal, RationaleSignal
from backend.domain.hypothesis import (
    Hypothesis,
    HypothesisCode,
    HypothesisFacts,
    HypothesisPolicy,
    NoHypothesis,
    hypothesize,
)
from backend.values import FinalOutcome, Mode, format_decimal, format_instant, read_instant
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts
from workers.ballots import (
    CAST_VOTES,
    Ballot,
    Vote,
    by_books,
    by_expectation,
    by_gain,
    by_measures,
    cast,
)
from workers.reviews import denied
from workers.sections import read_section

CANVAS = Canvas(
    mission="Say what is expected of a signal, how likely, and until when.",
    observations="Rationales that passed, outcomes of their precedents, tick sizes, when the "
    "alert came, open proposals.",
    actions="Records hypotheses; publishes signals.hypothesis.v1; casts reasoned votes.",
    beliefs="Without an edge, stop and target are as likely as their distances say.",
    policy="A stop or target on the wrong side, a stop within noise, too small a reward or a "
    "window that is over: no hypothesis, and the alert ends here with the reason. A vote needs a "
    "positive expectation, or an interval that excludes zero.",
    slo_p50_ms=5,
    slo_p95_ms=20,
    failover="Stateless; shards move to another worker when the lease ends.",
)
HEARS = (RationaleSignal.TYPE,)
EMITS = (HypothesisSignal.TYPE,)
FACTS = "intake.hypothesis_facts"
TICK_FACTS = "governance.ballot_facts"
EFFECTS = ("intake.record_hypotheses", CAST_VOTES)
MAY_CALL = (
    "intake.hypothesis_facts",
    "intake.record_hypotheses",
    "governance.ballot_facts",
    "governance.cast_votes",
)
EVERY_MS = 2_000


def ask(message: Message[RationaleSignal]) -> dict[str, Any]:
    """Ask for the tick size and for when the signal was wanted."""
    payload = message.payload
    return {
        "signal_id": str(payload.signal_id),
        "symbol": payload.symbol,
        "strategy_id": payload.strategy_id,
        "precedents": [str(precedent) for precedent in payload.precedents],
    }


def handle(message: Message[RationaleSignal], facts: Facts, context: Context) -> Decision:
    """Form the hypothesis of one rationale, or end the alert with the reason for none."""
    rationale, policy_hash = message.payload, facts["policy_hash"]
    policy = read_section(HypothesisPolicy, facts["policy"])
    if policy is None:
        return denied(Code.POLICY_MISSING, "no active pack says how to expect", policy_hash)
    if facts["tick_size"] is None or facts["wanted_at"] is None:
        return denied(Code.INSTRUMENT_MISSING, f"{rationale.symbol} is not registered", policy_hash)
    found = hypothesize(
        HypothesisFacts(
            side=rationale.side,
            order_type=rationale.order_type,
            score=rationale.score,
            confidence=rationale.confidence,
            reference_price=rationale.reference_price,
            atr=rationale.atr,
            stop_loss=rationale.stop_loss,
            take_profit=rationale.take_profit,
            tick_size=Decimal(facts["tick_size"]),
            timeframe=rationale.timeframe,
            received_at=read_instant(facts["wanted_at"]),
            now=context.now,
            precedents=int(facts["precedents"]),
            precedents_won=int(facts["precedents_won"]),
        ),
        policy,
    )
    if isinstance(found, NoHypothesis):
        return _none(found, policy_hash)
    decision = _expect(message, found, context, policy_hash)
    twins: list[str] | None = facts.get("twins")
    return _with_twins(message, decision, twins, context) if twins else decision


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for what waits for this persona's vote."""
    return {}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Vote on intents by what they promise, on parameters by their evidence."""
    votes = cast(facts["ballots"], _judge, context)
    return Decision(
        outcome="voted" if votes.effects else "nothing_to_judge",
        explanation="; ".join(votes.sentences or ("No proposal can be judged now",)) + ".",
        effects=votes.effects,
        policy_hash=facts["policy_hash"],
    )


def _judge(ballot: Ballot) -> Vote | None:
    match ballot["kind"]:
        case "high_risk_intent":
            return by_expectation(ballot)
        case "parameter":
            return by_measures(ballot)
        case "promote_shadow" | "venue_model":
            return by_gain(ballot)
        case "halt":
            return by_books(ballot)
        case _:
            return None


def _lesson(found: Hypothesis) -> tuple[Attribution, ...]:
    """Return what precedents moved, where they moved anything."""
    if found.taught == 0:
        return ()
    return (Attribution(feature="precedents", weight=found.taught),)


def _none(found: NoHypothesis, policy_hash: str | None) -> Decision:
    code = Code[found.code.name]
    over = found.code is HypothesisCode.WINDOW_OVER
    return Decision(
        outcome="expired" if over else "denied",
        explanation=f"No hypothesis: {code.meaning} ({found.detail}).",
        code=code,
        policy_hash=policy_hash,
        final=FinalOutcome.EXPIRED if over else FinalOutcome.DENIED,
    )


def _with_twins(
    message: Message[RationaleSignal], decision: Decision, twins: list[str], context: Context
) -> Decision:
    """Tell whoever runs in the strategy's shadow the same, under correlations of their own."""
    (effect,), (emission,) = decision.effects, decision.emissions
    effects, emissions = [effect], [emission]
    for twin in twins:
        correlation_id = context.shadow_id(twin)
        hypothesis_id = context.new_id(f"hypothesis/{twin}")
        signal = emission.payload.model_copy(
            update={
                "hypothesis_id": hypothesis_id,
                "strategy_id": twin,
                "mode": Mode.SHADOW,
            }
        )
        item = effect.item | {
            "hypothesis_id": str(hypothesis_id),
            "correlation_id": str(correlation_id),
            "strategy_id": twin,
            "mode": Mode.SHADOW.value,
            "shadow_of": str(message.correlation_id),
        }
        effects.append(Effect(effect.procedure, item))
        emissions.append(Emission(signal, emission.ordering_key, correlation_id=correlation_id))
    return replace(
        decision,
        explanation=f"{decision.explanation} In the shadow: {', '.join(twins)}.",
        effects=tuple(effects),
        emissions=tuple(emissions),
    )


def _expect(
    message: Message[RationaleSignal],
    found: Hypothesis,
    context: Context,
    policy_hash: str | None,
) -> Decision:
    rationale = message.payload
    evidence = (
        Attribution(feature="edge", weight=found.edge),
        *_lesson(found),
        *rationale.top_contributions,
    )
    signal = HypothesisSignal(
        hypothesis_id=context.new_id("hypothesis"),
        signal_id=rationale.signal_id,
        rationale_id=rationale.rationale_id,
        symbol=rationale.symbol,
        side=rationale.side,
        order_type=rationale.order_type,
        probability=found.probability,
        expected_reward_to_risk=found.reward_to_risk,
        evidence=evidence,
        score=rationale.score,
        confidence=rationale.confidence,
        window_opens_at=found.window_opens_at,
        window_closes_at=found.window_closes_at,
        latency_class=found.latency_class,
        reference_price=rationale.reference_price,
        atr=rationale.atr,
        stop_loss=found.stop_loss,
        take_profit=found.take_profit,
        quantity=rationale.quantity,
        strategy_id=rationale.strategy_id,
        mode=rationale.mode,
    )
    item = signal.model_dump(mode="json") | {
        "correlation_id": str(message.correlation_id),
        "org_id": message.org_id,
        "created_at": format_instant(context.now),
    }
    notes = "".join(f" Note: {note}." for note in found.notes)
    return Decision(
        outcome="expected",
        explanation=f"Probability {found.probability} of {found.reward_to_risk} R before "
        f"{found.window_closes_at:%H:%M:%S} UTC, expected {found.edge} R; stop {found.stop_loss}, "
        f"target {found.take_profit}.{notes}",
        effects=(Effect("intake.record_hypotheses", item),),
        emissions=(Emission(signal, signal.symbol),),
        features={
            "probability": format_decimal(found.probability),
            "reward_to_risk": format_decimal(found.reward_to_risk),
            "edge": format_decimal(found.edge),
        },
        policy_hash=policy_hash,
    )
