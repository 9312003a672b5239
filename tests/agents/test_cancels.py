"""Halts that cancel, down to the real terminal: withdrawn once, recorded once, whatever dies."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from backend.ports import SystemClock
from backend.values import FinalOutcome, format_instant
from tests.kit.bridge_flow import (
    CANCELED,
    an_inquiry,
    at_venue,
    carried_out,
    ends,
    halt,
    inquiries,
    prepared_for,
    run,
    settled,
    venue_says,
    working,
)
from tests.kit.bridges import FAST, OPTIONS, Start, a_process, reach
from tests.kit.homes import until
from tests.kit.order_flow import (
    OTHER_WORKER,
    give_shard,
)
from tests.kit.postgres import Database
from tests.kit.trading_desk import ask, rows
from workers.agent import RowMessage
from workers.outside import Outside


def again(conn: Connection[Any], inside: Connection[Any]) -> RowMessage:
    """Ask once more about the only attempt, as the tick does when its time has come."""
    ((attempt,),) = rows(inside, "select attempt_id from execution.attempts")
    ask(conn, "execution.ask_again", {"attempt_id": attempt})
    (message,) = inquiries(inside)
    return message


def test_a_halted_order_is_withdrawn_at_the_venue_and_ends_once(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start()
    working(bridge, inside, outside)
    halt(inside)
    (message,) = inquiries(inside)
    decision = carried_out(bridge, outside, message)
    assert (decision.outcome, decision.final) == ("canceled", FinalOutcome.EXPIRED)
    assert "was to be cancelled" in decision.explanation
    (emission,) = decision.emissions
    assert emission.payload.status == "canceled"  # type: ignore[attr-defined]
    assert at_venue(terminal) == (0, [CANCELED])
    assert rows(inside, "select outcome from alert_outcomes") == [("expired",)]
    freed = rows(inside, "select remaining_quantity, released_by from risk.reservations")
    assert freed == [(0, "execution")]
    assert carried_out(bridge, outside, message).outcome == "repeated"
    assert ends(inside) == ["canceled"]


def test_what_somebody_withdrew_before_is_found_and_a_strangers_order_is_left(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside,
):  # fmt: skip
    terminal = start()
    working(bridge, inside, outside)
    client = terminal.client()
    ((ticket,),) = rows(inside, "select venue_order_id from orders")
    client.order_send({"action": 8, "order": int(ticket)})
    # The same in all but the number that we gave ours.
    twin = {"action": 5, "symbol": "EURUSD", "volume": 0.1, "type": 2, "type_filling": 2}
    assert client.order_send(twin | {"price": 0.5}).retcode == 10009
    halt(inside)
    (message,) = inquiries(inside)
    assert carried_out(bridge, successor, message).outcome == "canceled"
    assert at_venue(terminal) == (1, [CANCELED])


def test_an_order_that_the_price_reached_first_is_filled_and_its_twin_is_not_lost(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start(*FAST)
    client = terminal.client()
    tick = client.symbol_info_tick("EURUSD")
    working(bridge, inside, outside, f"{tick.bid - 0.0012:.5f}")
    working(bridge, inside, outside, f"{tick.ask + 0.0012:.5f}", "SELL")
    until(lambda: client.orders_total() < 2, "the price reached one of both", 60)
    halt(inside)
    outcomes = sorted(carried_out(bridge, outside, m).outcome for m in inquiries(inside))
    assert "filled" in outcomes
    assert set(outcomes) <= {"filled", "canceled"}
    assert sorted(ends(inside)) == outcomes
    left, states = at_venue(terminal)
    assert (left, sorted(states).count(CANCELED)) == (0, outcomes.count("canceled"))
    assert rows(inside, "select count(*) from fills") == [(outcomes.count("filled"),)]
    unreleased = "select count(*) from risk.reservations where released_at is null"
    assert rows(inside, unreleased) == [(0,)]


def test_a_refused_cancel_stays_asked_for_until_the_venue_lets_go(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside,
):  # fmt: skip
    terminal = start(*OPTIONS, "--freeze-level", "100000")
    working(bridge, inside, outside)
    halt(inside)
    (message,) = inquiries(inside)
    decision = carried_out(bridge, outside, message)
    assert (decision.outcome, decision.final, decision.emissions) == ("pending_cancel", None, ())
    assert "cancel refused: Order or position frozen" in decision.explanation
    assert rows(inside, "select released_at from risk.reservations") == [(None,)]
    terminal.kill()
    terminal.options = OPTIONS
    reach(inside, terminal.start().port)
    assert carried_out(bridge, successor, again(bridge, inside)).outcome == "canceled"
    assert at_venue(terminal) == (0, [CANCELED])
    assert ends(inside) == ["canceled"]


def test_a_lost_answer_to_a_cancel_is_asked_about_and_never_guessed(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside,
):  # fmt: skip
    terminal = start(*OPTIONS, "--latency-ms", "700")
    working(bridge, inside, outside)
    outside.close()
    reach(inside, terminal.port, call_timeout_s=0.25)
    halt(inside)
    (message,) = inquiries(inside)
    lost = carried_out(bridge, outside, message)
    assert (lost.outcome, lost.final) == ("pending_cancel", None)
    assert ends(inside) == []
    reach(inside, terminal.port)
    until(
        lambda: carried_out(bridge, successor, again(bridge, inside)).outcome == "canceled",
        "the venue told",
    )
    assert at_venue(terminal) == (0, [CANCELED])
    assert ends(inside) == ["canceled"]


def test_an_unreachable_venue_cancels_nothing(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside,
):  # fmt: skip
    terminal = start()
    working(bridge, inside, outside)
    outside.close()
    reach(inside, 1)
    halt(inside)
    (message,) = inquiries(inside)
    assert carried_out(bridge, outside, message).outcome == "pending_cancel"
    assert rows(inside, "select status from orders") == [("pending_cancel",)]
    reach(inside, terminal.port)
    assert carried_out(bridge, successor, again(bridge, inside)).outcome == "canceled"


def test_a_stalled_process_that_wakes_up_late_only_asks(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start()
    working(bridge, inside, outside)
    halt(inside)
    (message,) = inquiries(inside)
    prepared = prepared_for(bridge, message)
    then = format_instant(SystemClock().now() - timedelta(seconds=9))
    report = venue_says(message, {**prepared, "as_of": then}, outside)
    assert report["status"] == "accepted"
    assert at_venue(terminal) == (1, [])
    assert settled(bridge, message, prepared, report).outcome == "pending_cancel"


def live_until_killed(url: str, home: Path, inquiry: UUID, dies: str, pipe: Pipe) -> None:
    """Be a worker's process that never records: it stops where it will be killed."""
    message = an_inquiry(inquiry)
    with psycopg.connect(url, autocommit=True) as conn, a_process(url, home) as outside:
        prepared = prepared_for(conn, message)
        status = None
        if dies == "after sending":
            status = venue_says(message, prepared, outside)["status"]
        pipe.send(status)
        pipe.recv()


