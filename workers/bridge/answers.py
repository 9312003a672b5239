"""The words in which a bridge reports what a venue said: JSON, as traces and replays keep it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.values import format_decimal, format_instant
from backend.venues.model import Outcome, RetcodeClass, VenueDeal, VenueReport

STATUS = {
    Outcome.FILLED: "filled",
    Outcome.PARTIALLY_FILLED: "partially_filled",
    Outcome.PLACED: "accepted",
    Outcome.CANCELLED: "canceled",
    Outcome.REJECTED: "rejected",
    Outcome.UNKNOWN: "unknown",
    Outcome.NOT_SENT: "not_sent",
}
AGAIN = "again"
"""Certainly not executed, for a reason that passes: a new attempt may be made."""

_PASSING = {
    RetcodeClass.REFRESH_PRICE: Code.VENUE_PRICE_MOVED,
    RetcodeClass.BACK_OFF: Code.VENUE_BUSY,
    RetcodeClass.OPERATOR: Code.VENUE_NEEDS_OPERATOR,
    RetcodeClass.FIX_REQUEST: Code.ORDER_NOT_EXPRESSIBLE,
}


def status_of(told: VenueReport) -> str:
    """Say what became of a request, in the words of the order's life."""
    return AGAIN if told.again else STATUS[told.outcome]


def code_of(told: VenueReport) -> Code | None:
    """Name why a request did not simply succeed, None if it did."""
    if told.again:
        unreached = told.outcome is Outcome.NOT_SENT and told.retcode_class is RetcodeClass.BACK_OFF
        return Code.VENUE_UNREACHABLE if unreached else _PASSING[told.retcode_class]
    if told.outcome is Outcome.REJECTED:
        return Code.VENUE_REJECTED
    if told.outcome is Outcome.UNKNOWN:
        return Code.VENUE_ANSWER_UNKNOWN
    if told.outcome is not Outcome.NOT_SENT:
        return None
    fixable = told.retcode_class is RetcodeClass.FIX_REQUEST
    return Code.ORDER_NOT_EXPRESSIBLE if fixable else Code.VENUE_UNREACHABLE


def fill_of(deal: VenueDeal) -> dict[str, Any]:
    """Write a deal as a fill, with what the venue says it realised; a rebate is a negative fee."""
    executed: datetime | None = deal.executed_at
    return {
        "venue_trade_id": str(deal.ticket),
        "quantity": format_decimal(deal.volume),
        "price": format_decimal(deal.price),
        "commission": format_decimal(max(Decimal(0), deal.commission)),
        "fee": format_decimal(deal.fee + min(Decimal(0), deal.commission)),
        "filled_at": None if executed is None else format_instant(executed),
        "swap": format_decimal(deal.swap),
        "profit": format_decimal(deal.profit),
        "venue_position_id": str(deal.position_id),
        "reason": deal.reason,
    }
