"""From what an account's survey found to effects, events and a report that a person can act on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.denials import Code
from backend.contracts.orders import OrderEvent
from backend.domain.numbers import ZERO
from backend.domain.reconciliation.comparing import compare
from backend.domain.reconciliation.records import (
    Adopted,
    Comparison,
    Deal,
    Finding,
    ListedOrder,
    Movement,
)
from backend.values import SYMBOL_PATTERN, format_decimal, format_instant
from workers.agent import Context, Decision, Effect, Emission
from workers.bridge.fills import FillBooking, book_fills
from workers.bridge.surveying import books_of, venue_of

Facts = Mapping[str, Any]

_STOPS_SET = frozenset({"placed"})
_RETRIED = frozenset({"unknown", "not_sent"})


def compared(prepared: Facts, report: Facts) -> Comparison:
    """Compare our side with the venue's; the same answers always give the same comparison."""
    result = compare(books_of(prepared, report["same"]), venue_of(prepared, report))
    result.findings += [_stop_finding(stop) for stop in report["stops"]]
    return result


def record_survey(prepared: Facts, report: Facts, context: Context) -> Decision:
    """Turn a survey into what is to become true. An unreachable venue proves nothing."""
    if report["status"] != "surveyed":
        item = _item(prepared, context, "unavailable", str(report["message"]))
        return Decision(
            "unavailable",
            f"Account {prepared['account_id']} was not compared: {report['message']}.",
            code=Code(report["code"]),
            effects=(Effect("execution.record_reconciliations", item),),
        )
    result = compared(prepared, report)
    orders = [_adopted(order, prepared, context) for order in result.adopted]
    state = result.state
    summary = _summary(prepared, result, state)
    item = _item(prepared, context, state, summary) | {
        "findings": [_finding(finding) for finding in result.findings],
        "counts": {
            "deals": len(report["same"]) + len(report["deals"]),
            "positions": len(report["positions"]),
            "orders": len(report["orders"]),
            "in_flight": len(prepared["in_flight"]),
        },
        "venue_balance": report["balance"],
        "our_balance": prepared["balance"],
        "surveyed_at": prepared["as_of"],
        "orders": [order for order, _ in orders],
        "foreign": [_foreign(origin, order) for origin, order in result.foreign],
        "movements": [_movement(movement) for movement in result.movements],
        "reopen": sorted(result.reopened),
    }
    emissions = tuple(
        emission
        for (order, bookings), adopted in zip(orders, result.adopted, strict=True)
        for emission in _events(order, bookings, adopted, prepared, context)
    )
    return Decision(
        outcome=state,
        explanation=summary,
        code=Code.RECONCILIATION_DIFFERS if state == "unexplained" else None,
        effects=(Effect("execution.record_reconciliations", item),),
        emissions=emissions,
        features={"findings": str(len(result.findings)), "adopted": str(len(orders))},
        policy_hash=prepared["policy_hash"],
    )


def _item(prepared: Facts, context: Context, state: str, summary: str) -> dict[str, Any]:
    return {
        "reconciliation_id": prepared["reconciliation_id"],
        "worker_id": prepared["worker_id"],
        "epoch": prepared["epoch"],
        "state": state,
        "summary": summary,
        "halt_id": str(context.new_id("halt")),
        "findings": [],
        "counts": {},
        "orders": [],
        "foreign": [],
        "movements": [],
        "reopen": [],
    }


def _summary(prepared: Facts, result: Comparison, state: str) -> str:
    account = prepared["account_id"]
    if not result.findings:
        return f"{account}: books and venue agree."
    open_ = [f for f in result.findings if not f.explained and f.settled]
    told = open_ or result.findings
    said = "; ".join(f"{f.kind} {f.subject}: ours {f.ours}, theirs {f.theirs}" for f in told[:5])
    more = f" and {len(told) - 5} more" if len(told) > 5 else ""
    words = {
        "unexplained": f"{len(open_)} differences that nobody can explain",
        "unsettled": "differences that are looked at again",
    }.get(state, f"{len(result.findings)} differences repaired")
    return f"{account}: {words}: {said}{more}."


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "subject": finding.subject,
        "key": finding.key,
        "ours": finding.ours,
        "theirs": finding.theirs,
        "done": finding.done,
        "todo": finding.todo,
        "explained": finding.explained,
        "settled": finding.settled,
    }


def _stop_finding(stop: Facts) -> Finding:
    ours, theirs = f"stop loss {stop['stop_loss']}", "no stop"
    if stop["outcome"] in _STOPS_SET:
        return Finding("lost_stop", stop["position"], ours, theirs, "set again")
    return Finding(
        "unprotected",
        stop["position"],
        ours,
        theirs,
        f"not set again: {stop['message']}",
        f"close position {stop['position']} in {stop['symbol']}, or give it a stop by hand",
        explained=False,
        settled=stop["outcome"] not in _RETRIED,
    )


