"""Cut quantities on the volume step, without losing or stranding any."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from backend.domain.algorithms.model import CHILDREN_MAX, Parent
from backend.domain.numbers import ZERO, floor_to_step, round_to_step


def check_expressible(parent: Parent) -> None:
    """Raise ValueError if the quantity is below the minimum, off the step, or needs too many."""
    if parent.quantity < parent.volume_min or parent.quantity % parent.volume_step != 0:
        raise ValueError("quantity below minimum or off the step")
    if children_needed(parent) > CHILDREN_MAX:
        raise ValueError(f"more than {CHILDREN_MAX} children")


def children_needed(parent: Parent) -> int:
    """Return the fewest children that the venue's largest volume allows."""
    largest = floor_to_step(parent.volume_max, parent.volume_step)
    return max(1, int((parent.quantity / largest).to_integral_value(ROUND_CEILING)))


def children_most(parent: Parent) -> int:
    """Return the most children that the venue's smallest volume allows."""
    smallest = max(parent.volume_min, parent.volume_step)
    return max(1, min(CHILDREN_MAX // 2, int(parent.quantity // smallest)))


def even_quantities(quantity: Decimal, count: int, step: Decimal) -> tuple[Decimal, ...]:
    """Cut a quantity into `count` parts on the step that differ by at most one step."""
    share = floor_to_step(quantity / count, step)
    extra = int((quantity - share * count) / step)
    return tuple(share + (step if i < extra else ZERO) for i in range(count))


def running_totals(quantity: Decimal, weights: Sequence[Decimal], step: Decimal) -> list[Decimal]:
    """Return running totals in proportion to weights, on the step; the last is the quantity.

    Raises ValueError if no weight is positive or one is negative.
    """
    whole = sum(weights, ZERO)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights must be positive together")
    totals: list[Decimal] = []
    running = ZERO
    for weight in weights:
        running += weight
        totals.append(round_to_step(quantity * running / whole, step))
    totals[-1] = quantity
    return totals


def child_size(parent: Parent, wanted: Decimal, free: Decimal) -> Decimal:
    """Return the largest child of at most `wanted` that strands nothing, or 0.

    free: what is neither filled nor working. A rest that is smaller than the venue's smallest
    volume could never be sent, so it is sent along or the child is kept smaller.
    """
    step, least = parent.volume_step, max(parent.volume_min, parent.volume_step)
    largest = floor_to_step(parent.volume_max, step)
    size = floor_to_step(max(ZERO, min(wanted, free, largest)), step)
    if size < least:
        return ZERO
    rest = free - size
    if rest == 0 or rest >= least:
        return size
    smaller = floor_to_step(free - least, step)
    return smaller if smaller >= least else ZERO
