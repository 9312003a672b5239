"""Risk Sentinel: watches losses, halts what breached a limit, and votes as one of three personas.

Mission: no account trades on past its loss limits, whatever else fails. Looks every two
seconds. Failover: another worker ticks; halts and votes are idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.contracts.oversight import HaltIntent
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts

CANVAS = Canvas(
    mission="Stop an account that lost what it may lose; judge proposals by what is lost already.",
    observations="Equity against the day's start and the peak, limits in force, open proposals.",
    actions="Records account halts (or proposes them), announces them, casts reasoned votes.",
    beliefs="None: every tick reads afresh.",
    policy="Hard daily loss or drawdown reached: halt at once where the pack says so, else a "
    "proposal. High-risk intents are refused past the soft loss or under another policy.",
    slo_p50_ms=10,
    slo_p95_ms=50,
    failover="One worker ticks; the next one takes over when its lease ends.",
)
HEARS: tuple[str, ...] = ()
EMITS = (HaltIntent.TYPE,)
FACTS = None
TICK_FACTS = "governance.sentinel_facts"
EFFECTS = ("governance.record_halts", "governance.open_proposals", "governance.cast_votes")
MAY_CALL = (
    "governance.sentinel_facts",
    "governance.record_halts",
    "governance.open_proposals",
    "governance.cast_votes",
)
EVERY_MS = 2_000

_BREACHES = (
    ("daily_loss_pct", "daily_loss_hard_pct", Code.DAILY_LOSS_EXCEEDED),
    ("drawdown_pct", "drawdown_pct", Code.DRAWDOWN_EXCEEDED),
)


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for every account's losses and for what waits for this persona's vote."""
    return {}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Halt what breached a loss limit, and vote on what is open."""
    effects: list[Effect] = []
    emissions: list[Emission] = []
    sentences: list[str] = []
    code: Code | None = None
    for index, account in enumerate(facts["accounts"]):
        breach = None if account["halted"] else _breach(account)
        if breach is None:
            continue
        code, reason = breach
        halt = _halt(account, reason, context, index)
        sentences.append(f"{account['account_id']}: {reason}")
        if facts["halt_on_breach"]:
            effects.append(_record(halt))
            emissions.append(Emission(halt, account["account_id"]))
        else:
            effects.append(_propose(halt, account, context, index))
    for index, proposal in enumerate(facts["proposals"] if facts["votes"] else ()):
        vote = _vote(proposal, facts)
        if vote is not None:
            effects.append(_cast(proposal, vote, context, index))
            sentences.append(f"{vote[0]} {proposal['kind']} {proposal['proposal_id']}: {vote[1]}")
    return Decision(
        outcome="acted" if effects else "watched",
        explanation="; ".join(sentences) + "." if sentences else "No limit is breached.",
        code=code,
        effects=tuple(effects),
        emissions=tuple(emissions),
        policy_hash=facts["policy_hash"],
    )


def _breach(account: Mapping[str, Any]) -> tuple[Code, str] | None:
    """Return why an account has to stop; a figure or limit that is missing is a reason too."""
    for figure, kind, code in _BREACHES:
        observed, limit = account[figure], account["limits"].get(kind)
        if limit is None:
            # Nothing is authorised without the limit, so there is nothing to stop.
            continue
        if observed is None:
            return Code.OBSERVATION_MISSING, f"{figure} is not known"
        if Decimal(observed) >= Decimal(limit):
            return code, f"{figure} reached {_percent(observed)} of allowed {_percent(limit)}"
    return None


def _halt(account: Mapping[str, Any], reason: str, context: Context, index: int) -> HaltIntent:
    return HaltIntent(
        halt_id=context.new_id("halt", index),
        scope="account",
        scope_id=account["account_id"],
        reason=reason,
        requested_by="risk_sentinel",
        cancel_working_orders=True,
        effective_at=context.now,
    )


def _record(halt: HaltIntent) -> Effect:
    return Effect(
        "governance.record_halts",
        {
            "halt_id": str(halt.halt_id),
            "scope": halt.scope,
            "scope_id": halt.scope_id,
            "reason": halt.reason,
            "cancel_working_orders": halt.cancel_working_orders,
        },
    )


def _propose(halt: HaltIntent, account: Mapping[str, Any], context: Context, index: int) -> Effect:
    return Effect(
        "governance.open_proposals",
        {
            "proposal_id": str(context.new_id("proposal", index)),
            "org_id": account["org_id"],
            "kind": "halt",
            "subject": f"account/{halt.scope_id}",
            "payload": {"scope": halt.scope, "scope_id": halt.scope_id, "reason": halt.reason},
            "evidence": {
                "daily_loss_pct": account["daily_loss_pct"],
                "drawdown_pct": account["drawdown_pct"],
                "limits": account["limits"],
            },
        },
    )


def _vote(proposal: Mapping[str, Any], facts: Facts) -> tuple[str, str] | None:
    """Return decision and reason, or None to wait: votes are final."""
    account = next(
        (a for a in facts["accounts"] if a["account_id"] == proposal["account_id"]), None
    )
    if account is None:
        # What cannot be judged by an account's losses is left to the other voters.
        return None
    breach = _breach(account)
    if proposal["kind"] == "lift_halt":
        return None if breach else ("approve", "the losses are within their limits again")
    if proposal["kind"] != "high_risk_intent":
        return None
    if breach is not None:
        return "refuse", breach[1]
    if proposal["evidence"].get("policy_hash") != facts["policy_hash"]:
        return "refuse", "it was judged under another policy pack than the one in force"
    soft = account["limits"].get("daily_loss_soft_pct")
    if soft is None or Decimal(account["daily_loss_pct"]) >= Decimal(soft):
        return "refuse", f"the day's loss of {_percent(account['daily_loss_pct'])} is past soft"
    return "approve", (
        f"day's loss {_percent(account['daily_loss_pct'])}, drawdown "
        f"{_percent(account['drawdown_pct'])}: both within limits"
    )


def _cast(
    proposal: Mapping[str, Any], vote: tuple[str, str], context: Context, index: int
) -> Effect:
    decision, reason = vote
    return Effect(
        "governance.cast_votes",
        {
            "vote_id": str(context.new_id("vote", index)),
            "proposal_id": proposal["proposal_id"],
            "decision": decision,
            "reason": reason,
        },
    )


def _percent(value: str) -> str:
    return f"{Decimal(value):.2f} %"
