"""Changes of working orders, down to the real terminal: applied, refused, asked for again."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from backend.contracts.denials import Code
from backend.ports import SystemClock
from tests.kit.bridge_flow import carried_out, inquiries, run, working
from tests.kit.bridges import FAST, OPTIONS, Start
from tests.kit.homes import until
from tests.kit.order_flow import an_order, new_id
from tests.kit.trading_desk import ask, rows
from workers.agent import Decision
from workers.outside import Outside


def change(
    conn: Connection[Any], inside: Connection[Any], outside: Outside, order_id: UUID, **wanted: Any
) -> Decision:
    """Ask for other terms, as the desk itself may, and let the bridge carry them to the venue."""
    inside.execute(
        "select execution.begin_change(o, jsonb_build_object('change_id', %s::text, 'kind',"
        " 'modify', 'wanted', %s::jsonb, 'standing', '{}'::jsonb, 'reason', 'test',"
        " 'requested_by', 'test'), 'test', clock_timestamp()) from orders o where order_id = %s",
        (str(new_id()), json.dumps(wanted), order_id),
    )
    ((attempt,),) = rows(
        inside, "select attempt_id from execution.attempts where order_id = %s", (order_id,)
    )
    ask(conn, "execution.ask_again", {"attempt_id": attempt})
    (message,) = inquiries(inside)
    return carried_out(conn, outside, message)


def ended(inside: Connection[Any]) -> tuple[str, str | None]:
    """Give how the last change ended."""
    found = rows(
        inside, "select state, code from execution.order_changes order by requested_at desc limit 1"
    )
    return found[0]


def test_a_working_order_gets_other_terms_at_the_venue(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start()
    order_id = working(bridge, inside, outside)
    decision = change(
        bridge, inside, outside, order_id, limit_price="0.6", stop_loss="0.55", take_profit=None
    )
    assert decision.outcome == "accepted"
    assert ended(inside) == ("applied", None)
    (order,) = terminal.client(initialize=False).orders_get()
    assert (order.price_open, order.sl, order.tp) == (0.6, 0.55, 0.0)
    assert rows(inside, "select status, limit_price from orders") == [("accepted", Decimal("0.6"))]


def test_what_the_venue_cannot_or_will_not_change_leaves_the_order_as_it_was(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start()
    order_id = working(bridge, inside, outside)
    change(bridge, inside, outside, order_id, quantity="0.05")
    assert ended(inside) == ("refused", Code.ORDER_NOT_EXPRESSIBLE)
    change(bridge, inside, outside, order_id, limit_price="9")
    assert ended(inside)[0] == "refused"
    (order,) = terminal.client(initialize=False).orders_get()
    assert (order.price_open, order.volume_current) == (0.5, 0.1)
    assert rows(inside, "select status, limit_price from orders") == [("accepted", Decimal("0.5"))]


def test_a_frozen_order_keeps_its_change_asked_for(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    start(*OPTIONS, "--freeze-level", "100000")
    order_id = working(bridge, inside, outside)
    assert change(bridge, inside, outside, order_id, limit_price="0.6").outcome == "unchanged"
    assert ended(inside) == ("pending", None)
    assert rows(inside, "select status from orders") == [("pending_update",)]


def test_an_order_that_ended_before_its_change_is_told_to_have_ended(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside,
):  # fmt: skip
    terminal = start()
    order_id = working(bridge, inside, outside)
    client = terminal.client()
    (order,) = client.orders_get()
    assert client.order_send({"action": 8, "order": order.ticket}).retcode == 10009
    assert change(bridge, inside, successor, order_id, limit_price="0.6").outcome == "canceled"
    assert ended(inside)[0] == "superseded"


def test_a_stop_limit_order_waits_is_triggered_and_fills_at_its_limit(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start(*FAST)
    client = terminal.client()
    price = client.symbol_info_tick("EURUSD").ask
    order_id = an_order(inside, "0.1", stop_loss=None, take_profit=None)
    inside.execute(
        "update orders set order_type = 'stop_limit', time_in_force = 'GTD', good_till = %s,"
        " stop_price = %s, limit_price = %s",
        (
            SystemClock().now() + timedelta(days=300),
            Decimal(f"{price + 0.0010:.5f}"),
            Decimal(f"{price - 0.0020:.5f}"),
        ),
    )
    assert run(bridge, outside, order_id).outcome == "accepted"
    (order,) = client.orders_get()
    assert (order.type, order.type_time) == (6, 2)
    assert order.time_expiration > 0

    def has_moved_on() -> bool:
        left = client.orders_get()
        return not left or left[0].type == 2

    until(has_moved_on, "the stop was reached", 60)
    ((attempt,),) = rows(inside, "select attempt_id from execution.attempts")
    ask(bridge, "execution.ask_again", {"attempt_id": attempt})
    (message,) = inquiries(inside)
    assert carried_out(bridge, outside, message).outcome in ("triggered", "filled")
