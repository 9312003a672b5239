"""Which numbers of a source's alerts are missing.

Alerts come in about the order of their numbers. A number beyond the expected one shows a gap;
one that lies in a gap fills it; one that is much too low means that the script counts anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

RESTART_BELOW = 100
"""So far below the expected number a script was started again, and no alert came late."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers `first` to `last` did not come. gap_id: None while nobody recorded it."""

    first: int
    last: int
    shown_by: UUID | None = None
    gap_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """What numbers showed: the next one expected, gaps to open, recorded gaps to close."""

    expected: int
    opened: tuple[Gap, ...]
    closed: tuple[UUID, ...]
    restarts: int


def count(
    expected: int | None, gaps: Iterable[Gap], numbers: Sequence[tuple[int, UUID]]
) -> Counted:
    """Go through numbers in the order of their coming; the first ever is where counting begins.

    Raises ValueError without numbers.
    """
    if not numbers:
        raise ValueError("no numbers to count")
    before = list(gaps)
    missing, restarts = list(before), 0
    following = numbers[0][0] if expected is None else expected
    for number, alert_id in numbers:
        if number >= following:
            if number > following:
                missing.append(Gap(following, number - 1, alert_id))
            following = number + 1
        elif (gap := _gap_of(number, missing)) is not None:
            missing.remove(gap)
            missing += _rest(gap, number, alert_id)
        elif number <= 1 or following - number > RESTART_BELOW:
            following, restarts = number + 1, restarts + 1
    left = {gap.gap_id for gap in missing}
    return Counted(
        expected=following,
        opened=tuple(gap for gap in missing if gap.gap_id is None),
        closed=tuple(g.gap_id for g in before if g.gap_id is not None and g.gap_id not in left),
        restarts=restarts,
    )


def _gap_of(number: int, gaps: Iterable[Gap]) -> Gap | None:
    return next((gap for gap in gaps if gap.first <= number <= gap.last), None)


def _rest(gap: Gap, number: int, alert_id: UUID) -> list[Gap]:
    shown_by = gap.shown_by or alert_id
    parts = ((gap.first, number - 1), (number + 1, gap.last))
    return [Gap(first, last, shown_by) for first, last in parts if first <= last]
