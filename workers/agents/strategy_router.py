"""Strategy Router: picks what is worth doing, where, under the active routing policy.

Mission: one arbitrated opportunity, or a named reason for none. Observes hypotheses, venue
health, halts, flags, what was routed lately and what competes with it. Where the pack gives a
strategy several accounts, it draws the venue among them. Shadow policies of the pack judge the
same facts without effect; in what they differ is recorded. SLO 5/25 ms. Failover: stateless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from backend.contracts.base import Attribution
from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.oversight import BlackboardNote
from backend.contracts.signals import HealthSignal, HypothesisSignal, Opportunity
from backend.domain.routing import (
    Difference,
    HealthView,
    HypothesisView,
    NotSelected,
    RoutingCode,
    RoutingFacts,
    RoutingPolicy,
    Selected,
    compare,
    route,
)
from backend.values import FinalOutcome, format_decimal, format_instant, read_instant
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts
from workers.reviews import denied
from workers.sections import read_section

CANVAS = Canvas(
    mission="Choose among hypotheses by what they promise and what the venue can do.",
    observations="Hypotheses, health of venue and symbol, halts, flags, opportunities of late, "
    "risks open in the account; of a strategy with several accounts the same of each, with "
    "latency, rejections and what lies with each counterparty.",
    actions="Chooses the venue and records opportunities, chosen or not, with the chance that "
    "the venue had, and what shadow policies would have done "
    "otherwise; publishes signal.event.opportunity.v1 and notes unusable venues on the "
    "blackboard.",
    beliefs="What venues cost, as the voters put it in force; every other fact is read afresh.",
    policy="Missing or stale health, a halt, a closed window, too little edge or a conflict: "
    "not selected, with the reason. A spent budget of risk or latency too. Counterparty "
    "concentration bounds a choice of venue first, exploration stays within the pack's shares.",
    slo_p50_ms=5,
    slo_p95_ms=25,
    failover="Stateless; shards move to another worker when the lease ends.",
)
HEARS = (HypothesisSignal.TYPE, HealthSignal.TYPE)
EMITS = (Opportunity.TYPE, BlackboardNote.TYPE)
FACTS = "execution.routing_facts"
EFFECTS = ("execution.record_opportunities",)
MAY_CALL = (
    "execution.compare_shadows",
    "execution.routing_facts",
    "execution.record_opportunities",
    "execution.resolve_differences",
)

MODEL_VERSION = "router-2"
_SHADOW_FLAG = "routing.shadow."


def ask(message: Message[HypothesisSignal] | Message[HealthSignal]) -> dict[str, Any]:
    """Ask for the strategy's account and venue and all that speaks for or against them."""
    payload = message.payload
    if isinstance(payload, HealthSignal):
        return {"symbol": payload.symbol}
    return {
        "hypothesis_id": str(payload.hypothesis_id),
        "correlation_id": str(message.correlation_id),
        "strategy_id": payload.strategy_id,
        "symbol": payload.symbol,
        "side": payload.side.value,
    }


def handle(
    message: Message[HypothesisSignal] | Message[HealthSignal], facts: Facts, context: Context
) -> Decision:
    """Arbitrate a hypothesis, or take note of a venue's health."""
    policy = read_section(RoutingPolicy, facts["policy"])
    payload = message.payload
    if isinstance(payload, HealthSignal):
        return _note_health(payload, policy, facts)
    if facts["opportunity_id"] is not None:
        return Decision("repeated", f"already judged as opportunity {facts['opportunity_id']}")
    if policy is None:
        detail = Code.ROUTING_POLICY_MISSING.meaning
        return denied(Code.ROUTING_POLICY_MISSING, detail, facts["policy_hash"])
    if facts.get("venues") is not None:
        return _arbitrate_venues(message, payload, facts, context, policy)
    refusal = _gate(payload, facts)
    if refusal is not None:
        return _not_selected(message, payload, facts, context, policy, *refusal)
    return _arbitrate(message, payload, facts, context, policy)


def _arbitrate_venues(
    message: Message[Any],
    payload: HypothesisSignal,
    facts: Facts,
    context: Context,
    policy: RoutingPolicy,
) -> Decision:
    """Choose among the venues that the policy would route to, then go on as with one."""
    # Few desks have several accounts for a strategy: the others need not load what draws.
    from workers.venue_choice import NoneLeft, choose

    def refuse(there: Facts) -> tuple[Code, str] | None:
        refusal = _gate(payload, there)
        if refusal is not None:
            return refusal
        found = route(_routing_facts(payload, there, context.now), policy)
        return (Code[found.code.name], found.detail) if isinstance(found, NotSelected) else None

    found = choose(payload, facts, context.seed, refuse)
    if isinstance(found, NoneLeft):
        return _not_selected(
            message, payload, found.facts, context, policy, found.code, found.detail
        )
    decision = _arbitrate(message, payload, found.facts, context, policy)
    (record,) = decision.effects
    return replace(
        decision,
        explanation=decision.explanation + found.sentence,
        effects=(Effect(record.procedure, record.item | found.record),),
        features={**decision.features, **found.features},
    )