def _adopted(
    order: Adopted, prepared: Facts, context: Context
) -> tuple[dict[str, Any], list[FillBooking]]:
    """Describe an order that the desk did not open, and its fills."""
    first = order.trades[0]
    name = f"{prepared['account_id']}/{order.venue_order_id}/{first.venue_trade_id}"
    at = min((t.executed_at for t in order.trades if t.executed_at), default=context.now)
    cost = sum((trade.quantity * trade.price for trade in order.trades), ZERO)
    average = cost / order.quantity
    held = {p["symbol"]: p for p in prepared["positions"]}.get(order.symbol)
    point = Decimal((held and held["value_per_point"]) or 0)
    closes = order.closes
    item: dict[str, Any] = {
        "order_id": str(stable_id("order", name, at)),
        "intent_id": str(stable_id("intent", name, at)),
        "correlation_id": closes.correlation_id if closes else str(stable_id("flow", name, at)),
        "strategy_id": (closes and closes.strategy_id) or prepared["strategy_id"],
        "symbol": order.symbol,
        "side": order.side.value,
        "quantity": format_decimal(order.quantity),
        "average_price": format_decimal(average),
        "reference_price": format_decimal(first.price),
        "notional": format_decimal(abs(cost * point)),
        "origin": order.origin,
        "venue_order_id": order.venue_order_id,
        "magic": str(first.magic),
        "comment": first.comment,
        "closes_order_id": closes.order_id if closes else None,
    }
    seen = {
        **item,
        # No message goes out about a name that none can say: see `_events`.
        "symbol": order.symbol if _sayable(order.symbol) else "UNKNOWN",
        "attempt_id": prepared["reconciliation_id"],
        "account_id": prepared["account_id"],
        "venue_id": prepared["venue_id"],
        "mode": prepared["mode"],
        "order_type": "market",
        "known_trades": [],
        "position_quantity": "0" if held is None else held["quantity"],
        "value_per_point": format_decimal(point),
        "bid": None,
        "ask": None,
    }
    said = {"fills": [_fill(trade, at) for trade in order.trades], "latency_ms": None}
    bookings = book_fills(seen, said, context)
    # Nobody asked for a price: what it slipped by is unknown, and no model may learn a zero.
    return item | {"fills": [{**b.item, "slippage_bps": None} for b in bookings]}, bookings


def _fill(trade: Deal, at: datetime) -> dict[str, Any]:
    return {
        "venue_trade_id": trade.venue_trade_id,
        "quantity": format_decimal(trade.quantity),
        "price": format_decimal(trade.price),
        "commission": format_decimal(max(ZERO, trade.commission)),
        "fee": format_decimal(trade.fee + min(ZERO, trade.commission)),
        "swap": format_decimal(trade.swap),
        "profit": format_decimal(trade.profit),
        "filled_at": format_instant(trade.executed_at or at),
    }


def _events(
    order: Facts,
    bookings: list[FillBooking],
    adopted: Adopted,
    prepared: Facts,
    context: Context,
) -> list[Emission]:
    """Tell what happened without us, as if it had been told when it happened.

    What people trade may have a name that no message can say: then only the books have it.
    """
    if not _sayable(adopted.symbol):
        return []
    event = OrderEvent(
        order_id=UUID(order["order_id"]),
        intent_id=UUID(order["intent_id"]),
        attempt_id=None,
        venue_id=prepared["venue_id"],
        symbol=adopted.symbol,
        status="filled",
        filled_quantity=adopted.quantity,
        code=None,
        message=f"not ours to open: {adopted.origin}",
        venue_order_id=adopted.venue_order_id,
        occurred_at=context.now,
        latency_ms=None,
        strategy_id=order["strategy_id"],
        account_id=prepared["account_id"],
        mode=prepared["mode"],
    )
    payloads = [event, *(booking.event for booking in bookings)]
    return [Emission(payload, prepared["account_id"]) for payload in payloads]


def _sayable(symbol: str) -> bool:
    return re.match(SYMBOL_PATTERN, symbol) is not None


def _foreign(origin: str, order: ListedOrder) -> dict[str, Any]:
    return {
        "origin": origin,
        "venue_order_id": order.venue_order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.order_type,
        "quantity": format_decimal(order.quantity),
        "price": format_decimal(order.price),
        "magic": str(order.magic),
        "comment": order.comment,
    }


def _movement(movement: Movement) -> dict[str, Any]:
    at = movement.executed_at
    return {
        "venue_ref": movement.venue_ref,
        "kind": movement.kind,
        "amount": format_decimal(movement.amount),
        "note": movement.comment,
        "occurred_at": None if at is None else format_instant(at),
    }


def stable_id(kind: str, name: str, at: datetime) -> UUID:
    """Give the id of a row about something at a venue: it always gets the same one (UUIDv7)."""
    digest = hashlib.sha256(f"{kind}/{name}".encode()).digest()
    millis = int(at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    tail = int.from_bytes(digest[:10], "big")
    high = (millis << 16) | 0x7000 | (tail >> 64 & 0x0FFF)
    return UUID(int=(high << 64) | (0b10 << 62) | (tail & 0x3FFF_FFFF_FFFF_FFFF))
