"""The bridge to one account's venue: sends an attempt once, asks what became of it, cancels it.

Every answer is JSON, because it goes into the trace and a replay must find it again:
`status` (filled, partially_filled, accepted, rejected, canceled, unknown, not_found,
not_sent, again), `final` (nothing more will come), `code`, `retcode`, `message`,
`venue_order_id`, `latency_ms`, `received_at`, and `fills` with the venue's own trade ids.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NoReturn
from uuid import UUID

import structlog

from backend.contracts.denials import Code
from backend.ports import Clock
from backend.values import Side, format_instant, read_instant
from backend.venues.model import (
    CancelRequest,
    ChangeRequest,
    Outcome,
    RetcodeClass,
    VenueDeal,
    VenueOrder,
    VenueReport,
    VenueUnavailable,
    WorkingTime,
    WorkingType,
)
from backend.venues.mt5.venue import Mt5Venue
from workers.bridge.answers import AGAIN, code_of, fill_of, status_of
from workers.bridge.asking import NothingToReduce, Prepared, changed_request, request_of
from workers.bridge.changing import change_answered, change_said, timeout_s, unchangeable
from workers.bridge.connection import VenueConnection
from workers.bridge.position_stops import set_stops, unreached
from workers.bridge.reconciling import compared
from workers.bridge.surveying import survey, withdraw

log = structlog.get_logger()

Report = dict[str, Any]
Deals = Callable[[], tuple[VenueDeal, ...]]
"""Waits for an order's deals. Raises VenueUnavailable."""

SEND_WINDOW = timedelta(seconds=8)
"""An attempt older than this is not sent any more. Together with the call's timeout it stays
below the settle window, or an attempt given up as not sent could still arrive."""
CLOCK_BEHIND_MAX = timedelta(seconds=2)
"""By a clock that is further behind, what is old looks fresh; this much the settle window has."""

_TRADED = frozenset({Outcome.FILLED, Outcome.PARTIALLY_FILLED})
_ENDED = frozenset({Outcome.CANCELLED, Outcome.FILLED, Outcome.PARTIALLY_FILLED})
_AT_ONCE = frozenset({WorkingTime.IOC.value, WorkingTime.FOK.value})