@pytest.mark.parametrize(
    ("dies", "told"), [("before sending", None), ("after sending", "canceled")]
)
def test_a_worker_killed_before_it_recorded_leaves_one_cancel_and_one_outcome(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside, desk: Database, tmp_path: Path, dies: str, told: str | None,
):  # fmt: skip
    terminal = start()
    order_id = working(bridge, inside, outside)
    halt(inside)
    (message,) = inquiries(inside)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    url = desk.role_url("execution_agent")
    given = (url, tmp_path / "killed", message.row_id, dies, theirs)
    process = spawn.Process(target=live_until_killed, args=given)
    process.start()
    assert ours.poll(30), "the worker never came so far"
    assert ours.recv() == told
    process.kill()
    process.join()
    assert rows(inside, "select status from orders") == [("pending_cancel",)]
    # Its message comes again, to whoever has the account's shard now.
    give_shard(inside, "paper-1", OTHER_WORKER)
    decision = carried_out(bridge, successor, message, OTHER_WORKER)
    assert (decision.outcome, decision.final) == ("canceled", FinalOutcome.EXPIRED)
    assert at_venue(terminal) == (0, [CANCELED])
    assert ends(inside) == ["canceled"]
    assert rows(inside, "select outcome from alert_outcomes") == [("expired",)]
    repeated = carried_out(bridge, successor, message, OTHER_WORKER)
    assert (repeated.outcome, repeated.effects) == ("repeated", ())
    assert run(bridge, successor, order_id, OTHER_WORKER).outcome == "repeated"


def test_a_bridge_that_stalled_records_nothing_of_the_cancel_that_it_sent(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside,
):  # fmt: skip
    terminal = start()
    working(bridge, inside, outside)
    halt(inside)
    (message,) = inquiries(inside)
    prepared = prepared_for(bridge, message)
    report = venue_says(message, prepared, outside)
    give_shard(inside, "paper-1", OTHER_WORKER)
    assert carried_out(bridge, successor, message, OTHER_WORKER).outcome == "canceled"
    with pytest.raises(psycopg.Error) as refused:
        settled(bridge, message, prepared, report)
    assert refused.value.sqlstate == "TR405"
    assert ends(inside) == ["canceled"]
    assert at_venue(terminal) == (0, [CANCELED])
