"""What a verification may find."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Difference(StrEnum):
    """How a record differs from what was sealed."""

    ALTERED = "altered"
    MISSING = "missing"
    INSERTED = "inserted"
    REORDERED = "reordered"
    BROKEN = "broken"
    """A seal, its key or its leaves do not hold; no single record can be blamed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One record that is not as it was sealed."""

    seal: int
    table: str
    key: str
    difference: Difference
    detail: str


@dataclass(slots=True)
class Retired:
    """A partition that retention dropped: so many rows, so many leaves of them."""

    partition: str
    table: str
    rows: int
    leaves: int = 0


@dataclass(slots=True)
class Verified:
    """What was looked at, and what was found, in the order of the seals."""

    seals: int = 0
    records: int = 0
    waiting: int = 0
    """Rows that are not sealed yet."""
    keys: list[str] = field(default_factory=list[str])
    retired: list[Retired] = field(default_factory=list[Retired])
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def ok(self) -> bool:
        """Tell whether everything is as it was sealed."""
        return not self.findings

    @property
    def first(self) -> Finding | None:
        """Return the first broken record."""
        return self.findings[0] if self.findings else None
