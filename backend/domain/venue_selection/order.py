"""How large an order may become, told before it is sized: the venue is chosen first."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backend.domain.venue_selection.model import VenueOrder

_PLACES = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class SizeBounds:
    """Numbers of the sizing policy that bound every order: lots, account currency, a share."""

    risk_fraction: Decimal
    quantity_cap: Decimal
    notional_cap: Decimal


def largest_order(
    bounds: SizeBounds,
    equity: Decimal,
    lot_value: Decimal,
    price: Decimal,
    stop_loss: Decimal,
    requested: Decimal | None,
) -> VenueOrder:
    """Return the most that sizing may make of a signal; limits of venues are held to that.

    lot_value: of one lot at the price, in account currency. Raises ValueError if lot_value or
    price is not positive.
    """
    if lot_value <= 0 or price <= 0:
        raise ValueError("a lot without a value")
    found = [bounds.quantity_cap, bounds.notional_cap / lot_value]
    risk_per_lot = abs(price - stop_loss) / price * lot_value
    if risk_per_lot > 0:
        found.append(max(Decimal(0), equity) * bounds.risk_fraction / risk_per_lot)
    if requested is not None:
        found.append(requested)
    quantity = min(found).quantize(_PLACES)
    return VenueOrder(quantity, (quantity * lot_value).quantize(_PLACES))
