"""The MetaTrader 5 venue: what the execution agent and the market data agent call.

One object owns one connection and is used by one thread. `submit` costs one call to the terminal
once the symbol's rules are known. Nothing here ever sends a request twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.values import Side
from backend.venues.model import (
    AttemptRequest,
    CancelRequest,
    ChangeRequest,
    InstrumentSpec,
    Outcome,
    RetcodeClass,
    StopsRequest,
    SymbolUnknown,
    VenueReport,
    VenueUnavailable,
    WorkingType,
)
from backend.venues.mt5 import protocol, reports, retcodes
from backend.venues.mt5.protocol import TerminalUnreachable
from backend.venues.mt5.reader import Mt5Options, Mt5Reader
from backend.venues.mt5.requests import (
    Unsendable,
    build_change,
    build_removal,
    build_request,
    build_stops,
    needs_price,
    round_volume,
)
from backend.venues.mt5.search import Records, Wanted, match_orders

__all__ = ["Mt5Options", "Mt5Venue"]

_NAMING = ("action", "magic", "order", "position", "symbol")
"""What tells requests apart; the rest a broker may round or overwrite."""


class Mt5Venue(Mt5Reader):
    """One account at a MetaTrader 5 terminal: reads, and trades unless it was told not to."""

    def answer_within(self, timeout_s: float | None) -> None:
        """Bound how long later trade requests wait for their answer; None: as any call."""
        self._answer_s = timeout_s

    def submit(self, attempt: AttemptRequest) -> VenueReport:
        """Send an attempt, once. Never raises for what the venue does: the report says it."""
        try:
            spec = self.instrument(attempt.symbol)
            quote = None
            if needs_price(spec) and attempt.order_type is WorkingType.MARKET:
                quote = self.quote(attempt.symbol)
        except SymbolUnknown as error:
            kind = RetcodeClass.FIX_REQUEST
            return self._unsent(attempt.attempt_id, attempt.client_order_id, str(error), kind)
        except VenueUnavailable as error:
            return self._unsent(attempt.attempt_id, attempt.client_order_id, str(error))
        expires = self._server_end(attempt)
        request = build_request(attempt, spec, self._hedging, quote, expires)
        if isinstance(request, Unsendable):
            kind = RetcodeClass.FIX_REQUEST
            return self._unsent(attempt.attempt_id, attempt.client_order_id, request.reason, kind)
        report = self._send(request, attempt.attempt_id, attempt.client_order_id, spec)
        if report.outcome is Outcome.REJECTED and report.retcode_class is RetcodeClass.FIX_REQUEST:
            # The rules that the request was built by may have changed since they were read.
            return replace(report, again=self._rules_changed(attempt.symbol, spec))
        return report

    def _rules_changed(self, symbol: str, known: InstrumentSpec) -> bool:
        self._instruments.pop(symbol, None)
        try:
            return self.instrument(symbol) != known
        except VenueUnavailable:
            return False

    def close_position(self, attempt: AttemptRequest) -> VenueReport:
        """Close a position wholly or in part. Raises ValueError if the attempt names none."""
        if attempt.position_ticket is None:
            raise ValueError("closing needs a position ticket")
        return self.submit(attempt)

    def cancel(self, request: CancelRequest) -> VenueReport:
        """Withdraw a working order, and say what became of it: repeating does no harm.

        Cancelled or filled is only what history lists, whoever ended it and when. Rejected: the
        venue keeps the order working. Unknown: ask `find`. Never raises for what the venue does.
        """
        raw = build_removal(request.order_ticket)
        told = self._send(raw, request.attempt_id, request.client_order_id, None)
        if told.outcome not in (Outcome.CANCELLED, Outcome.REJECTED):
            return told
        try:
            ended = self._ended(request)
        except VenueUnavailable as error:
            message = f"{told.message}; {error}"
            return replace(told, outcome=Outcome.UNKNOWN, message=message)
        if ended is not None and ended.outcome is not Outcome.REJECTED:
            return replace(
                ended,
                attempt_id=request.attempt_id,
                retcode=told.retcode,
                retcode_class=told.retcode_class,
                message=f"{told.message}; {ended.message}",
                latency_ms=told.latency_ms,
            )
        if told.retcode_class in (RetcodeClass.SUCCESS, RetcodeClass.STATE_MOVED_ON):
            # It works no more, and history does not tell yet how it ended, or that it failed.
            return replace(told, outcome=Outcome.UNKNOWN)
        return told

    def _ended(self, request: CancelRequest) -> VenueReport | None:
        """Report an order that history lists; None if it does not. Raises VenueUnavailable."""
        ticket = request.order_ticket
        listed = self._read(lambda: self._terminal.history_orders_get(ticket=ticket))
        if not listed:
            return None
        deals = list(self.deals_of(ticket))
        asked = reports.exact(listed[0].volume_initial)
        known = (request.client_order_id, listed[0], deals, asked, "ticket")
        return reports.found_report(*known, self._time, self._clock.now())

    def change(self, request: ChangeRequest) -> VenueReport:
        """Give a working order other terms; `placed` means it has them. Repeating does no harm."""
        attempt = request.attempt
        ids = (attempt.attempt_id, attempt.client_order_id)
        try:
            spec = self.instrument(attempt.symbol)
        except VenueUnavailable as error:
            return self._unsent(*ids, str(error))
        raw = build_change(attempt, spec, request.order_ticket, self._server_end(attempt))
        if isinstance(raw, Unsendable):
            return self._unsent(*ids, raw.reason, RetcodeClass.FIX_REQUEST)
        return self._send(raw, *ids, spec)

    def _server_end(self, attempt: AttemptRequest) -> int | None:
        return None if attempt.good_till is None else self._time.to_server_s(attempt.good_till)

    def change_stops(self, request: StopsRequest) -> VenueReport:
        """Replace the stops of an open position; `placed` means they stand."""
        try:
            spec = self.instrument(request.symbol)
        except VenueUnavailable as error:
            return self._unsent(request.attempt_id, request.client_order_id, str(error))
        stops = (request.stop_loss, request.take_profit)
        raw = build_stops(request.position_ticket, *stops, spec)
        return self._send(raw, request.attempt_id, request.client_order_id, spec)

    def _send(
        self,
        request: dict[str, Any],
        attempt_id: UUID,
        client_order_id: str,
        spec: InstrumentSpec | None,
    ) -> VenueReport:
        if self._options.read_only:
            return self._unsent(attempt_id, client_order_id, "this connection only reads")
        started_ns = self._clock.monotonic_ns()
        try:
            # No keyword where nothing is bounded: the call is then the package's own.
            bounds = {} if self._answer_s is None else {"timeout_s": self._answer_s}
            result = self._terminal.order_send(request, **bounds)
            error = (0, "") if result is not None else self._terminal.last_error()
        except TerminalUnreachable as lost:
            self._connected = False
            if not lost.sent:
                return self._unsent(attempt_id, client_order_id, str(lost))
            return self._silent(attempt_id, client_order_id, str(lost), started_ns)
        if result is None:
            code, text = error
            kind = retcodes.never_sent(code)
            self._connected = self._connected and not retcodes.pipe_lost(code)
            message = f"{text} ({code})"
            if kind is not None:
                return self._unsent(attempt_id, client_order_id, message, kind)
            return self._silent(attempt_id, client_order_id, message, started_ns)
        return self._answered(request, result, attempt_id, client_order_id, spec, started_ns)

    def _answered(
        self,
        request: dict[str, Any],
        result: Any,
        attempt_id: UUID,
        client_order_id: str,
        spec: InstrumentSpec | None,
        started_ns: int,
    ) -> VenueReport:
        if not _is_answer_to(request, result):
            message = "the answer is another request's"
            return self._silent(attempt_id, client_order_id, message, started_ns)
        received_at, latency_ms = self._arrived(started_ns)
        deal = request["action"] == protocol.ACTION_DEAL
        kind = retcodes.classify(result.retcode)
        succeeded = kind is RetcodeClass.SUCCESS
        executed = reports.exact(result.volume) if deal and succeeded else Decimal(0)
        asked = reports.exact(request.get("volume", 0.0))
        outcome = reports.outcome_of(result.retcode, request["action"], asked, executed)
        priced = deal and executed and result.price > 0 and spec is not None
        # On a hedging account an opening order's ticket is its position's.
        opened = result.order if deal and self._hedging and executed else 0
        return VenueReport(
            client_order_id=client_order_id,
            attempt_id=attempt_id,
            outcome=outcome,
            retcode=result.retcode,
            retcode_class=kind,
            message=result.comment,
            order_ticket=result.order or None,
            deal_ticket=result.deal or None,
            position_ticket=request.get("position") or opened or None,
            volume=executed,
            price=reports.price_of(result.price, spec) if priced and spec else None,
            commission=None,
            venue_time=None,
            received_at=received_at,
            latency_ms=latency_ms,
            again=outcome is Outcome.REJECTED and kind in retcodes.PASSING,
        )

    def _arrived(self, started_ns: int) -> tuple[datetime, int]:
        elapsed_ms = (self._clock.monotonic_ns() - started_ns) // 1_000_000
        return self._clock.now(), elapsed_ms

    def _silent(
        self, attempt_id: UUID, client_order_id: str, message: str, started_ns: int
    ) -> VenueReport:
        _, latency_ms = self._arrived(started_ns)
        unknown = (Outcome.UNKNOWN, RetcodeClass.UNKNOWN)
        return self._empty(attempt_id, client_order_id, *unknown, message, latency_ms)

    def _unsent(
        self,
        attempt_id: UUID,
        client_order_id: str,
        message: str,
        kind: RetcodeClass = RetcodeClass.BACK_OFF,
    ) -> VenueReport:
        return self._empty(attempt_id, client_order_id, Outcome.NOT_SENT, kind, message, None)

    def _empty(
        self,
        attempt_id: UUID | None,
        client_order_id: str,
        outcome: Outcome,
        kind: RetcodeClass,
        message: str,
        latency_ms: int | None,
    ) -> VenueReport:
        return VenueReport(
            client_order_id=client_order_id,
            attempt_id=attempt_id,
            outcome=outcome,
            retcode=None,
            retcode_class=kind,
            message=message,
            order_ticket=None,
            deal_ticket=None,
            position_ticket=None,
            volume=Decimal(0),
            price=None,
            commission=None,
            venue_time=None,
            received_at=self._clock.now(),
            latency_ms=latency_ms,
            again=outcome is Outcome.NOT_SENT and kind in retcodes.PASSING,
        )

    # Searching

    def find(
        self,
        client_order_id: str,
        symbol: str,
        volume: Decimal,
        side: Side,
        since: datetime,
        magic: int | None = None,
    ) -> VenueReport | None:
        """Look for an order in positions, working orders and both histories.

        None: the venue has none. An `unknown` report: several may be it, a person must look.
        Raises VenueUnavailable when a look was impossible, which proves nothing.
        """
        name = self._theirs(symbol)
        first, last = self._window(since)
        period = (first, last)
        terminal = self._terminal
        records = Records(
            working=self._read(lambda: terminal.orders_get(symbol=name)),
            positions=self._read(lambda: terminal.positions_get(symbol=name)),
            finished=self._read(lambda: terminal.history_orders_get(*period, group=name)),
            deals=self._read(lambda: terminal.history_deals_get(*period, group=name)),
        )
        rounded = round_volume(volume, self.instrument(symbol))
        asked = volume if isinstance(rounded, Unsendable) else rounded
        since_s = self._time.to_server_s(since)
        wanted = Wanted(client_order_id, magic, asked, side, since_s)
        match = match_orders(wanted, records)
        if match is None:
            return None
        if len(match.order_tickets) != 1:
            tickets = ", ".join(map(str, sorted(match.order_tickets)))
            message = f"ambiguous by {match.matched_by}: orders {tickets or 'not listed yet'}"
            unknown = (Outcome.UNKNOWN, RetcodeClass.UNKNOWN)
            return self._empty(None, client_order_id, *unknown, message, None)
        (ticket,) = match.order_tickets
        orders = (o for o in (*records.finished, *records.working) if o.ticket == ticket)
        deals = [reports.deal_of(symbol, d, self._time) for d in records.deals if d.order == ticket]
        order = next(orders, None)
        matched = (order, deals, asked, match.matched_by)
        return reports.found_report(client_order_id, *matched, self._time, self._clock.now())


def _is_answer_to(request: dict[str, Any], result: Any) -> bool:
    """Tell whether a result names the request that was sent; one that names none is believed."""
    told = getattr(result, "request", None)
    return told is None or all(
        getattr(told, name, request[name]) == request[name] for name in _NAMING if name in request
    )
