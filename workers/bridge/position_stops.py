"""Other stops for a position that is open at the venue: sent at most once, else asked about.

That they are sent is committed before (`send`). Whoever finds them sent without an answer looks
at the position: it has them, or after the settle window they never arrived. What was certainly
not executed, for a reason that passes, may be sent again while it is young.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.denials import Code
from backend.values import Side, read_instant
from backend.venues.model import Outcome, RetcodeClass, StopsRequest, VenuePosition, VenueReport
from backend.venues.mt5.requests import stops_fault
from backend.venues.mt5.venue import Mt5Venue
from workers.bridge.answers import code_of
from workers.bridge.asking import Prepared, decimal_of
from workers.bridge.baselines import pace_of
from workers.bridge.changing import change_said

SEND_FOR = timedelta(minutes=1)
"""Stops that were asked for longer ago are not sent any more: the market has moved on."""

Said = dict[str, Any]


def set_stops(venue: Mt5Venue, prepared: Prepared) -> tuple[Said, VenueReport | None]:
    """Give a position its stops, or find out whether it has them. Raises VenueUnavailable.

    Returns what became of the change, and the venue's answer if something was sent.
    """
    position = _opened(venue.positions(prepared["symbol"]), prepared, hedging=venue.hedging)
    if position is None:
        return _said(prepared, "refused", Code.POSITION_CLOSED, Code.POSITION_CLOSED.meaning), None
    there = {"position": str(position.ticket)}
    stop, take = _wanted(prepared, position)
    if (stop, take) == (position.stop_loss, position.take_profit):
        return _said(prepared, "applied", None, "the position has these stops") | there, None
    found = _unsent(venue, prepared, position, stop, take)
    if found is not None:
        return found | there, None
    told = venue.change_stops(
        StopsRequest(
            UUID(prepared["change"]["change_id"]),
            prepared["client_order_id"],
            prepared["symbol"],
            position.ticket,
            stop,
            take,
        )
    )
    return _answered(prepared, told) | there, told


def unreached(prepared: Prepared, message: str) -> Said:
    """Say what holds while the venue cannot be asked; what was not sent now was never sent."""
    if not prepared["change"]["send"]:
        return _said(prepared, "unknown", Code.VENUE_UNREACHABLE, message)
    state = "refused" if _too_old(prepared) else "again"
    return _said(prepared, state, Code.VENUE_UNREACHABLE, message)


def _opened(
    positions: tuple[VenuePosition, ...], prepared: Prepared, *, hedging: bool
) -> VenuePosition | None:
    """Find what an order opened: its own position, or on a netting account the symbol's."""
    held = [one for one in positions if one.side is Side(prepared["side"])]
    if not hedging:
        return held[0] if len(held) == 1 else None
    known, magic = prepared["change"]["venue_order_id"], int(prepared["magic"])
    own = [p for p in held if known in (str(p.identifier), str(p.ticket)) or p.magic == magic]
    return own[0] if len(own) == 1 else None


def _wanted(prepared: Prepared, position: VenuePosition) -> tuple[Decimal | None, Decimal | None]:
    """Give both stops: what is wanted, and what the venue has where nothing is said."""
    wanted = prepared["change"]["wanted"]
    stop, take = position.stop_loss, position.take_profit
    if "stop_loss" in wanted:
        stop = decimal_of(wanted["stop_loss"])
    if "take_profit" in wanted:
        take = decimal_of(wanted["take_profit"])
    return stop, take


def _unsent(
    venue: Mt5Venue,
    prepared: Prepared,
    position: VenuePosition,
    stop: Decimal | None,
    take: Decimal | None,
) -> Said | None:
    """Say why nothing is sent, or None."""
    change = prepared["change"]
    if not change["send"]:
        age = read_instant(prepared["as_of"]) - read_instant(change["attempted_at"])
        if age < pace_of(prepared).settle:
            return _said(prepared, "unknown", Code.VENUE_ANSWER_UNKNOWN, "sent before, asked about")
        return _said(prepared, "refused", Code.ORDER_NOT_SENT, "the position never got them")
    if _too_old(prepared):
        return _said(prepared, "refused", Code.ORDER_EXPIRED, "not sent within a minute")
    if _widens(position, stop):
        if not change["authorized"]:
            message = f"the venue has it at {position.stop_loss}: a wider one needs authority"
            return _said(prepared, "refused", Code.STOP_CLOSER_THERE, message)
        if position.volume > Decimal(prepared["filled_quantity"]):
            message = f"it is the stop of {position.volume} lots, more than was asked about"
            return _said(prepared, "refused", Code.STOP_CLOSER_THERE, message)
    spec, quote = venue.instrument(prepared["symbol"]), venue.quote(prepared["symbol"])
    if quote is None:
        return _said(prepared, "again", Code.PRICE_MISSING, "the venue has no quote")
    fault = stops_fault(position, stop, take, spec, quote)
    if fault is None:
        return None
    if fault.passes:
        return _said(prepared, "again", Code.VENUE_BUSY, fault.reason)
    return _said(prepared, "refused", Code.ORDER_NOT_EXPRESSIBLE, fault.reason)


def _widens(position: VenuePosition, stop: Decimal | None) -> bool:
    """Tell whether a position could lose more than with the stop that the venue has."""
    there = position.stop_loss
    if there is None:
        return False
    return stop is None or position.side.sign * (stop - there) < 0


def _answered(prepared: Prepared, told: VenueReport) -> Said:
    if told.outcome is Outcome.PLACED:
        return _said(prepared, "applied", None, told.message)
    if told.retcode_class is RetcodeClass.STATE_MOVED_ON:
        return _said(prepared, "refused", Code.POSITION_CLOSED, told.message)
    state = "unknown" if told.outcome is Outcome.UNKNOWN else "again" if told.again else "refused"
    return _said(prepared, state, code_of(told), told.message)


def _too_old(prepared: Prepared) -> bool:
    asked_at = read_instant(prepared["change"]["requested_at"])
    return read_instant(prepared["as_of"]) - asked_at > SEND_FOR


def _said(prepared: Prepared, state: str, code: Code | None, message: str) -> Said:
    said: Said = change_said(prepared, state, code, message)["change"]
    return said
