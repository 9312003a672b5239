"""Cut quantities on the volume step, without losing or stranding any."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from backend.domain.algorithms.model import CHILDREN_MAX, Parent
from backend.domain.numbers import ZERO, floor_to_step, round_to_step


def check_expressible(parent: Parent) -> None:
    """Raise ValueError if the quantity is below the minimum, off the step, or needs too many."""
    cut_at_once(parent.quantity, parent.volume_min, parent.volume_max, parent.volume_step)


def cut_at_once(
    quantity: Decimal, volume_min: Decimal, volume_max: Decimal, volume_step: Decimal
) -> tuple[Decimal, ...]:
    """Cut a quantity into the fewest children that a venue takes.

    Raises ValueError if it is below the minimum, off the step, or needs more than CHILDREN_MAX.
    """
    count = _needed(quantity, volume_max, volume_step)
    if quantity < volume_min or quantity % volume_step != 0:
        raise ValueError("quantity below minimum or off the step")
    if count > CHILDREN_MAX:
        raise ValueError(f"more than {CHILDREN_MAX} children")
    return even_quantities(quantity, count, volume_step)


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


def _needed(quantity: Decimal, volume_max: Decimal, volume_step: Decimal) -> int:
    largest = floor_to_step(volume_max, volume_step)
    return max(1, int((quantity / largest).to_integral_value(ROUND_CEILING)))
