"""Stops of an open position, down to the real terminal: tightened freely, widened by authority."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from backend.contracts.denials import Code
from tests.kit.bridge_flow import inquiries, prepared_for, reconciled, run, settled, venue_says
from tests.kit.bridges import OPTIONS, Start
from tests.kit.order_flow import an_order
from tests.kit.trading_desk import ask, rows
from tests.venues.process import PaperProcess
from workers.agent import Decision
from workers.outside import Outside

HEDGING = (*OPTIONS[:-1], "hedging")
"""The last option of OPTIONS is the margin mode."""
D = Decimal


def price_of(terminal: PaperProcess) -> Decimal:
    tick = terminal.client(initialize=False).symbol_info_tick("EURUSD")
    return D(str(round(tick.bid, 5)))


def bought(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, terminal: PaperProcess
) -> tuple[UUID, Decimal]:
    """Open a tenth of a lot with stops two hundred points away; the desk knows the price."""
    terminal.client()
    price = price_of(terminal)
    inside.execute(
        "update latest_quotes set bid = %s, ask = %s, received_at = clock_timestamp()",
        (price, price + D("0.0001")),
    )
    order_id = an_order(inside, "0.1", stop_loss=price - D("0.02"), take_profit=price + D("0.02"))
    assert run(bridge, outside, order_id).outcome == "filled"
    return order_id, price


def wanted(inside: Connection[Any], order_id: UUID, **stops: Any) -> dict[str, Any]:
    """Ask as a person does."""
    item = {"order_id": order_id, "wanted": stops, "reason": "test"}
    return ask(inside, "execution.modify_orders", item)[0]


def carried_on(bridge: Connection[Any], inside: Connection[Any], outside: Outside) -> Decision:
    """Let the bridge take up the inquiry that waits."""
    (message,) = inquiries(inside)
    prepared = prepared_for(bridge, message)
    return settled(bridge, message, prepared, venue_says(message, prepared, outside))


def at_venue(terminal: PaperProcess) -> list[tuple[Decimal, Decimal]]:
    held = terminal.client(initialize=False).positions_get()
    return [(D(str(one.sl)), D(str(one.tp))) for one in held]


def last_change(inside: Connection[Any]) -> tuple[Any, ...]:
    return rows(
        inside, "select state, code from execution.order_changes order by requested_at desc"
    )[0]


@pytest.mark.parametrize("options", [OPTIONS, HEDGING], ids=["netting", "hedging"])
def test_a_tighter_stop_goes_to_the_position_and_into_the_books(
    bridge: Connection[Any],
    inside: Connection[Any],
    outside: Outside,
    start: Start,
    options: tuple[str, ...],
):
    terminal = start(*options)
    order_id, price = bought(bridge, inside, outside, terminal)
    tighter = price - D("0.01")
    answer = wanted(inside, order_id, stop_loss=str(tighter))
    assert (answer["state"], answer["status"], answer["code"]) == ("pending", "filled", None)
    assert answer["intent_id"] is None
    assert wanted(inside, order_id, stop_loss="0.9")["code"] == Code.CHANGE_PENDING
    decision = carried_on(bridge, inside, outside)
    assert decision.outcome == "stops_applied"
    assert at_venue(terminal) == [(tighter, price + D("0.02"))]
    assert last_change(inside) == ("applied", None)
    assert rows(inside, "select status, stop_loss, change_id from orders") == [
        ("filled", tighter, None)
    ]
    steps = rows(
        inside,
        "select from_status, to_status, detail #>> '{change,state}' from order_events"
        " where detail ? 'change' order by occurred_at",
    )
    assert steps == [("filled", "filled", "applied")]
    assert wanted(inside, order_id, stop_loss=str(tighter))["code"] == Code.CHANGE_EMPTY
    ((outcome,),) = rows(inside, "select outcome from alert_outcomes")
    assert outcome == "filled"


def test_a_wider_stop_or_none_needs_the_authority_of_new_risk(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start()
    order_id, price = bought(bridge, inside, outside, terminal)
    # This desk's pack has no limits: nobody could open anything under it.
    for stops in ({"stop_loss": str(price - D("0.03"))}, {"stop_loss": None}):
        answer = wanted(inside, order_id, **stops)
        assert (answer["state"], answer["status"]) == ("refused", "filled")
        assert answer["code"] is not None
    assert inquiries(inside) == []
    assert at_venue(terminal) == [(price - D("0.02"), price + D("0.02"))]
    # A farther target bounds no loss.
    assert wanted(inside, order_id, take_profit=str(price + D("0.03")))["code"] is None


def test_what_the_venue_has_closer_is_not_widened_by_the_way(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside,
):  # fmt: skip
    terminal = start()
    order_id, price = bought(bridge, inside, outside, terminal)
    client = terminal.client()
    (held,) = client.positions_get()
    closer = price - D("0.005")
    request = {"action": 6, "symbol": "EURUSD", "position": held.ticket}
    assert client.order_send(request | {"sl": float(closer), "tp": held.tp}).retcode == 10009
    # Closer than ours, and farther than what a person gave the position at the terminal.
    wanted(inside, order_id, stop_loss=str(price - D("0.01")))
    decision = carried_on(bridge, inside, successor)
    assert (decision.outcome, decision.code) == ("stops_refused", Code.STOP_CLOSER_THERE)
    assert at_venue(terminal) == [(closer, price + D("0.02"))]
    assert rows(inside, "select stop_loss from orders") == [(price - D("0.02"),)]


def test_stops_are_sent_once_and_asked_about_without_an_answer(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside,
):  # fmt: skip
    terminal = start()
    order_id, price = bought(bridge, inside, outside, terminal)
    tighter = price - D("0.01")
    wanted(inside, order_id, stop_loss=str(tighter))
    terminal.control.inject("lost_answer", action="sltp")
    assert carried_on(bridge, inside, outside).outcome == "stops_unknown"
    assert last_change(inside) == ("pending", None)
    # The tick asks again, and the position says it.
    (facts,) = ask(
        bridge,
        "execution.due_attempts",
        {"abandoned_ms": 0, "sync_ms": 0, "again_ms": 0, "reconcile_ms": 0},
    )
    ((attempt,),) = rows(inside, "select attempt_id from execution.attempts")
    assert facts["working"] == [str(attempt)]
    ask(bridge, "execution.ask_again", {"attempt_id": attempt})
    assert carried_on(bridge, inside, successor).outcome == "stops_applied"
    assert at_venue(terminal)[0][0] == tighter


def test_stops_that_never_arrived_are_told_so_and_not_sent_again(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
):  # fmt: skip
    terminal = start()
    order_id, price = bought(bridge, inside, outside, terminal)
    wanted(inside, order_id, stop_loss=str(price - D("0.01")))
    # A process died between writing down that it sends them and sending them.
    (message,) = inquiries(inside)
    assert prepared_for(bridge, message)["change"]["send"] is True
    ((attempt,),) = rows(inside, "select attempt_id from execution.attempts")
    ask(bridge, "execution.ask_again", {"attempt_id": attempt})
    assert carried_on(bridge, inside, outside).outcome == "stops_unknown"
    inside.execute(
        "update execution.order_changes set attempted_at = attempted_at - interval '16 seconds'"
    )
    ask(bridge, "execution.ask_again", {"attempt_id": attempt})
    decision = carried_on(bridge, inside, outside)
    assert (decision.outcome, decision.code) == ("stops_refused", Code.ORDER_NOT_SENT)
    assert at_venue(terminal)[0][0] == price - D("0.02")


def test_a_frozen_position_keeps_its_stops_and_is_tried_again_for_a_minute(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start(*OPTIONS, "--freeze-level", "100000")
    order_id, price = bought(bridge, inside, outside, terminal)
    wanted(inside, order_id, stop_loss=str(price - D("0.01")))
    assert carried_on(bridge, inside, outside).outcome == "stops_again"
    assert rows(inside, "select state, attempted_at from execution.order_changes") == [
        ("pending", None)
    ]
    inside.execute(
        "update execution.order_changes set requested_at = requested_at - interval '2 minutes'"
    )
    ((attempt,),) = rows(inside, "select attempt_id from execution.attempts")
    ask(bridge, "execution.ask_again", {"attempt_id": attempt})
    decision = carried_on(bridge, inside, outside)
    assert (decision.outcome, decision.code) == ("stops_refused", Code.ORDER_EXPIRED)


def test_a_stop_within_the_venues_level_or_of_a_closed_position_is_refused_by_name(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside, tmp_path: Path,
):  # fmt: skip
    rules = tmp_path / "rules.toml"
    rules.write_text("[EURUSD]\nstops_level = 1500\n")
    terminal = start(*OPTIONS, "--rules", str(rules))
    order_id, price = bought(bridge, inside, outside, terminal)
    wanted(inside, order_id, stop_loss=str(price - D("0.01")))
    decision = carried_on(bridge, inside, outside)
    assert (decision.outcome, decision.code) == ("stops_refused", Code.ORDER_NOT_EXPRESSIBLE)
    client = terminal.client()
    (held,) = client.positions_get()
    close = {"action": 1, "symbol": "EURUSD", "volume": 0.1, "type": 1, "position": held.ticket}
    assert client.order_send(close).retcode == 10009
    wanted(inside, order_id, stop_loss=str(price - D("0.018")))
    decision = carried_on(bridge, inside, successor)
    assert (decision.outcome, decision.code) == ("stops_refused", Code.POSITION_CLOSED)


def test_reconciliation_sets_a_lost_stop_again_as_people_last_gave_it(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside,
):  # fmt: skip
    terminal = start()
    order_id, price = bought(bridge, inside, outside, terminal)
    tighter = price - D("0.01")
    wanted(inside, order_id, stop_loss=str(tighter))
    carried_on(bridge, inside, outside)
    client = terminal.client()
    (held,) = client.positions_get()
    request = {"action": 6, "symbol": "EURUSD", "position": held.ticket, "sl": 0.0, "tp": 0.0}
    assert client.order_send(request).retcode == 10009
    reconciled(bridge, successor)
    assert at_venue(terminal)[0][0] == tighter
