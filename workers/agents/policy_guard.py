"""Policy Guard: holds every authorised intent against the active pack, and asks people.

Mission: route what the pack allows, put what is high-risk before the voters. SLO 5/20 ms.
Failover: stateless; a changed pack or an unknown intent denies.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from backend.contracts.base import VenueShare
from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.orders import RouteIntent
from backend.contracts.risk import RiskContext
from backend.domain.policy import UTILIZATION_HIGH, ApprovalNeeded, judge_intent
from backend.values import (
    FinalOutcome,
    OrderType,
    RiskLevel,
    TimeInForce,
    format_decimal,
    read_instant,
)
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts
from workers.refusals import refuse_intent

CANVAS = Canvas(
    mission="Nothing is routed under another policy than the one in force.",
    observations="The intent as authorised, the active pack, halts, votes that approved it.",
    actions="Publishes order.intent.route.v1; opens proposals for high-risk intents; a denied "
    "intent gives back what it holds.",
    beliefs="None: every fact is read afresh.",
    policy="Risk level CRITICAL, a notional above human_approval_notional or a budget 80 % full "
    "waits for a person and holds nothing meanwhile. A policy hash that differs denies.",
    slo_p50_ms=5,
    slo_p95_ms=20,
    failover="Stateless; shards move to another worker when the lease ends.",
)
HEARS = (RiskContext.TYPE,)
EMITS = (RouteIntent.TYPE,)
FACTS = "governance.policy_facts"
EFFECTS = ("governance.request_approvals", "risk.refuse_intents")
MAY_CALL = (
    "governance.policy_facts",
    "governance.request_approvals",
    "risk.refuse_intents",
)


def ask(message: Message[RiskContext]) -> dict[str, Any]:
    """Ask for the intent as it stands and for the pack in force."""
    share = format_decimal(UTILIZATION_HIGH)
    return {"intent_id": str(message.payload.intent_id), "share": share}


def handle(message: Message[RiskContext], facts: Facts, context: Context) -> Decision:
    """Route one authorised intent, put it before the voters, or deny it."""
    risk = message.payload
    refusal = _refuse(risk, facts, context)
    if refusal is not None:
        return _denied(risk, facts, *refusal)
    if facts["intent"]["state"] != "authorized":
        return Decision("repeated", f"intent {risk.intent_id} is {facts['intent']['state']}")
    judged = judge_intent(
        RiskLevel(facts["intent"]["risk_level"]),
        Decimal(facts["intent"]["notional"]),
        Decimal(facts["intent"]["highest_utilization"]),
        Decimal(facts["authority"]["human_approval_notional"]),
    )
    if isinstance(judged, ApprovalNeeded) and facts["approved_by"] is None:
        return _await_vote(risk, facts, context, judged)
    return _route(risk, facts, context)


def _refuse(risk: RiskContext, facts: Facts, context: Context) -> tuple[Code, str] | None:
    intent, policy_hash = facts["intent"], facts["policy_hash"]
    if policy_hash is None or facts["authority"] is None or facts["execution"] is None:
        return Code.POLICY_MISSING, "no policy pack is active"
    if intent is None or intent["authorized_quantity"] is None:
        return Code.ORDER_NOT_AUTHORIZED, f"intent {risk.intent_id} was never authorised"
    if not risk.policy_hash == intent["policy_hash"] == policy_hash:
        detail = f"authorised under {risk.policy_hash[:12]}, in force is {policy_hash[:12]}"
        return Code.POLICY_HASH_MISMATCH, detail
    if Decimal(intent["authorized_quantity"]) != risk.authorized_quantity:
        return Code.ORDER_NOT_AUTHORIZED, "the message names another quantity than the record"
    if risk.mode not in facts["modes"]:
        return Code.MODE_NOT_ALLOWED, f"the pack does not allow {risk.mode.value}"
    if facts["halt"] is not None and not risk.reduce_only:
        return Code.HALTED, f"halt {facts['halt']} covers it"
    if read_instant(intent["expires_at"]) <= context.now:
        return Code.INTENT_EXPIRED, f"the authorisation ended at {intent['expires_at']}"
    return None


def _denied(risk: RiskContext, facts: Facts, code: Code, detail: str) -> Decision:
    return refuse_intent(risk.intent_id, facts, code, f"Not routed: {detail}.")


def _await_vote(
    risk: RiskContext, facts: Facts, context: Context, judged: ApprovalNeeded
) -> Decision:
    reasons = [reason.value for reason in judged.reasons]
    limits = ", ".join(facts["full_limits"])
    detail = "; ".join(judged.details) + (f" ({limits})" if limits else "")
    request = {
        "proposal_id": str(context.new_id("proposal")),
        "intent_id": str(risk.intent_id),
        "payload": {
            "symbol": risk.symbol,
            "side": risk.side.value,
            "quantity": format_decimal(risk.authorized_quantity),
            "notional": facts["intent"]["notional"],
            "account_id": risk.account_id,
            "reasons": reasons,
        },
        "evidence": {
            "risk_level": facts["intent"]["risk_level"],
            "highest_utilization": facts["intent"]["highest_utilization"],
            "full_limits": facts["full_limits"],
            "portfolio_var": format_decimal(risk.portfolio_var),
            "daily_drawdown_pct": format_decimal(risk.daily_drawdown_pct),
            "policy_hash": facts["policy_hash"],
        },
        "ttl_s": facts["authority"]["approval_ttl_s"],
    }
    cover = facts["intent"]["kind"] == "cover"
    return Decision(
        outcome="awaiting_vote",
        explanation=f"A person has to approve {risk.side.value} "
        f"{format_decimal(risk.authorized_quantity)} lots of {risk.symbol}: {detail}.",
        code=Code.VOTE_REQUIRED,
        effects=(Effect("governance.request_approvals", request),),
        features={"reasons": ",".join(reasons)},
        policy_hash=facts["policy_hash"],
        final=None if cover else FinalOutcome.AWAITING_VOTE,
    )


def _route(risk: RiskContext, facts: Facts, context: Context) -> Decision:
    market = risk.order_type is OrderType.MARKET
    route = RouteIntent(
        strategy_id=risk.strategy_id,
        account_id=risk.account_id,
        mode=risk.mode,
        intent_id=risk.intent_id,
        symbol=risk.symbol,
        side=risk.side,
        order_type=risk.order_type,
        quantity=risk.authorized_quantity,
        price_limit=None if market else risk.reference_price,
        reference_price=risk.reference_price,
        stop_loss=risk.stop_loss,
        take_profit=risk.take_profit,
        time_in_force=TimeInForce(facts["execution"]["time_in_force"])
        if market
        else TimeInForce.DAY,
        latency_class=risk.latency_class,
        reduce_only=risk.reduce_only,
        routing_plan=(
            VenueShare(
                venue_id=risk.venue_id,
                weight=Decimal(1),
                min_fill=Decimal(0),
                max_latency_ms=int(facts["execution"]["venue_latency_ms_max"]),
            ),
        ),
        # The trace of this very decision is the record that the order points back to.
        policy_decision_id=context.new_id("trace"),
        policy_hash=risk.policy_hash,
        risk_score=min(Decimal(1), risk.highest_utilization),
    )
    voted = f", approved by proposal {facts['approved_by']}" if facts["approved_by"] else ""
    return Decision(
        outcome="routed",
        explanation=f"{risk.side.value} {format_decimal(risk.authorized_quantity)} lots of "
        f"{risk.symbol} may go to {risk.venue_id} under policy {risk.policy_hash[:12]}{voted}.",
        emissions=(Emission(route, risk.account_id),),
        policy_hash=facts["policy_hash"],
    )
