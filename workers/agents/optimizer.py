"""Optimizer: reads what closed orders taught and proposes numbers; it never applies one.

Mission: a parameter that is off, or a shadow policy that earned more, becomes a proposal with
its evidence. Looks once a minute at
the newest orders, nightly at all of them (desk.jobs.retrospective). SLO 50/500 ms. Failover:
rank 0 of its workers ticks; a subject has at most one open proposal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.denials import Code
from backend.domain.feedback import ClosedBy, DecisionDelta
from backend.domain.numbers import MICRO, ZERO
from backend.domain.optimization import (
    Evidence,
    OptimizationPolicy,
    ParameterProposal,
    propose,
)
from backend.values import format_decimal
from workers.agent import Canvas, Context, Decision, Effect, Facts
from workers.sections import read_section

CANVAS = Canvas(
    mission="Propose changes of parameters from predicted against realised, with evidence.",
    observations="Decision deltas since the pack in force was applied, what shadow routing "
    "policies did otherwise and what it was worth, proposals asked lately.",
    actions="Opens proposals of kind parameter and promote_shadow; people and personas decide "
    "them.",
    beliefs="Half the spread was the expected slippage; only an end at target or stop says "
    "anything about the edge.",
    policy="The pack's [optimization]: enough trades, an interval that excludes zero, small "
    "steps. One open proposal per subject, one a day.",
    slo_p50_ms=50,
    slo_p95_ms=500,
    failover="The next worker ticks; evidence is read afresh.",
)
HEARS: tuple[str, ...] = ()
EMITS: tuple[str, ...] = ()
FACTS = None
TICK_FACTS = "ops.optimization_facts"
EFFECTS = ("governance.open_proposals",)
MAY_CALL = ("governance.open_proposals", "ops.optimization_facts")
EVERY_MS = 60_000

_PAUSE_S = 86_400
_DECIDED_WITHIN_S = 7 * 86_400
_ENDS = (ClosedBy.TARGET, ClosedBy.STOP)


@dataclass(frozen=True, slots=True)
class _Wanted:
    org_id: str
    proposal: ParameterProposal

    @property
    def subject(self) -> str:
        return f"{self.org_id}/{self.proposal.parameter}"


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for the newest few hundred closed orders."""
    return {"deltas_max": 500, "pause_s": _PAUSE_S}


