"""Risk: asks the database for authority over an intent and says what came of it.

Mission: nothing goes on that breaks a limit of any level. `risk.authorize_intents` decides,
under locks; this agent announces. SLO 10/40 ms. Failover: stateless, an intent is judged once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid5

from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.portfolio import AllocateIntent, CoverIntent
from backend.contracts.risk import RiskContext
from backend.values import FinalOutcome
from workers.agent import Canvas, Context, Decision, Emission, Facts, RowMessage

CANVAS = Canvas(
    mission="Let pass what every limit of every level allows, trim what can be trimmed.",
    observations="Nothing of its own: the procedure reads limits, book, quotes and halts.",
    actions="Authorises, trims or denies intents; publishes risk.state.context.v1.",
    beliefs="None: the decision is the database's.",
    policy="The tightest limit of platform, organisation, account, strategy, instrument and "
    "venue holds; a missing mandatory limit, a stale price or an unknown figure denies.",
    slo_p50_ms=10,
    slo_p95_ms=40,
    failover="Stateless; authorisation is idempotent by intent_id.",
)
HEARS = (AllocateIntent.TYPE, CoverIntent.TYPE)
HEARS_ROWS = ("approved",)
EMITS = (RiskContext.TYPE,)
FACTS = "risk.authorize_intents"
FACTS_WRITE = True
EFFECTS: tuple[str, ...] = ()
MAY_CALL = ("risk.authorize_intents",)

Asked = Message[AllocateIntent] | Message[CoverIntent] | RowMessage

_ASKED_FIELDS = (
    "account_id", "strategy_id", "venue_id", "symbol", "side", "order_type", "mode", "quantity",
    "reference_price", "stop_loss", "take_profit", "reduce_only", "latency_class",
    "exposure_deltas", "reason_codes",
)  # fmt: skip


def ask(message: Asked) -> dict[str, Any]:
    """Ask for authority over one intent, or again for one that its vote approved."""
    if isinstance(message, RowMessage):
        # The vote's intent held nothing while it waited: it is judged afresh, as a new one.
        intent_id = uuid5(message.row_id, "approved intent")
        return {"proposal_id": str(message.row_id), "intent_id": str(intent_id)}
    body = message.payload.model_dump(mode="json")
    return {name: body[name] for name in _ASKED_FIELDS} | {
        "intent_id": body["intent_id"],
        "kind": "cover" if isinstance(message.payload, CoverIntent) else "allocate",
        "correlation_id": str(message.correlation_id),
        "org_id": message.org_id,
    }


def handle(message: Asked, facts: Facts, context: Context) -> Decision:
    """Announce what the database decided about one intent."""
    policy_hash: str | None = facts["policy_hash"]
    intent: Mapping[str, Any] = facts["intent"] or ask(message)
    if facts["decision"] == "denied":
        code = Code(facts["code"])
        return Decision(
            outcome="denied",
            explanation=f"Denied: {code.meaning}. {_broken(facts)}",
            code=code,
            policy_hash=policy_hash,
            final=None if intent.get("kind") == "cover" else FinalOutcome.DENIED,
        )
    payload = _context_of(intent, facts)
    trimmed = facts["decision"] == "trimmed"
    explanation = (
        f"{intent['side']} {facts['authorized_quantity']} of {facts['requested_quantity']} lots "
        f"of {intent['symbol']} authorised; the fullest limit is "
        f"{payload.highest_utilization:.1%} full"
    )
    if trimmed:
        explanation += f", trimmed by {', '.join(facts['trimmed_by']) or 'the volume step'}"
    return Decision(
        outcome="trimmed" if trimmed else "authorized",
        explanation=f"{explanation}.",
        emissions=(Emission(payload, payload.account_id),),
        features={
            "highest_utilization": facts["highest_utilization"],
            "portfolio_var": facts["portfolio_var"],
            "volatility": facts["volatility"],
        },
        policy_hash=policy_hash,
    )


def _broken(facts: Facts) -> str:
    """Say in a sentence which checks denied, with limit and projected figure."""
    parts: list[str] = []
    for check in facts["checks"]:
        if check["outcome"] != "denied":
            continue
        name = f"{check['scope']} {check['scope_id']} {check['limit_kind']}"
        limit, projected = check.get("limit_value"), check.get("projected")
        if limit is None:
            parts.append(name)
        else:
            seen = "unknown" if projected is None else projected
            parts.append(f"{name} at {seen} against {limit}")
    shown = "; ".join(parts[:6]) or "no check could be made"
    more = f" and {len(parts) - 6} more" if len(parts) > 6 else ""
    return f"{shown}{more}."


def _context_of(intent: Mapping[str, Any], facts: Facts) -> RiskContext:
    return RiskContext.model_validate(
        {
            "strategy_id": intent["strategy_id"],
            "account_id": intent["account_id"],
            "mode": intent["mode"],
            "intent_id": intent["intent_id"],
            "symbol": intent["symbol"],
            "side": intent["side"],
            "order_type": intent["order_type"],
            "requested_quantity": facts["requested_quantity"],
            "authorized_quantity": facts["authorized_quantity"],
            "notional": facts["notional"],
            "reference_price": intent["reference_price"],
            "stop_loss": intent["stop_loss"],
            "take_profit": intent["take_profit"],
            "venue_id": intent["venue_id"],
            "latency_class": intent["latency_class"],
            "reduce_only": intent["reduce_only"],
            "trimmed_by": facts["trimmed_by"],
            "breach_flags": facts["breach_flags"],
            "risk_level": facts["risk_level"],
            "highest_utilization": facts["highest_utilization"],
            "portfolio_var": facts["portfolio_var"],
            "daily_drawdown_pct": facts["daily_drawdown_pct"],
            "treasury_utilization": facts["treasury_utilization"],
            "volatility": facts["volatility"],
            "policy_hash": facts["policy_hash"],
        }
    )
