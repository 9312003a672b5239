"""Risk Sentinel: watches losses, halts what breached a limit, and votes as one of three personas.

Mission: no account trades on past its loss limits, whatever else fails. Looks every two
seconds. Failover: another worker ticks; halts and votes are idempotent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from backend.contracts.denials import Code
from backend.contracts.oversight import HaltIntent
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts
from workers.ballots import CAST_VOTES, Ballot, Vote, cast

CANVAS = Canvas(
    mission="Stop an account that lost what it may lose; judge proposals by what is lost already.",
    observations="Equity against the day's start and the peak, limits in force, open proposals, "
    "and every ten seconds the pack in force against its hash.",
    actions="Halts accounts (or proposes it), the platform where the pack was tampered with; "
    "announces halts, casts reasoned votes.",
    beliefs="None: every tick reads afresh.",
    policy="Hard daily loss or drawdown reached: halt at once where the pack says so, else a "
    "proposal. A pack that is not what its hash says: halt the platform. High-risk intents are "
    "refused past the soft loss or under another policy.",
    slo_p50_ms=10,
    slo_p95_ms=50,
    failover="One worker ticks; the next one takes over when its lease ends.",
)
HEARS: tuple[str, ...] = ()
EMITS = (HaltIntent.TYPE,)
FACTS = None
TICK_FACTS = "governance.sentinel_facts"
EFFECTS = ("governance.halt_automatically", "governance.open_proposals", CAST_VOTES)
MAY_CALL = (
    "governance.sentinel_facts",
    "governance.halt_automatically",
    "governance.open_proposals",
    "governance.cast_votes",
)
EVERY_MS = 2_000

_PACK_EVERY_S = 10
_BREACHES = (
    ("daily_loss_pct", "daily_loss_hard_pct", Code.DAILY_LOSS_EXCEEDED),
    ("drawdown_pct", "drawdown_pct", Code.DRAWDOWN_EXCEEDED),
)


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for every account's losses and what waits for a vote; the pack takes its turn."""
    return {"pack": int(now.timestamp()) % _PACK_EVERY_S < EVERY_MS // 1000}


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
            effects.append(_record(halt, "loss_limit", dict(account)))
            emissions.append(Emission(halt, account["account_id"]))
        else:
            effects.append(_propose(halt, account, context, index))
    tampered = _tampered(facts)
    if tampered is not None:
        code = Code.POLICY_HASH_MISMATCH
        halt = _announce("platform", "*", tampered, context, len(facts["accounts"]))
        effects.append(_record(halt, "policy_mismatch", {"policy_hash": facts["policy_hash"]}))
        emissions.append(Emission(halt, "platform"))
        sentences.append(tampered)
    votes = cast(facts["ballots"], lambda ballot: _vote(ballot, facts), context)
    effects += votes.effects
    sentences += votes.sentences
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


def _tampered(facts: Facts) -> str | None:
    """Return what is wrong with the pack in force, where it was asked for."""
    found = _mismatched(facts)
    if facts["platform_halted"]:
        return None
    if facts.get("limits_differ"):
        return f"{facts['limits_differ']} limits in force are not those of the approved pack"
    if found is None:
        return None
    return f"the pack in force hashes to {found[:12]}, approved was {facts['policy_hash'][:12]}"


def _mismatched(facts: Facts) -> str | None:
    """Return the hash of the pack in force where it is not the one that it goes by."""
    pack = facts.get("pack")
    if pack is None:
        return None
    found = hashlib.sha256(orjson.dumps(pack, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return None if found == facts["policy_hash"] else found


def _halt(account: Mapping[str, Any], reason: str, context: Context, index: int) -> HaltIntent:
    return _announce("account", account["account_id"], reason, context, index)


def _announce(scope: str, scope_id: str, reason: str, context: Context, index: int) -> HaltIntent:
    return HaltIntent(
        halt_id=context.new_id("halt", index),
        scope=scope,
        scope_id=scope_id,
        reason=reason,
        requested_by="risk_sentinel",
        cancel_working_orders=True,
        effective_at=context.now,
    )


def _record(halt: HaltIntent, cause: str, detail: dict[str, Any]) -> Effect:
    return Effect(
        "governance.halt_automatically",
        {
            "halt_id": str(halt.halt_id),
            "cause": cause,
            "scope": halt.scope,
            "scope_id": halt.scope_id,
            "reason": halt.reason,
            "detail": detail,
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


def _vote(ballot: Ballot, facts: Facts) -> Vote | None:
    concerned = [
        account
        for account in facts["accounts"]
        if ballot["account_id"] in (None, account["account_id"])
    ]
    if not concerned:
        # What cannot be judged by an account's losses is left to the other voters.
        return None
    breach = next((found for found in map(_breach, concerned) if found is not None), None)
    match ballot["kind"]:
        case "lift_halt" if ballot.get("cause") == "policy_mismatch" and facts.get("pack") is None:
            # Asked again in the turn that reads the pack.
            return None
        case "lift_halt" if _mismatched(facts) or facts.get("limits_differ"):
            return Vote("refuse", "the pack in force is still not what its hash says")
        case "lift_halt":
            return None if breach else Vote("approve", "the losses are within their limits again")
        case "parameter":
            return _vote_parameter(ballot, concerned)
        case "promote_shadow":
            return _affordable(ballot, concerned)
        case "high_risk_intent" if ballot["account_id"] is not None:
            return _vote_intent(ballot, concerned[0], breach, facts)
        case _:
            return None


def _vote_intent(
    ballot: Ballot,
    account: Mapping[str, Any],
    breach: tuple[Code, str] | None,
    facts: Facts,
) -> Vote:
    if breach is not None:
        return Vote("refuse", breach[1])
    if ballot["evidence"].get("policy_hash") != facts["policy_hash"]:
        return Vote("refuse", "it was judged under another policy pack than the one in force")
    if _past_soft(account):
        loss = _percent(account["daily_loss_pct"])
        return Vote("refuse", f"the day's loss of {loss} is past soft")
    return Vote(
        "approve",
        f"day's loss {_percent(account['daily_loss_pct'])}, drawdown "
        f"{_percent(account['drawdown_pct'])}: both within limits",
    )


def _vote_parameter(ballot: Ballot, accounts: Sequence[Mapping[str, Any]]) -> Vote:
    """A higher threshold or expected cost trades less; a lower one has to be affordable."""
    change = ballot["payload"]
    if "proposed" not in change:
        return _affordable(ballot, accounts)
    rises = Decimal(change["proposed"]) >= Decimal(change["current"])
    # What is the most that may be is stricter when it falls.
    if rises != ("_max" in change["parameter"]):
        return Vote("approve", f"{change['parameter']} becomes stricter")
    return _affordable(ballot, accounts)


def _affordable(ballot: Ballot, accounts: Sequence[Mapping[str, Any]]) -> Vote:
    losing = [
        a["account_id"] for a in accounts if a["org_id"] == ballot["org_id"] and _past_soft(a)
    ]
    if losing:
        return Vote("refuse", f"no loosening while {', '.join(losing)} is past its soft loss")
    return Vote("approve", "no account is past its soft loss")


def _past_soft(account: Mapping[str, Any]) -> bool:
    """Tell whether the day's loss is past the soft limit; unknown counts as past."""
    soft, observed = account["limits"].get("daily_loss_soft_pct"), account["daily_loss_pct"]
    return soft is None or observed is None or Decimal(observed) >= Decimal(soft)


def _percent(value: str) -> str:
    return f"{Decimal(value):.2f} %"