def _arbitrate(
    message: Message[Any],
    payload: HypothesisSignal,
    facts: Facts,
    context: Context,
    policy: RoutingPolicy,
) -> Decision:
    judged = _routing_facts(payload, facts, context.now)
    found = route(judged, policy)
    shadows = _shadows(facts)
    otherwise = compare(judged, found, shadows) if shadows else ()
    if isinstance(found, NotSelected):
        detail = f"{Code[found.code.name].meaning} ({found.detail})"
        decision = _not_selected(
            message, payload, facts, context, policy, Code[found.code.name], detail
        )
    else:
        decision = _select(message, payload, facts, context, policy, found)
    return _with_differences(decision, payload, otherwise) if otherwise else decision


def _shadows(facts: Facts) -> list[RoutingPolicy]:
    """Return the shadow policies of the pack that no flag switches off."""
    read = (read_section(RoutingPolicy, one) for one in facts["policy"].get("shadows") or ())
    off = facts["switched_off"]
    return [one for one in read if one is not None and f"{_SHADOW_FLAG}{one.name}" not in off]


def _with_differences(
    decision: Decision, hypothesis: HypothesisSignal, otherwise: tuple[Difference, ...]
) -> Decision:
    """Send the differences along with the opportunity's record: no call more."""
    (record,) = decision.effects
    # The market tells later what either was worth: it needs the bet itself.
    bet = {
        "reference_price": hypothesis.reference_price,
        "stop_loss": hypothesis.stop_loss,
        "take_profit": hypothesis.take_profit,
    }
    told = [
        {
            "shadow": one.shadow,
            "kind": one.kind.value,
            "code": None if one.code is None else Code[one.code.name].value,
            "detail": one.detail,
        }
        for one in otherwise
    ]
    words = ", ".join(f"{one.shadow} {one.kind.value} it ({one.detail})" for one in otherwise)
    return replace(
        decision,
        explanation=f"{decision.explanation} In the shadow: {words}.",
        effects=(Effect(record.procedure, record.item | bet | {"otherwise": told}),),
    )


def _note_health(health: HealthSignal, policy: RoutingPolicy | None, facts: Facts) -> Decision:
    where = f"{health.symbol} at {health.venue_id}"
    enough = policy is not None and health.fill_confidence >= policy.fill_confidence_min
    if enough and health.throttle_per_minute > 0:
        return Decision(
            "usable",
            f"{where} is routed to: fill confidence {health.fill_confidence}, "
            f"{health.throttle_per_minute} orders a minute.",
            policy_hash=facts["policy_hash"],
        )
    code = Code.THROTTLED if enough else Code.FILL_CONFIDENCE_LOW
    note = BlackboardNote(
        topic="routing.avoided",
        key=f"{health.venue_id}/{health.symbol}"[:64],
        note={
            "code": code.value,
            "fill_confidence": format_decimal(health.fill_confidence),
            "throttle_per_minute": str(health.throttle_per_minute),
        },
        as_of=health.as_of,
    )
    return Decision(
        "avoided",
        f"Nothing is routed to {where} for now: {code.meaning}.",
        code=code,
        emissions=(Emission(note, health.symbol),),
        policy_hash=facts["policy_hash"],
    )


def _gate(hypothesis: HypothesisSignal, facts: Facts) -> tuple[Code, str] | None:
    """Refuse what no venue's health could change."""
    strategy = facts["strategy"]
    if strategy is None:
        return Code.STRATEGY_UNKNOWN, f"strategy {hypothesis.strategy_id} is not registered"
    if strategy["venue_id"] is None:
        return Code.ACCOUNT_MISSING, f"strategy {hypothesis.strategy_id} has no account"
    if facts["halts"]:
        return Code.HALTED, f"halted: {', '.join(facts['halts'])}"
    if strategy["account_state"] != "active":
        return Code.ACCOUNT_NOT_TRADING, f"account {strategy['account_id']} is not active"
    if not strategy["mode"] == strategy["account_mode"] == hypothesis.mode:
        detail = (
            f"signal {hypothesis.mode.value}, strategy {strategy['mode']}, "
            f"account {strategy['account_mode']}"
        )
        return Code.MODE_NOT_ALLOWED, detail
    return None


