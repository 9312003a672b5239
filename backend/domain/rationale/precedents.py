"""Earlier signals like this one, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from backend.domain.numbers import ZERO

SPEAKING_MIN = 4
"""Fewer precedents than this contradict nothing."""


@dataclass(frozen=True, slots=True)
class Precedent:
    """An earlier rationale that had closed before the signal was known.

    outcome_r: what it came to, in units of what it put at risk.
    """

    rationale_id: UUID
    distance: Decimal
    outcome_r: Decimal


@dataclass(frozen=True, slots=True)
class PrecedentSummary:
    """What precedents say together."""

    count: int
    won: int
    mean_r: Decimal

    @property
    def disagrees(self) -> bool:
        """True if enough of them were there and they lost on the whole."""
        return self.count >= SPEAKING_MIN and self.mean_r < 0


def summarize(precedents: Sequence[Precedent]) -> PrecedentSummary | None:
    """Sum up precedents; None without any."""
    if not precedents:
        return None
    outcomes = [precedent.outcome_r for precedent in precedents]
    return PrecedentSummary(
        count=len(outcomes),
        won=sum(outcome > 0 for outcome in outcomes),
        mean_r=sum(outcomes, ZERO) / len(outcomes),
    )
