"""How personas vote: each by what it watches, with a reason, and only once it is sure.

A persona is asked until it has voted: a judge that lacks a figure returns None and waits. Each
vote is signed with the persona's key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from workers.agent import Context, Effect

CAST_VOTES = "governance.cast_votes"

Ballot = Mapping[str, Any]
"""A proposal that waits for a vote, as `governance.open_ballots` gives it."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What a persona says to a proposal, and why."""

    decision: Literal["approve", "refuse"]
    reason: str


@dataclass(frozen=True, slots=True)
class Cast:
    """The votes of one tick: effects, and a sentence for each."""

    effects: tuple[Effect, ...]
    sentences: tuple[str, ...]


def cast(
    ballots: Iterable[Ballot], judge: Callable[[Ballot], Vote | None], context: Context
) -> Cast:
    """Vote on what the judge is sure of."""
    effects: list[Effect] = []
    sentences: list[str] = []
    for index, ballot in enumerate(ballots):
        vote = judge(ballot)
        if vote is None:
            continue
        item = {
            "vote_id": str(context.new_id("vote", index)),
            "proposal_id": ballot["proposal_id"],
            "decision": vote.decision,
            "reason": vote.reason,
        }
        effects.append(Effect(CAST_VOTES, item))
        sentences.append(f"{vote.decision} {ballot['kind']} {ballot['proposal_id']}: {vote.reason}")
    return Cast(tuple(effects), tuple(sentences))


def by_expectation(ballot: Ballot) -> Vote | None:
    """Judge a high-risk intent by what its hypothesis says it earns on average, in R."""
    if ballot["probability"] is None or ballot["reward_to_risk"] is None:
        return None
    probability, reward = Decimal(ballot["probability"]), Decimal(ballot["reward_to_risk"])
    expected = probability * reward - (1 - probability)
    detail = f"probability {probability} of {reward:.2f} R expects {expected:.2f} R"
    return Vote("approve" if expected > 0 else "refuse", detail)


def by_measures(ballot: Ballot) -> Vote:
    """Judge a change of a parameter by its evidence: every interval has to exclude zero."""
    measures = ballot["evidence"].get("measures") or []
    weak = [m["name"] for m in measures if Decimal(m["low"]) <= 0 <= Decimal(m["high"])]
    if not measures or weak:
        return Vote("refuse", f"no effect is shown by {', '.join(weak) or 'any measure'}")
    shown = ", ".join(f"{m['name']} over {m['n']}" for m in measures)
    return Vote("approve", f"the interval excludes zero: {shown}")


def by_gain(ballot: Ballot) -> Vote:
    """Judge a policy or model by what it would have earned more: its interval must exceed 0."""
    evidence = ballot["evidence"]
    measures = evidence.get("measures") or []
    if not evidence.get("enough") or not measures:
        seen = evidence.get("resolved", evidence.get("judged", 0))
        return Vote("refuse", f"{seen} differences are not enough evidence")
    told = ", ".join(
        f"{m['name']} {m['mean']} from {m['low']} to {m['high']} over {m['n']}" for m in measures
    )
    better = all(Decimal(m["low"]) > 0 for m in measures)
    return Vote("approve" if better else "refuse", told)


def by_books(ballot: Ballot) -> Vote | None:
    """Confirm a proposed halt once the books themselves show the breach."""
    limits = ballot["evidence"].get("limits") or {}
    for figure, kind in (("daily_loss_pct", "daily_loss_hard_pct"), ("drawdown_pct",) * 2):
        observed, limit = ballot[figure], limits.get(kind)
        if observed is not None and limit is not None and Decimal(observed) >= Decimal(limit):
            return Vote("approve", f"the books show {figure} {Decimal(observed):.2f} of {limit}")
    return None