def ask_retrospective(now: datetime) -> dict[str, Any]:
    """Ask for as many closed orders as there may be: the nightly look back."""
    return {"deltas_max": 5_000, "pause_s": _PAUSE_S}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Propose what the evidence carries and nobody was asked lately."""
    policy = read_section(OptimizationPolicy, facts["policy"])
    if policy is None or facts["edge_min"] is None:
        detail = "No active pack says what counts as evidence, so nothing is proposed."
        return Decision("not_judged", detail, code=Code.POLICY_MISSING)
    wanted = [
        one
        for organization in facts["organizations"]
        for one in _wanted(organization, Decimal(facts["edge_min"]), policy)
        if one.subject not in organization["asked"]
    ]
    better = [
        (organization["org_id"], evidence)
        for organization in facts["organizations"]
        for evidence in organization["shadows"]
        if _earns_more(evidence) and evidence["shadow"] not in organization["asked"]
    ]
    words = [_words(one) for one in wanted] + [_praise(*one) for one in better]
    return Decision(
        outcome="proposed" if words else "nothing_to_propose",
        explanation="; ".join(words) + "."
        if words
        else "The evidence carries no change that was not asked lately.",
        effects=(
            *(
                _proposal(one, index, facts["policy_hash"], context)
                for index, one in enumerate(wanted)
            ),
            *(
                _promotion(org_id, evidence, context.new_id("promotion", index))
                for index, (org_id, evidence) in enumerate(better)
            ),
        ),
        features={one.subject: format_decimal(one.proposal.proposed) for one in wanted}
        | {f"{org_id}/{one['shadow']}": one["measures"][0]["mean"] for org_id, one in better},
        policy_hash=facts["policy_hash"],
    )


def _wanted(
    organization: Mapping[str, Any], edge_min: Decimal, policy: OptimizationPolicy
) -> Iterable[_Wanted]:
    rows = organization["deltas"]
    found = propose(
        [_delta(row) for row in rows if row["predicted"]],
        edge_min,
        _expected_slippage(rows),
        policy,
    )
    for one in found:
        if isinstance(one, ParameterProposal) and one.proposed != one.current:
            yield _Wanted(organization["org_id"], one)


def _delta(row: Mapping[str, Any]) -> DecisionDelta:
    """Read a comparison back as Feedback wrote it."""
    realized = row["realized"]
    delta = DecisionDelta(
        predicted_r=Decimal(row["predicted"]["r"]),
        realized_r=_decimal(realized.get("realized_r")),
        delta_r=_decimal(realized.get("delta_r")),
        brier=_decimal(realized.get("brier")),
        slippage_delta_bps=_decimal(realized.get("slippage_delta_bps")),
        latency_delta_ms=realized.get("latency_delta_ms"),
        fill_ratio=Decimal(realized.get("fill_ratio") or 0),
        held_s=int(realized.get("held_s") or 0),
        label=str(realized.get("label") or ""),
    )
    if realized.get("closed_by") not in _ENDS:
        # A position that is still open has earned nothing yet; that is no shortfall.
        return replace(delta, delta_r=None)
    return delta


def _expected_slippage(rows: Sequence[Mapping[str, Any]]) -> Decimal:
    """Return what was expected on average, in bps."""
    expected = [Decimal(row["predicted"]["slippage_bps"]) for row in rows if row["predicted"]]
    return (sum(expected, ZERO) / len(expected)).quantize(MICRO) if expected else ZERO


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _words(one: _Wanted) -> str:
    change = one.proposal
    return (
        f"{one.org_id}: {change.parameter} from {format_decimal(change.current)} to "
        f"{format_decimal(change.proposed)}, because {change.reason}"
    )


def _proposal(one: _Wanted, index: int, policy_hash: str, context: Context) -> Effect:
    change = one.proposal
    return Effect(
        "governance.open_proposals",
        {
            "proposal_id": str(context.new_id("proposal", index)),
            "org_id": one.org_id,
            "kind": "parameter",
            "subject": one.subject,
            "payload": {
                "parameter": change.parameter,
                "current": format_decimal(change.current),
                "proposed": format_decimal(change.proposed),
            },
            "evidence": {
                "reason": change.reason,
                "policy_hash": policy_hash,
                "measures": [_evidence(measure) for measure in change.evidence],
            },
            "ttl_s": _DECIDED_WITHIN_S,
        },
    )


def _earns_more(evidence: Mapping[str, Any]) -> bool:
    """Tell whether the interval of what a shadow policy would have earned more lies above 0."""
    measures = evidence["measures"]
    return bool(evidence["enough"] and measures) and all(Decimal(m["low"]) > 0 for m in measures)


def _praise(org_id: str, evidence: Mapping[str, Any]) -> str:
    gain = evidence["measures"][0]
    return (
        f"{org_id}: routing policy {evidence['shadow']} in place of {evidence['active']}, because "
        f"its {gain['n']} differences would have earned {gain['mean']} R more on average"
    )


def _promotion(org_id: str, evidence: Mapping[str, Any], proposal_id: UUID) -> Effect:
    """Ask for a promotion; the database itself adds the evidence that it has."""
    return Effect(
        "governance.open_proposals",
        {
            "proposal_id": str(proposal_id),
            "org_id": org_id,
            "kind": "promote_shadow",
            "subject": evidence["shadow"],
            "payload": {"active": evidence["active"]},
            "ttl_s": _DECIDED_WITHIN_S,
        },
    )


def _evidence(measure: Evidence) -> dict[str, Any]:
    return {
        "name": measure.name,
        "n": measure.n,
        "mean": format_decimal(measure.mean),
        "low": format_decimal(measure.low),
        "high": format_decimal(measure.high),
    }