class Bridge:
    """What one account's venue is asked and told, by one thread."""

    def __init__(self, account_id: str, build: Callable[[], Mt5Venue], clock: Clock) -> None:
        self._account_id = account_id
        self._connection = VenueConnection(account_id, build, clock)
        self._clock = clock

    def send(self, prepared: Prepared) -> Callable[[], Report]:
        """Send a freshly opened attempt; the function that is returned waits for its deals.

        So the next one can be sent meanwhile. Neither raises for what the venue does.
        """
        try:
            venue = self._connection.open(prepared)
            attempt = request_of(prepared, venue)
        except VenueUnavailable as error:
            return partial(self._bare, AGAIN, Code.VENUE_UNREACHABLE, str(error))
        except NothingToReduce as error:
            return partial(self._bare, "not_sent", Code.ORDER_NOT_EXPRESSIBLE, str(error))
        except PermissionError as error:
            return partial(self._bare, "not_sent", Code.MODE_NOT_ALLOWED, str(error))
        for earlier in prepared["earlier"]:
            if (report := self._executed_before(venue, prepared, earlier)) is not None:
                return partial(dict, report)
        # Asked last: connecting may have taken its time, and a stalled process wakes up late.
        if (why := self._too_late(prepared)) is not None:
            return partial(self._bare, AGAIN, Code.ATTEMPT_STALE, why)
        venue.answer_within(timeout_s(prepared))
        told = venue.submit(attempt)
        self._connection.note(venue)
        return partial(self._report, venue, told, prepared, self._deals_of(venue, told))

    def _executed_before(
        self, venue: Mt5Venue, prepared: Prepared, earlier: Prepared
    ) -> Report | None:
        """Look for an attempt that was answered as not executed: the venue's own lists decide."""
        try:
            told = venue.find(
                earlier["client_order_id"],
                prepared["symbol"],
                Decimal(prepared["quantity"]),
                Side(prepared["side"]),
                read_instant(earlier["opened_at"]),
                int(earlier["magic"]),
            )
        except VenueUnavailable as error:
            return self._bare(AGAIN, Code.VENUE_UNREACHABLE, str(error))
        if told is None or told.outcome is Outcome.REJECTED:
            return None
        said = self._bare(AGAIN, Code.VENUE_ANSWER_UNKNOWN, "an earlier attempt was executed")
        return said | {"reopen": earlier["attempt_id"]}

    def ask(self, prepared: Prepared) -> Report:
        """Ask what became of an attempt. An unreachable venue proves nothing."""
        try:
            venue = self._connection.open(prepared)
            told = venue.find(
                prepared["client_order_id"],
                prepared["symbol"],
                Decimal(prepared["quantity"]),
                Side(prepared["side"]),
                read_instant(prepared["opened_at"]),
                int(prepared["magic"]),
            )
            if told is None:
                return self._bare("not_found", None, "the venue has no trace of it")
            return self._found(venue, told, prepared)
        except VenueUnavailable as error:
            self._connection.note()
            return self._bare("unknown", Code.VENUE_UNREACHABLE, str(error))
        except PermissionError as error:
            return self._bare("unknown", Code.MODE_NOT_ALLOWED, str(error))

    def cancel(self, prepared: Prepared) -> Report:
        """Have an order withdrawn and report what became of the order, not of the request.

        Only what the venue lists as working under our own number is withdrawn; for everything
        else the venue is asked. Repeating does no harm: an order ends once.
        """
        try:
            venue = self._connection.open(prepared)
            working = self._working(venue, prepared)
        except VenueUnavailable as error:
            self._connection.note()
            return self._bare("unknown", Code.VENUE_UNREACHABLE, str(error))
        except PermissionError as error:
            return self._bare("unknown", Code.MODE_NOT_ALLOWED, str(error))
        if len(working) != 1 or self._too_late(prepared) is not None:
            return self.ask(prepared)
        venue.answer_within(timeout_s(prepared))
        told = venue.cancel(
            CancelRequest(
                UUID(prepared["attempt_id"]),
                prepared["client_order_id"],
                prepared["symbol"],
                working[0].ticket,
            )
        )
        self._connection.note(venue)
        if told.outcome in _ENDED:
            return self._found(venue, told, prepared)
        return self._kept(told) | self._kept_change(prepared, told)

    def _kept_change(self, prepared: Prepared, told: VenueReport) -> Report:
        """Say of a cancel that a person or the desk asked for that it was refused for good."""
        if prepared["change"] is None or told.again or told.outcome is not Outcome.REJECTED:
            return {}
        return change_said(prepared, "refused", Code.VENUE_REJECTED, told.message)

    def change(self, prepared: Prepared) -> Report:
        """Give a working order other terms; one that works no more is asked about instead."""
        refusal = unchangeable(prepared["change"]["wanted"])
        if refusal is not None:
            said = self._bare("accepted", None, refusal)
            return said | change_said(prepared, "refused", Code.ORDER_NOT_EXPRESSIBLE, refusal)
        try:
            venue = self._connection.open(prepared)
            working = self._working(venue, prepared)
        except VenueUnavailable as error:
            self._connection.note()
            return self._bare("unknown", Code.VENUE_UNREACHABLE, str(error))
        except PermissionError as error:
            return self._bare("unknown", Code.MODE_NOT_ALLOWED, str(error))
        if len(working) != 1 or self._too_late(prepared) is not None:
            return self.ask(prepared)
        venue.answer_within(timeout_s(prepared))
        told = venue.change(ChangeRequest(changed_request(prepared), working[0].ticket))
        self._connection.note(venue)
        if told.retcode_class is RetcodeClass.STATE_MOVED_ON:
            return self.ask(prepared)
        return self._changed(prepared, told, working[0])

    def change_stops(self, prepared: Prepared) -> Report:
        """Give what an order opened other stops, and report what became of the change."""
        try:
            venue = self._connection.open(prepared)
            venue.answer_within(timeout_s(prepared))
            change, told = set_stops(venue, prepared)
        except (VenueUnavailable, PermissionError) as error:
            self._connection.note()
            bare = self._bare("accepted", Code.VENUE_UNREACHABLE, str(error))
            return bare | {"change": unreached(prepared, str(error))}
        self._connection.note(venue)
        code = None if change["code"] is None else Code(change["code"])
        latency = {} if told is None else {"retcode": told.retcode, "latency_ms": told.latency_ms}
        return {**self._bare("accepted", code, change["message"]), **latency, "change": change}

    def _changed(self, prepared: Prepared, told: VenueReport, order: VenueOrder) -> Report:
        triggered = prepared["order_type"] == WorkingType.STOP_LIMIT.value and (
            order.order_type is WorkingType.LIMIT
        )
        return {
            **self._bare("triggered" if triggered else "accepted", None, told.message),
            "retcode": told.retcode,
            "latency_ms": told.latency_ms,
            **change_answered(prepared, told),
        }

    def _working(self, venue: Mt5Venue, prepared: Prepared) -> list[VenueOrder]:
        magic = int(prepared["magic"])
        return [o for o in venue.orders(prepared["symbol"]) if o.magic == magic]

    def survey(self, prepared: Prepared) -> Report:
        """Read the account for a reconciliation, and end what should not work any more.

        An unreachable venue proves nothing.
        """
        try:
            venue = self._connection.open(prepared)
            report = survey(venue, prepared)
            report["withdrawn"] = [
                withdraw(venue, prepared, order, order.comment).outcome.value
                for order in compared(prepared, report).withdrawn
            ]
            return report
        except VenueUnavailable as error:
            self._connection.note()
            return self._bare("unknown", Code.VENUE_UNREACHABLE, str(error))
        except PermissionError as error:
            return self._bare("unknown", Code.MODE_NOT_ALLOWED, str(error))

    def _kept(self, told: VenueReport) -> Report:
        """Report a cancel that did not, or not certainly, go through: the order stands as it did.

        `rejected` or `not_sent` would be said of the order, and it works at the venue.
        """
        refused = told.outcome is Outcome.REJECTED
        code = None if refused else Code.VENUE_ANSWER_UNKNOWN
        if told.outcome is Outcome.NOT_SENT:
            code = Code.VENUE_UNREACHABLE
        said = f"cancel {'refused' if refused else told.outcome.value}: {told.message}"
        return {
            **self._bare("accepted" if refused else "unknown", code, said),
            "retcode": told.retcode,
            "latency_ms": told.latency_ms,
        }

    def _too_late(self, prepared: Prepared) -> str | None:
        """Say why nothing may be sent any more, or None. Two clocks: this machine's, Postgres's."""
        age = self._clock.now() - read_instant(prepared["as_of"])
        if age < -CLOCK_BEHIND_MAX:
            return f"this machine's clock is {-age / timedelta(seconds=1):.1f} s behind Postgres's"
        return "too late to send" if age > SEND_WINDOW else None

    def close(self) -> None:
        """Let go of the terminal."""
        self._connection.close()

    def _found(self, venue: Mt5Venue, told: VenueReport, prepared: Prepared) -> Report:
        return self._report(venue, told, prepared, self._deals_of(venue, told), found=True)

    def _deals_of(self, venue: Mt5Venue, told: VenueReport) -> Deals:
        if told.outcome not in _TRADED or not told.order_ticket:
            return tuple
        try:
            # Only deals have trade ids, commissions and times; the answer has none of them.
            return venue.deals_later(told.order_ticket)
        except VenueUnavailable as error:
            return partial(_unavailable, error)

    def _report(
        self,
        venue: Mt5Venue,
        told: VenueReport,
        prepared: Prepared,
        read_deals: Deals,
        *,
        found: bool = False,
    ) -> Report:
        status = status_of(told)
        deals: tuple[VenueDeal, ...] = ()
        try:
            deals = read_deals()
        except VenueUnavailable as error:
            log.warning("venue.deals_missing", account_id=self._account_id, error=str(error))
            self._connection.note(venue)
        fills = [fill_of(deal) for deal in deals if deal.side is not None and deal.volume > 0]
        booked = sum((Decimal(fill["quantity"]) for fill in fills), Decimal(0))
        if (
            status == "accepted"
            and told.resting_limit
            and prepared["order_type"] == WorkingType.STOP_LIMIT.value
        ):
            status = "triggered"
        if booked < told.volume:
            # Executed, and the histories lag behind: it works until its deals can be read.
            status = "accepted" if booked == 0 else "partially_filled"
        elif status == "filled" and booked < Decimal(prepared["quantity"]):
            # Less was asked for: the venue's step is coarser, or it holds less than was to close.
            status = "partially_filled"
        final = (
            status == "partially_filled"
            and booked >= told.volume
            and (
                told.outcome is Outcome.FILLED or self._is_over(venue, told, prepared, found=found)
            )
        )
        return {
            **self._bare(status, code_of(told), told.message),
            "final": final,
            "retcode": told.retcode,
            "venue_order_id": None if told.order_ticket is None else str(told.order_ticket),
            "received_at": format_instant(told.received_at),
            "latency_ms": told.latency_ms,
            "fills": fills,
        }

    def _is_over(
        self, venue: Mt5Venue, told: VenueReport, prepared: Prepared, *, found: bool
    ) -> bool:
        """Tell whether a partly filled order has stopped working."""
        at_once = prepared["order_type"] == WorkingType.MARKET.value
        if at_once or prepared["time_in_force"] in _AT_ONCE:
            return True
        if not found:
            return False
        try:
            working = venue.orders(prepared["symbol"])
        except VenueUnavailable:
            return False
        return all(order.ticket != told.order_ticket for order in working)

    def _bare(self, status: str, code: Code | None, message: str) -> Report:
        return {
            "status": status,
            "final": False,
            "code": None if code is None else code.value,
            "retcode": None,
            "message": message[:500],
            "venue_order_id": None,
            "received_at": format_instant(self._clock.now()),
            "latency_ms": None,
            "fills": [],
        }


def _unavailable(error: VenueUnavailable) -> NoReturn:
    raise error
