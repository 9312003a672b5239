"""Execution: the bridge. Sends each authorised order once and records what became of it.

Mission: nothing sent twice, nothing lost. Hears order.command.place.v1, inquiries (about attempts
without an answer, working orders, those to be changed or cancelled) and reconciliations. SLO
15/60 ms with the venue's own time. Failover: accounts follow their shard to another worker under
a new epoch; open attempts are asked about, never resent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.orders import FillEvent, OrderEvent, PlaceCommand
from backend.domain.settling import Pace
from backend.values import FinalOutcome, Side, format_instant, read_instant
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts, RowMessage
from workers.bridge.answers import AGAIN
from workers.bridge.baselines import pace_of
from workers.bridge.bridge import Bridge
from workers.bridge.fills import FillBooking, book_fills
from workers.bridge.reconciling import record_survey
from workers.bridge.shadow import ShadowBridge
from workers.outside import Outside

CANVAS = Canvas(
    mission="Carry each authorised order to its venue once, and every answer back.",
    observations="Place commands, inquiries, the account's lease, halts, the venue's answers.",
    actions="Opens attempts, calls the venue, cancels under halts, books fills; publishes "
    "execution.event.order.v1 and execution.event.fill.v1.",
    beliefs="None of its own: an attempt without an answer is unknown until the venue says.",
    policy="No lease, a halt, an expired or unauthorised order: nothing is sent. An unknown "
    "answer is asked about and never sent again.",
    slo_p50_ms=15,
    slo_p95_ms=60,
    failover="Accounts follow their shard; reports of an older epoch are refused.",
)
HEARS = (PlaceCommand.TYPE,)
HEARS_ROWS = ("inquiry", "reconciliation")
EMITS = (OrderEvent.TYPE, FillEvent.TYPE)
FACTS = None
TICK_FACTS = "execution.due_attempts"
EFFECTS = (
    "execution.open_attempts",
    "execution.record_reports",
    "execution.resolve_attempts",
    "execution.ask_again",
    "execution.ask_reconciliations",
    "execution.expire_orders",
    "execution.record_reconciliations",
    "execution.follow_shadows",
)
MAY_CALL = (
    "execution.account_connections",
    "execution.ask_again",
    "execution.ask_reconciliations",
    "execution.due_attempts",
    "execution.expire_orders",
    "execution.follow_shadows",
    "execution.open_attempts",
    "execution.pin_accounts",
    "execution.record_reconciliations",
    "execution.record_reports",
    "execution.resolve_attempts",
)
EVERY_MS = 1_000
BATCH_MAX = 24

ABANDONED_MS = 30_000
SYNC_MS = 2_000
AGAIN_MS = 500
"""First pause before an order that was certainly not executed is tried again; it doubles."""
RECONCILE_MS = 60_000

_CLOSED = frozenset({"filled", "rejected", "denied", "canceled", "expired", "not_sent"})
_ENDING = frozenset(
    {
        Code.ORDER_EXPIRED,
        Code.HALTED,
        Code.ACCOUNT_NOT_TRADING,
        Code.MODE_NOT_ALLOWED,
        Code.VENUE_UNKNOWN,
        Code.VENUE_NOT_TRADING,
        # Children of worked orders are judged by these again as they are sent.
        Code.ORDER_NOT_AUTHORIZED,
        Code.POLICY_HASH_MISMATCH,
        Code.LIMIT_MISSING,
        Code.PRICE_MISSING,
        Code.PRICE_STALE,
        Code.PRICE_COLLAR_EXCEEDED,
        Code.ORDER_RATE_EXCEEDED,
    }
)
_UNMOVED = {"resolve": "unresolved"}
_FINALS = {
    "filled": FinalOutcome.FILLED,
    "rejected": FinalOutcome.REJECTED,
    "denied": FinalOutcome.DENIED,
    "canceled": FinalOutcome.EXPIRED,
    "expired": FinalOutcome.EXPIRED,
    "not_sent": FinalOutcome.EXPIRED,
}


def prepare(
    message: Message[PlaceCommand] | RowMessage, facts: Facts, context: Context
) -> Decision:
    """Ask for an attempt to be opened, or for the one that an inquiry is about."""
    if isinstance(message, RowMessage):
        if message.kind == "reconciliation":
            item = {"reconciliation_id": str(message.row_id)}
            return Decision("surveying", "account and venue are compared", effects=(_open(item),))
        # An order that was certainly not executed gets another attempt.
        item = {
            "inquiry_id": str(message.row_id),
            "attempt_id": str(context.new_id("attempt")),
        }
        return Decision("inquiring", "the venue is to be asked", effects=(_open(item),))
    item = {
        "order_id": str(message.payload.order_id),
        "attempt_id": str(context.new_id("attempt")),
    }
    return Decision("opening", "an attempt is to be opened", effects=(_open(item),))


def call(
    message: Message[PlaceCommand] | RowMessage, prepared: Mapping[str, Any], outside: Outside
) -> Callable[[], Mapping[str, Any]]:
    """Send what was freshly opened, once; ask about, or cancel, what was sent before.

    Acts at once; the function that is returned waits for the rest of the report.
    """
    if prepared["state"] == "opened":
        return outside.bridge(prepared["account_id"], prepared["mode"]).send(prepared)
    report: Mapping[str, Any] = {"status": "nothing"}
    if prepared["state"] == "reconcile":
        report = outside.bridge(prepared["account_id"], prepared["mode"]).survey(prepared)
    if prepared["state"] in ("resolve", "sync"):
        bridge = outside.bridge(prepared["account_id"], prepared["mode"])
        report = _looked_after(bridge, prepared)
    return lambda: report


def _looked_after(bridge: Bridge | ShadowBridge, prepared: Mapping[str, Any]) -> Mapping[str, Any]:
    if _to_cancel(prepared):
        return bridge.cancel(prepared)
    if prepared["state"] == "sync" and _opened_gets_stops(prepared):
        return bridge.change_stops(prepared)
    if prepared["status"] == "pending_update" and prepared["change"] is not None:
        return bridge.change(prepared)
    return bridge.ask(prepared)


def record(
    message: Message[PlaceCommand] | RowMessage,
    prepared: Mapping[str, Any],
    report: Mapping[str, Any],
    context: Context,
) -> Decision:
    """Turn the venue's answer into effects and events."""
    state = prepared["state"]
    if state == "refused":
        return _refused(message, prepared, context)
    if state == "answered":
        return Decision("repeated", f"The order's attempt was answered: {prepared['status']}.")
    if state == "reconcile":
        return record_survey(prepared, report, context)
    said = dict(report)
    pace = pace_of(prepared)
    if said["status"] == "not_found" and _settled(prepared, pace):
        said |= {"status": "not_sent", "code": Code.ORDER_NOT_SENT.value}
    bookings = book_fills(prepared, said, context)
    if state == "sync" and prepared["status"] in _CLOSED:
        # Asked about once more: what was traded counts, its end is told already.
        said["status"] = "partially_filled" if bookings else "accepted"
    said["fills"] = [booking.item for booking in bookings]
    status = status_after(prepared, said, bookings)
    procedure = "record_reports" if state == "opened" else "resolve_attempts"
    item = {
        "attempt_id": prepared["attempt_id"],
        "worker_id": prepared["worker_id"],
        "epoch": prepared["epoch"],
        "settle_ms": pace.settle // timedelta(milliseconds=1),
        "report": said,
    }
    changed = (status != prepared["status"] or bool(bookings)) and status != "initialized"
    code = None if said["code"] is None else Code(said["code"])
    emissions: list[Emission] = []
    effects = [Effect(f"execution.{procedure}", item)]
    if said.get("reopen"):
        again = {"attempt_id": said.pop("reopen"), "reopened": True}
        effects.append(Effect("execution.ask_again", again))
    if changed:
        emissions.append(_order_event(prepared, said, status, bookings, context))
        emissions += [Emission(b.event, prepared["account_id"]) for b in bookings]
    return Decision(
        outcome=_outcome(prepared, said, status, changed=changed),
        explanation=_explain(prepared, said, status, bookings),
        code=code,
        effects=tuple(effects),
        emissions=tuple(emissions),
        features={
            "latency_ms": str(said["latency_ms"]),
            "fills": str(len(bookings)),
            "timeout_ms": str(pace.timeout // timedelta(milliseconds=1)),
            "settle_ms": str(item["settle_ms"]),
            "baseline": pace.why,
        },
        policy_hash=prepared["policy_hash"],
        final=_final(prepared, status, bookings),
    )


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask which attempts, working orders and expired orders need a look."""
    return {
        "abandoned_ms": ABANDONED_MS,
        "sync_ms": SYNC_MS,
        "again_ms": AGAIN_MS,
        "reconcile_ms": RECONCILE_MS,
    }


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Queue inquiries at the bridges that own the accounts; end what was never sent in time."""
    asked = [*facts["attempts"], *facts["working"], *facts["again"]]
    effects = [Effect("execution.ask_again", {"attempt_id": a}) for a in asked]
    effects += [Effect("execution.ask_reconciliations", dict(a)) for a in facts["accounts"]]
    effects += [Effect("execution.expire_orders", {"order_id": o}) for o in facts["expired"]]
    done = bool(effects)
    if facts.get("shadows"):
        effects.append(Effect("execution.follow_shadows", {}))
    return Decision(
        "looked_after" if done else "idle",
        f"{len(facts['attempts'])} attempts without an answer and {len(facts['working'])} "
        f"working orders are asked about, {len(facts['again'])} orders tried again; "
        f"{len(facts['accounts'])} accounts are compared; {len(facts['expired'])} orders expired "
        "unsent.",
        effects=tuple(effects),
        # Valuing what is in the shadow once a second is nobody's decision.
        quiet=not done,
    )


def status_after(
    prepared: Mapping[str, Any], said: Mapping[str, Any], bookings: list[FillBooking]
) -> str:
    """Say where the order stands after a report; SQL derives the same from its own rows."""
    held, told = str(prepared["status"]), str(said["status"])
    fresh = sum((b.event.filled_size for b in bookings), Decimal(0))
    total = Decimal(prepared["filled_quantity"]) + fresh
    if total >= Decimal(prepared["quantity"]):
        return "filled"
    if held in _CLOSED:
        return held
    if told in ("rejected", "canceled", "expired", "not_sent"):
        return told
    if told == AGAIN:
        return "initialized" if held == "submitted" else held
    if told == "partially_filled" and said["final"]:
        return "canceled"
    if held in ("pending_update", "pending_cancel") and not _change_ended(held, said):
        return held
    if told in ("filled", "partially_filled", "accepted", "triggered"):
        triggered = "triggered" in (told, held)
        return "partially_filled" if total > 0 else "triggered" if triggered else "accepted"
    return "unknown" if held == "submitted" else held


def _change_ended(held: str, said: Mapping[str, Any]) -> bool:
    """Tell whether the venue answered to a change; a cancel ends with the order, or refused."""
    state = (said.get("change") or {}).get("state")
    return state == "refused" or (state == "applied" and held == "pending_update")


def _outcome(
    prepared: Mapping[str, Any], said: Mapping[str, Any], status: str, *, changed: bool
) -> str:
    if said["status"] == AGAIN:
        return AGAIN
    if _opened_gets_stops(prepared) and said.get("change"):
        return f"stops_{said['change']['state']}"
    if changed or _to_cancel(prepared):
        return status
    return _UNMOVED.get(prepared["state"], "unchanged")


def _opened_gets_stops(prepared: Mapping[str, Any]) -> bool:
    return (prepared.get("change") or {}).get("kind") == "stops"


def _to_cancel(prepared: Mapping[str, Any]) -> bool:
    return bool(prepared["status"] == "pending_cancel")


def _open(item: dict[str, Any]) -> Effect:
    return Effect("execution.open_attempts", item)


def _settled(prepared: Mapping[str, Any], pace: Pace) -> bool:
    # Both instants are the database's: no other clock has a say in this.
    age = read_instant(prepared["as_of"]) - read_instant(prepared["opened_at"])
    return prepared["state"] == "resolve" and age >= pace.settle


def _refused(
    message: Message[PlaceCommand] | RowMessage, prepared: Mapping[str, Any], context: Context
) -> Decision:
    code = Code(prepared["code"])
    status = "expired" if code is Code.ORDER_EXPIRED else "denied"
    # What is refused without having been ours to end keeps its state.
    ends = code in _ENDING and prepared["status"] == status
    said = {"message": prepared["message"], "code": code.value, "latency_ms": None}
    emissions = (_order_event(prepared, said, status, [], context),) if ends else ()
    return Decision(
        outcome=status if ends else "refused",
        explanation=f"Nothing was sent: {prepared['message']} ({code.meaning}).",
        code=code,
        emissions=emissions,
        policy_hash=prepared["policy_hash"],
        final=_final(prepared, status, []) if ends else None,
    )


def _order_event(
    prepared: Mapping[str, Any],
    said: Mapping[str, Any],
    status: str,
    bookings: list[FillBooking],
    context: Context,
) -> Emission:
    filled = sum((b.event.filled_size for b in bookings), Decimal(prepared["filled_quantity"]))
    attempt = prepared["attempt_id"]
    event = OrderEvent(
        order_id=UUID(prepared["order_id"]),
        intent_id=UUID(prepared["intent_id"]),
        attempt_id=None if attempt is None else UUID(attempt),
        venue_id=prepared["venue_id"],
        symbol=prepared["symbol"],
        status=status,
        filled_quantity=filled,
        code=said["code"],
        message=str(said["message"])[:512],
        venue_order_id=said.get("venue_order_id"),
        occurred_at=context.now,
        latency_ms=said["latency_ms"],
        strategy_id=prepared["strategy_id"],
        account_id=prepared["account_id"],
        mode=prepared["mode"],
    )
    return Emission(event, prepared["account_id"])


def _explain(
    prepared: Mapping[str, Any],
    said: Mapping[str, Any],
    status: str,
    bookings: list[FillBooking],
) -> str:
    side = Side(prepared["side"]).value
    what = f"{side} {prepared['quantity']} {prepared['symbol']} at {prepared['venue_id']}"
    how = "to be cancelled" if _to_cancel(prepared) else "asked about"
    if _opened_gets_stops(prepared):
        how = "to get other stops"
    if prepared["state"] == "opened":
        how = "sent"
    fills = ", ".join(f"{b.event.filled_size} at {b.event.price}" for b in bookings) or "no fill"
    since = format_instant(read_instant(prepared["opened_at"]))
    return f"{what} was {how} (attempt of {since}): {status}, {fills}; {said['message']}."


def _final(
    prepared: Mapping[str, Any], status: str, bookings: list[FillBooking]
) -> FinalOutcome | None:
    """Name the alert's end where this order alone decides it; SQL sums up several children."""
    if prepared["children"] != 1 or prepared["kind"] != "allocate":
        return None
    partly = bool(bookings) or Decimal(prepared["filled_quantity"]) > 0
    if partly and status != "filled":
        return FinalOutcome.PARTIALLY_FILLED
    return _FINALS.get(status)
