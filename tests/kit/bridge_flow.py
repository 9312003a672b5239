"""Orders down to the terminal and back, step by step as the bridge takes them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from backend.contracts.message import Message
from backend.contracts.orders import PlaceCommand
from tests.kit.messages import a_place_command
from tests.kit.order_flow import WORKER, an_order, new_id
from tests.kit.signals import NOW, a_context, a_message
from tests.kit.trading_desk import ask, rows
from tests.venues.process import PaperProcess
from workers.agent import Context, Decision, RowMessage
from workers.agents import execution
from workers.outside import Outside

CANCELED = 2
"""ORDER_STATE_CANCELED, as history lists it."""


def a_place(order_id: UUID) -> Message[PlaceCommand]:
    return a_message(a_place_command(order_id=str(order_id)), "agent.order")


def market_order(inside: Connection[Any]) -> UUID:
    return an_order(inside, "0.1", stop_loss=None, take_profit=None)


def prepared_for(
    conn: Connection[Any],
    message: Message[PlaceCommand] | RowMessage,
    worker_id: UUID = WORKER,
) -> dict[str, Any]:
    # Every order has a message of its own; its attempt's id derives from that.
    origin = message.row_id if isinstance(message, RowMessage) else message.payload.order_id
    decision = execution.prepare(message, {}, Context("execution", NOW, 7, origin, NOW))
    (effect,) = decision.effects
    (answer,) = ask(conn, effect.procedure, {"worker_id": worker_id, **effect.item})
    return answer


def venue_says(message: Any, prepared: Mapping[str, Any], outside: Outside) -> Mapping[str, Any]:
    """Have the agent call the venue, and wait for what it still reads."""
    return execution.call(message, prepared, outside)()


def settled(
    conn: Connection[Any],
    message: Message[PlaceCommand] | RowMessage,
    prepared: Mapping[str, Any],
    report: Mapping[str, Any],
) -> Decision:
    decision = execution.record(message, prepared, report, a_context("execution"))
    for effect in decision.effects:
        ask(conn, effect.procedure, effect.item)
    return decision


def run(
    conn: Connection[Any], outside: Outside, order_id: UUID, worker_id: UUID = WORKER
) -> Decision:
    message = a_place(order_id)
    prepared = prepared_for(conn, message, worker_id)
    return settled(conn, message, prepared, venue_says(message, prepared, outside))


def working(
    conn: Connection[Any],
    inside: Connection[Any],
    outside: Outside,
    price: str = "0.5",
    side: str = "BUY",
) -> UUID:
    """Let the venue work an order."""
    order_id = an_order(
        inside,
        "0.1",
        side,
        order_type="limit",
        time_in_force="GTC",
        limit_price=Decimal(price),
        stop_loss=None,
        take_profit=None,
    )
    assert run(conn, outside, order_id).outcome == "accepted"
    return order_id


def halt(inside: Connection[Any]) -> None:
    item = {"halt_id": new_id(), "scope": "strategy", "scope_id": "tv-smc", "reason": "test"}
    ask(inside, "governance.record_halts", {**item, "cancel_working_orders": True})


def inquiries(inside: Connection[Any]) -> list[RowMessage]:
    """Take what waits for the bridge."""
    found = rows(inside, "select msg_id from bus.deliveries where row_kind = 'inquiry'")
    inside.execute("truncate bus.deliveries")
    return [an_inquiry(inquiry) for (inquiry,) in found]


def an_inquiry(inquiry: UUID) -> RowMessage:
    return RowMessage("inquiry", inquiry, inquiry, new_id(), "demo", "paper-1", NOW)


def carried_out(
    conn: Connection[Any], outside: Outside, message: RowMessage, worker_id: UUID = WORKER
) -> Decision:
    prepared = prepared_for(conn, message, worker_id)
    return settled(conn, message, prepared, venue_says(message, prepared, outside))


def reconciled(
    conn: Connection[Any], outside: Outside, worker_id: Any = WORKER, cause: str = "requested"
) -> Decision:
    """Have the account compared, as the bridge does it."""
    (asked,) = ask(conn, "execution.ask_reconciliations", {"account_id": "paper-1", "cause": cause})
    row_id = asked["reconciliation_id"]
    conn_row = RowMessage("reconciliation", row_id, row_id, new_id(), "demo", "paper-1", NOW)
    return carried_out(conn, outside, conn_row, worker_id)


def at_venue(terminal: PaperProcess) -> tuple[int, list[int]]:
    """Count the working orders, and give the states of the finished ones."""
    client = terminal.client(initialize=False)
    finished = client.history_orders_get(0, 2_000_000_000) or ()
    return client.orders_total(), [order.state for order in finished]


def ends(inside: Connection[Any]) -> list[str]:
    """Give every event in which an order ended."""
    found = rows(
        inside,
        "select to_status from order_events where to_status in"
        " ('filled', 'canceled', 'expired', 'rejected', 'not_sent') order by occurred_at",
    )
    return [status for (status,) in found]
