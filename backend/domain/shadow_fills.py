"""What an order would have become at its venue, as far as the quote seen can tell.

Pessimistic where the quote is silent: a market order crosses the whole spread and slips by what
the model says; a limit fills only where the other side has come to it, at no better price than
the quote's; a stop becomes a market order where the market has reached it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from backend.values import Side

BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class ShadowQuote:
    """Bid and ask as they were seen."""

    bid: Decimal
    ask: Decimal

    def far(self, side: Side) -> Decimal:
        """Return the price that an order of this side has to pay."""
        return self.ask if side is Side.BUY else self.bid


@dataclass(frozen=True, slots=True)
class ShadowOrder:
    """What decides over a fill. stop_price: what triggers a stop; triggered: it once did."""

    side: Side
    order_type: str
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    triggered: bool = False


def fill_price(order: ShadowOrder, quote: ShadowQuote, slippage_bps: Decimal) -> Decimal | None:
    """Return the price that the order gets at this quote, None if it has to wait.

    slippage_bps: what market orders and stops slip by beyond the spread, 0 or more.
    Raises ValueError for a type without the price it needs.
    """
    sign = order.side.sign
    far = quote.far(order.side)
    match order.order_type:
        case "market":
            return _slipped(order.side, far, slippage_bps)
        case "limit":
            return _limited(order, far)
        case "stop" | "trailing":
            if (far - _known(order.stop_price)) * sign < 0:
                return None
            return _slipped(order.side, far, slippage_bps)
        case "stop_limit":
            return _limited(order, far) if is_triggered(order, quote) else None
        case _:
            raise ValueError(f"no order of type {order.order_type}")


def is_triggered(order: ShadowOrder, quote: ShadowQuote) -> bool:
    """Tell whether a stop-limit order rests as a limit order by now."""
    if order.order_type != "stop_limit":
        return False
    far = quote.far(order.side)
    return order.triggered or (far - _known(order.stop_price)) * order.side.sign >= 0


def _limited(order: ShadowOrder, far: Decimal) -> Decimal | None:
    limit = _known(order.limit_price)
    return far if (limit - far) * order.side.sign >= 0 else None


def _slipped(side: Side, far: Decimal, slippage_bps: Decimal) -> Decimal:
    """Move a price against the order and round it, still against, to the quote's digits."""
    if slippage_bps < 0:
        raise ValueError("slippage_bps must not be negative")
    step = Decimal(1).scaleb(int(far.as_tuple().exponent))
    away = far * (1 + side.sign * slippage_bps / BPS)
    rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
    return (away / step).to_integral_value(rounding) * step


def _known(price: Decimal | None) -> Decimal:
    if price is None:
        raise ValueError("the order lacks the price that its type needs")
    return price
