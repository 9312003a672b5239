"""The bridge of an account in the shadow: answers as a venue would, and reaches none.

Same questions and reports as `workers.bridge`. It holds no connection and keeps nothing: orders,
fills and positions are the desk's own rows, prices are the quote that came with the attempt. A
trade's number derives from its attempt, so that asking again books nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from backend.contracts.denials import Code
from backend.domain.shadow_fills import ShadowOrder, ShadowQuote, fill_price, is_triggered
from backend.ports import Clock
from backend.values import Side, format_decimal, format_instant
from workers.bridge.answers import AGAIN
from workers.bridge.asking import Prepared

Report = dict[str, Any]

_AT_ONCE = frozenset({"IOC", "FOK"})


class ShadowBridge:
    """Fills one account's orders inside the desk."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def send(self, prepared: Prepared) -> Callable[[], Report]:
        """Fill an attempt, or let it rest. Nothing is sent."""
        return partial(dict, self._answer(prepared))

    def ask(self, prepared: Prepared) -> Report:
        """Look at an order again: by the quote of now. It never left, so that is no risk."""
        return self._answer(prepared)

    def cancel(self, prepared: Prepared) -> Report:
        """Withdraw a resting order."""
        return self._told(prepared, "canceled", "withdrawn in the shadow")

    def change(self, prepared: Prepared) -> Report:
        """Give a resting order other terms."""
        said = self._told(prepared, "accepted", "changed in the shadow")
        change_id = prepared["change"]["change_id"]
        change = {"change_id": change_id, "state": "applied", "code": None, "message": "applied"}
        return said | {"change": change}

    def change_stops(self, prepared: Prepared) -> Report:
        """Give what an order opened other stops: they are the desk's own rows."""
        return self.change(prepared)

    def survey(self, prepared: Prepared) -> Report:
        """Say that there is nothing to compare with: the desk's books are the account."""
        return self._told(prepared, "unknown", "an account in the shadow has no venue")

    def close(self) -> None:
        """Let go of nothing."""

    def _answer(self, prepared: Prepared) -> Report:
        if prepared["bid"] is None or prepared["ask"] is None:
            return self._told(prepared, AGAIN, "no quote was seen", Code.PRICE_MISSING)
        wanted = _open_quantity(prepared)
        if wanted <= 0:
            return self._told(
                prepared, "not_sent", "there is nothing to reduce", Code.ORDER_NOT_EXPRESSIBLE
            )
        order = ShadowOrder(
            side=Side(prepared["side"]),
            order_type=prepared["order_type"],
            limit_price=_decimal(prepared["limit_price"]),
            stop_price=_decimal(prepared["stop_price"] or _stop(prepared)),
            triggered=prepared["status"] == "triggered",
        )
        quote = ShadowQuote(Decimal(prepared["bid"]), Decimal(prepared["ask"]))
        shadow = prepared["shadow"] or {}
        price = fill_price(order, quote, Decimal(shadow.get("slippage_bps") or 0))
        if price is not None:
            return self._filled(prepared, wanted, price, shadow)
        if prepared["time_in_force"] in _AT_ONCE:
            return self._told(prepared, "canceled", "nothing to be had at its price")
        rests = "triggered" if is_triggered(order, quote) else "accepted"
        return self._told(prepared, rests, "rests in the shadow")

    def _filled(
        self, prepared: Prepared, wanted: Decimal, price: Decimal, shadow: dict[str, Any]
    ) -> Report:
        now = format_instant(self._clock.now())
        whole = wanted + Decimal(prepared["filled_quantity"]) >= Decimal(prepared["quantity"])
        fill = {
            "venue_trade_id": f"shadow-{prepared['attempt_id']}",
            "quantity": format_decimal(wanted),
            "price": format_decimal(price),
            "commission": format_decimal(wanted * Decimal(shadow.get("commission_per_lot") or 0)),
            "fee": "0",
            "swap": "0",
            "filled_at": now,
        }
        told = self._told(
            prepared,
            "filled" if whole else "partially_filled",
            "filled in the shadow, at the quote seen",
        )
        return told | {
            "final": not whole,
            "latency_ms": int(shadow.get("latency_ms") or 0),
            "fills": [fill],
        }

    def _told(
        self, prepared: Prepared, status: str, message: str, code: Code | None = None
    ) -> Report:
        attempt = prepared.get("attempt_id")
        return {
            "status": status,
            "final": False,
            "code": None if code is None else code.value,
            "retcode": None,
            "message": message,
            "venue_order_id": None if attempt is None else f"shadow-{attempt}",
            "received_at": format_instant(self._clock.now()),
            "latency_ms": None,
            "fills": [],
        }


def _open_quantity(prepared: Prepared) -> Decimal:
    wanted = Decimal(prepared["quantity"]) - Decimal(prepared["filled_quantity"])
    if not prepared["reduce_only"]:
        return wanted
    held = -Side(prepared["side"]).sign * Decimal(prepared["position_quantity"])
    return min(wanted, held)


def _stop(prepared: Prepared) -> str | None:
    """Return what triggers a plain stop: an alert's stop names its price as the limit."""
    stop: str | None = prepared["limit_price"] if prepared["order_type"] == "stop" else None
    return stop


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
