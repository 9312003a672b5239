"""Which intents a person or a quorum must approve before they may be routed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backend.domain.risk import CheckResult
from backend.values import RiskLevel

UTILIZATION_HIGH = Decimal("0.8")
"""From here on a limit counts as nearly full, unless the pack says otherwise."""


class ApprovalReason(StrEnum):
    """Why an intent waits for a vote."""

    RISK_CRITICAL = "RISK_CRITICAL"
    NOTIONAL_HIGH = "NOTIONAL_HIGH"
    LIMIT_NEARLY_FULL = "LIMIT_NEARLY_FULL"
    THRESHOLD_MISSING = "THRESHOLD_MISSING"


@dataclass(frozen=True, slots=True)
class Routine:
    """Nothing about the intent calls for a vote."""


@dataclass(frozen=True, slots=True)
class ApprovalNeeded:
    """The intent is high-risk; `details` says by how much, reason by reason."""

    reasons: tuple[ApprovalReason, ...]
    details: tuple[str, ...]


def judge_intent(
    level: RiskLevel,
    notional: Decimal,
    highest_utilization: Decimal,
    human_approval_notional: Decimal | None,
    checks: Sequence[CheckResult] = (),
    high_risk_utilization: Decimal = UTILIZATION_HIGH,
) -> Routine | ApprovalNeeded:
    """Say whether an authorised intent is high-risk. A missing threshold makes it so."""
    found: list[tuple[ApprovalReason, str]] = []
    if human_approval_notional is None:
        found.append((ApprovalReason.THRESHOLD_MISSING, "human_approval_notional"))
    elif notional > human_approval_notional:
        found.append((ApprovalReason.NOTIONAL_HIGH, f"{notional} over {human_approval_notional}"))
    if level is RiskLevel.CRITICAL:
        found.append((ApprovalReason.RISK_CRITICAL, level.value))
    if highest_utilization >= high_risk_utilization:
        names = [
            check.name
            for check in checks
            if not check.gate
            and check.utilization is not None
            and check.utilization >= high_risk_utilization
        ]
        detail = ", ".join(names) or f"a limit is {highest_utilization} full"
        found.append((ApprovalReason.LIMIT_NEARLY_FULL, detail))
    if not found:
        return Routine()
    return ApprovalNeeded(tuple(r for r, _ in found), tuple(d for _, d in found))