def _routing_facts(hypothesis: HypothesisSignal, facts: Facts, now: datetime) -> RoutingFacts:
    strategy, health = facts["strategy"], facts["health"]
    concerned = {
        f"strategy.{hypothesis.strategy_id}",
        f"venue.{strategy['venue_id']}",
        f"symbol.{hypothesis.symbol}",
    }
    under_way = facts["under_way"]
    return RoutingFacts(
        hypothesis=HypothesisView(
            side=hypothesis.side,
            score=hypothesis.score,
            confidence=hypothesis.confidence,
            probability=hypothesis.probability,
            reward_to_risk=hypothesis.expected_reward_to_risk,
            reference_price=hypothesis.reference_price,
            stop_loss=hypothesis.stop_loss,
            window_opens_at=hypothesis.window_opens_at,
            window_closes_at=hypothesis.window_closes_at,
            latency_class=hypothesis.latency_class,
        ),
        health=None if health is None else _health(strategy["venue_id"], health),
        strategy_enabled=bool(strategy["enabled"]),
        routed_last_minute=int(facts["routed_last_minute"]),
        opposite_edge=_decimal(facts["opposite_edge"]),
        now=now,
        symbol=hypothesis.symbol,
        same_edge=_decimal(facts["same_edge"]),
        open_risks=facts["open_risks"],
        under_way=None if under_way is None else frozenset(under_way),
        switched_off=tuple(sorted(concerned.intersection(facts["switched_off"]))),
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _health(venue_id: str, health: Mapping[str, Any]) -> HealthView:
    return HealthView(
        venue_id=venue_id,
        fill_confidence=Decimal(health["fill_confidence"]),
        throttle_per_minute=int(health["throttle_per_minute"]),
        debt_to_risk=Decimal(health["debt_to_risk"]),
        spread_bps=Decimal(health["spread_bps"]),
        latency_p95_ms=int(health["latency_p95_ms"]),
        as_of=read_instant(health["as_of"]),
    )


def _select(
    message: Message[Any],
    hypothesis: HypothesisSignal,
    facts: Facts,
    context: Context,
    policy: RoutingPolicy,
    found: Selected,
) -> Decision:
    account_id = facts["strategy"]["account_id"]
    opportunity = Opportunity(
        opportunity_id=context.new_id("opportunity"),
        hypothesis_id=hypothesis.hypothesis_id,
        signal_id=hypothesis.signal_id,
        symbol=hypothesis.symbol,
        side=hypothesis.side,
        order_type=hypothesis.order_type,
        score=found.score,
        confidence=found.confidence,
        horizon_ms=found.horizon_ms,
        features=dict(found.features),
        explanations=tuple(
            Attribution(feature=name, weight=value) for name, value in found.features[:3]
        ),
        model_version=MODEL_VERSION,
        routing_policy=policy.name,
        venue_id=found.venue_id,
        latency_class=hypothesis.latency_class,
        reference_price=hypothesis.reference_price,
        atr=hypothesis.atr,
        stop_loss=hypothesis.stop_loss,
        take_profit=hypothesis.take_profit,
        quantity=hypothesis.quantity,
        strategy_id=hypothesis.strategy_id,
        account_id=account_id,
        mode=hypothesis.mode,
    )
    record = _record(message, hypothesis, facts, context, policy) | {
        "score": opportunity.score,
        "confidence": opportunity.confidence,
        "selected": True,
    }
    return Decision(
        outcome="selected",
        explanation=f"{hypothesis.side.value} {hypothesis.symbol} goes to {found.venue_id} for "
        f"account {account_id}: expected {found.edge} R, fill confidence included "
        f"{found.confidence}, under routing policy {policy.name}.",
        effects=(Effect("execution.record_opportunities", record),),
        emissions=(Emission(opportunity, opportunity.symbol),),
        features={name: format_decimal(value) for name, value in found.features},
        policy_hash=facts["policy_hash"],
    )


def _not_selected(
    message: Message[Any],
    hypothesis: HypothesisSignal,
    facts: Facts,
    context: Context,
    policy: RoutingPolicy,
    code: Code,
    detail: str,
) -> Decision:
    record = _record(message, hypothesis, facts, context, policy) | {
        "score": Decimal(0),
        "confidence": hypothesis.confidence,
        "selected": False,
        "code": code.value,
    }
    over = code.name == RoutingCode.WINDOW_OVER.name
    return Decision(
        outcome="expired" if over else "not_selected",
        explanation=f"Not selected: {detail}.",
        code=code,
        effects=(Effect("execution.record_opportunities", record),),
        policy_hash=facts["policy_hash"],
        final=FinalOutcome.EXPIRED if over else FinalOutcome.NOT_SELECTED,
    )


def _record(
    message: Message[Any],
    hypothesis: HypothesisSignal,
    facts: Facts,
    context: Context,
    policy: RoutingPolicy,
) -> dict[str, Any]:
    strategy = facts["strategy"] or {}
    return {
        "opportunity_id": context.new_id("opportunity"),
        "hypothesis_id": hypothesis.hypothesis_id,
        "correlation_id": message.correlation_id,
        "org_id": message.org_id,
        "symbol": hypothesis.symbol,
        "side": hypothesis.side,
        "routing_policy": policy.name,
        "strategy_id": hypothesis.strategy_id,
        "account_id": strategy.get("account_id"),
        "venue_id": strategy.get("venue_id"),
        "created_at": format_instant(context.now),
    }
