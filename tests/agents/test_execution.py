"""The bridge against the real paper terminal and the real tables: once, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from backend.contracts.denials import Code
from backend.contracts.orders import FillEvent, OrderEvent
from backend.ports import SystemClock
from backend.settings import load_settings
from backend.values import FinalOutcome, format_instant
from backend.venues.registry import build_venue
from tests.kit.bridge_flow import a_place, market_order, prepared_for, run, settled, venue_says
from tests.kit.bridges import OPTIONS, a_process, reach
from tests.kit.clock import FixedClock
from tests.kit.order_flow import (
    OTHER_WORKER,
    age_attempt,
    an_order,
    give_shard,
    new_id,
    order_desk,
)
from tests.kit.postgres import Database
from tests.kit.signals import NOW, a_context
from tests.kit.trading_desk import ask, rows
from tests.venues.process import LOGIN, PaperProcess
from workers.agent import Decision, RowMessage
from workers.agents import execution
from workers.bridge.bridge import Bridge
from workers.outside import Outside


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Generator[PaperProcess]:
    process = PaperProcess(tmp_path_factory.mktemp("paper"), OPTIONS).start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def desk(terminal: PaperProcess) -> Generator[Database]:
    with order_desk() as database:
        with psycopg.connect(database.superuser_url, autocommit=True) as conn:
            reach(conn, terminal.port)
        yield database


def orders_at(terminal: PaperProcess, prepared: Mapping[str, Any]) -> int:
    client = terminal.client(initialize=False)
    deals = client.history_deals_get(0, 2_000_000_000) or ()
    return sum(1 for deal in deals if deal.magic == int(prepared["magic"]))


def test_order_is_sent_filled_and_booked_with_the_venues_own_figures(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside
):
    order_id = market_order(inside)
    decision = run(bridge, outside, order_id)
    assert (decision.outcome, decision.final) == ("filled", FinalOutcome.FILLED)
    order_event, fill_event = (emission.payload for emission in decision.emissions)
    assert isinstance(order_event, OrderEvent)
    assert isinstance(fill_event, FillEvent)
    ((trade, commission, stored),) = rows(
        inside, "select venue_trade_id, commission, fill_id from fills"
    )
    assert (trade, stored) == (fill_event.venue_trade_id, fill_event.fill_id)
    assert commission == fill_event.commission == Decimal("0.3")
    assert {emission.ordering_key for emission in decision.emissions} == {"paper-1"}
    parts = fill_event.pnl
    assert parts.total == parts.market_move + parts.spread + parts.slippage + parts.commission
    assert rows(inside, "select outcome from alert_outcomes") == [("filled",)]


def test_order_is_sent_once_however_often_its_message_comes(
    bridge: Connection[Any],
    inside: Connection[Any],
    outside: Outside,
    terminal: PaperProcess,
):
    order_id = market_order(inside)
    run(bridge, outside, order_id)
    again = run(bridge, outside, order_id)
    assert (again.outcome, again.emissions, again.effects) == ("repeated", (), ())
    ((magic,),) = rows(inside, "select magic::text from execution.attempts")
    assert orders_at(terminal, {"magic": magic}) == 1


def test_crash_between_call_and_record_finds_the_fill_and_sends_nothing(
    bridge: Connection[Any],
    inside: Connection[Any],
    outside: Outside,
    terminal: PaperProcess,
    desk: Database,
    tmp_path: Path,
):
    order_id = market_order(inside)
    message = a_place(order_id)
    prepared = prepared_for(bridge, message)
    venue_says(message, prepared, outside)
    # The answer died with its process; another one takes the account over.
    give_shard(inside, "paper-1", OTHER_WORKER)
    with a_process(desk.role_url("execution_agent"), tmp_path / "successor") as successor:
        decision = run(bridge, successor, order_id, OTHER_WORKER)
    assert (decision.outcome, decision.final) == ("filled", FinalOutcome.FILLED)
    assert orders_at(terminal, prepared) == 1
    assert rows(inside, "select quantity from positions") == [(Decimal("0.1"),)]


def test_crash_between_open_and_call_ends_as_not_sent_after_the_settle_window(
    bridge: Connection[Any],
    inside: Connection[Any],
    outside: Outside,
    terminal: PaperProcess,
):
    order_id = market_order(inside)
    message = a_place(order_id)
    prepared = prepared_for(bridge, message)
    early = run(bridge, outside, order_id)
    assert (early.outcome, early.final) == ("unknown", None)
    age_attempt(inside, prepared, 16)
    late = run(bridge, outside, order_id)
    assert (late.outcome, late.code) == ("not_sent", Code.ORDER_NOT_SENT)
    assert late.final is FinalOutcome.EXPIRED
    assert orders_at(terminal, prepared) == 0
    assert rows(inside, "select status from orders") == [("not_sent",)]


def test_stalled_process_that_wakes_up_late_sends_nothing(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, terminal: PaperProcess
):
    message = a_place(market_order(inside))
    prepared = prepared_for(bridge, message)
    then = SystemClock().now() - timedelta(seconds=9)
    report = venue_says(message, {**prepared, "as_of": format_instant(then)}, outside)
    assert (report["status"], report["message"]) == ("again", "too late to send")
    assert orders_at(terminal, prepared) == 0
    assert settled(bridge, message, prepared, report).code is Code.ATTEMPT_STALE
    assert rows(inside, "select status from orders") == [("initialized",)]


def test_a_machine_whose_clock_is_behind_cannot_tell_what_is_late_and_sends_nothing(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, terminal: PaperProcess
):
    message = a_place(market_order(inside))
    prepared = prepared_for(bridge, message)
    ahead = format_instant(SystemClock().now() + timedelta(minutes=5))
    report = venue_says(message, {**prepared, "as_of": ahead}, outside)
    assert report["status"] == "again"
    assert "s behind Postgres's" in report["message"]
    assert orders_at(terminal, prepared) == 0


def test_a_displaced_bridge_takes_the_terminal_back_only_for_what_is_handed_out_later(
    bridge: Connection[Any], inside: Connection[Any], terminal: PaperProcess
):
    # It stands still while Postgres's goes on.
    clock = FixedClock(SystemClock().now() + timedelta(seconds=4))
    connection = {"terminal": "paper", "port": terminal.port, "server_utc_offset_hours": 2}
    account = {"venue_kind": "mt5", "login": LOGIN, "connection": connection}
    here, elsewhere = (
        Bridge("paper-1", lambda: build_venue(account, clock), clock) for _ in range(2)
    )

    def handed_out() -> dict[str, Any]:
        return prepared_for(bridge, a_place(market_order(inside)))

    assert here.send(handed_out())()["status"] == "filled"
    # Both were handed out at once, and meanwhile somebody else takes the terminal.
    first, second = handed_out(), handed_out()
    second["as_of"] = first["as_of"]
    assert elsewhere.send(handed_out())()["status"] == "filled"
    lost = here.send(first)()
    assert (lost["status"], "displaced" in lost["message"]) == ("unknown", True)
    clock.advance(timedelta(seconds=1))
    assert here.send(second)()["status"] == "again"
    assert orders_at(terminal, first) == orders_at(terminal, second) == 0
    assert here.send(handed_out())()["status"] == "filled"
    for one in (here, elsewhere):
        one.close()


def due(conn: Connection[Any]) -> dict[str, Any]:
    """Ask what the tick would look after, with no pause before another try."""
    asked = execution.ask_tick(NOW) | {"again_ms": 0}
    (facts,) = ask(conn, "execution.due_attempts", asked)
    return facts


def tried_again(conn: Connection[Any], inside: Connection[Any], outside: Outside) -> Decision:
    """Let the tick come round, and the bridge answer what it asks."""
    decision = execution.handle_tick(due(conn) | {"accounts": []}, a_context("execution"))
    for effect in decision.effects:
        ask(conn, effect.procedure, effect.item)
    ((inquiry,),) = rows(inside, "select msg_id from bus.deliveries")
    inside.execute("truncate bus.deliveries")
    message = RowMessage("inquiry", inquiry, inquiry, new_id(), "demo", "paper-1", NOW)
    prepared = prepared_for(conn, message)
    return settled(conn, message, prepared, venue_says(message, prepared, outside))


def test_unreachable_venue_sends_nothing_and_the_order_is_tried_again_until_it_trades(
    bridge: Connection[Any],
    inside: Connection[Any],
    outside: Outside,
    terminal: PaperProcess,
):
    reach(inside, 1)
    order_id = market_order(inside)
    decision = run(bridge, outside, order_id)
    assert (decision.outcome, decision.code) == ("again", Code.VENUE_UNREACHABLE)
    assert (decision.final, decision.emissions) == (None, ())
    assert tried_again(bridge, inside, outside).outcome == "again"
    assert rows(inside, "select remaining_quantity from risk.reservations") == [(Decimal("0.1"),)]
    assert rows(inside, "select count(*) from alert_outcomes") == [(0,)]
    reach(inside, terminal.port)
    outside.bridge("paper-1")._connection._closed_until_ns = 0
    again = tried_again(bridge, inside, outside)
    assert (again.outcome, again.final) == ("filled", FinalOutcome.FILLED)
    states = rows(inside, "select state, count(*) from execution.attempts group by 1 order by 1")
    assert states == [("answered", 1), ("not_sent", 2)]
    assert due(bridge)["again"] == []


def test_order_that_finds_nobody_until_its_time_is_over_expires(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside,
    terminal: PaperProcess,
):  # fmt: skip
    reach(inside, 1)
    order_id = market_order(inside)
    assert run(bridge, outside, order_id).outcome == "again"
    inside.execute("update orders set expires_at = clock_timestamp()")
    facts = due(bridge)
    assert (facts["again"], facts["expired"]) == ([], [str(order_id)])
    item = json.dumps([{"order_id": str(order_id)}])
    bridge.execute("select execution.expire_orders(%s::jsonb)", (item,))
    assert rows(inside, "select outcome, code from alert_outcomes") == [("expired", "TR411")]
    reach(inside, terminal.port)


def test_a_halt_ends_what_waits_to_be_tried_again(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside,
    terminal: PaperProcess,
):  # fmt: skip
    reach(inside, 1)
    assert run(bridge, outside, market_order(inside)).outcome == "again"
    inside.execute(
        "insert into governance.halts (halt_id, scope, scope_id, reason, requested_by)"
        " values (%s, 'strategy', 'tv-smc', 'test', 'test')",
        (new_id(),),
    )
    assert tried_again(bridge, inside, outside).code is Code.HALTED
    assert rows(inside, "select status from orders") == [("denied",)]
    reach(inside, terminal.port)


def test_unreachable_venue_proves_nothing_about_what_was_sent(
    bridge: Connection[Any],
    inside: Connection[Any],
    outside: Outside,
    terminal: PaperProcess,
):
    order_id = market_order(inside)
    prepared = prepared_for(bridge, a_place(order_id))
    age_attempt(inside, prepared, 60)
    reach(inside, 1)
    decision = run(bridge, outside, order_id)
    assert (decision.outcome, decision.final) == ("unknown", None)
    reach(inside, terminal.port)


def test_limit_order_works_until_an_inquiry_finds_it_gone(
    bridge: Connection[Any],
    inside: Connection[Any],
    outside: Outside,
    terminal: PaperProcess,
    desk: Database,
    tmp_path: Path,
):
    order_id = an_order(
        inside,
        "0.1",
        order_type="limit",
        time_in_force="GTC",
        limit_price=Decimal("0.5"),
        stop_loss=None,
        take_profit=None,
    )
    assert run(bridge, outside, order_id).outcome == "accepted"
    ((ticket,),) = rows(inside, "select venue_order_id from orders")
    # A person at the terminal displaces the bridge's session and withdraws the order.
    client = terminal.client()
    assert client.order_send({"action": 8, "order": int(ticket)}).retcode == 10009
    ((attempt,),) = rows(inside, "select attempt_id from execution.attempts")
    ask(bridge, "execution.ask_again", {"attempt_id": attempt})
    ((inquiry,),) = rows(inside, "select msg_id from bus.deliveries")
    message = RowMessage("inquiry", inquiry, inquiry, new_id(), "demo", "paper-1", NOW)
    prepared = prepared_for(bridge, message)
    assert prepared["state"] == "sync"
    with a_process(desk.role_url("execution_agent"), tmp_path / "again") as again:
        report = execution.call(message, prepared, again)()
    assert settled(bridge, message, prepared, report).outcome == "canceled"
    assert rows(inside, "select outcome from alert_outcomes") == [("expired",)]


def test_a_live_desk_trades_no_real_money_for_an_account_that_is_not_live(
    bridge: Connection[Any], inside: Connection[Any], desk: Database, tmp_path: Path,
    terminal: PaperProcess,
):  # fmt: skip
    real = PaperProcess(tmp_path / "real", (*OPTIONS, "--trade-mode", "real")).start()
    try:
        reach(inside, real.port)
        settings = load_settings(
            {"DESK_HOME": str(tmp_path), "DESK_MODE": "live", "DESK_LIVE": "1"}
        )
        live = Outside(
            settings,
            SystemClock(),
            lambda role: psycopg.connect(desk.role_url(role), autocommit=True),
        )
        decision = run(bridge, live, market_order(inside))
        assert (decision.outcome, decision.code) == ("not_sent", Code.MODE_NOT_ALLOWED)
    finally:
        reach(inside, terminal.port)
        real.kill()


def test_halted_order_is_denied_with_its_code_and_an_event(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside
):
    order_id = market_order(inside)
    inside.execute(
        "insert into governance.halts (halt_id, scope, scope_id, reason, requested_by)"
        " values (%s, 'strategy', 'tv-smc', 'test', 'test')",
        (new_id(),),
    )
    decision = run(bridge, outside, order_id)
    assert (decision.outcome, decision.code) == ("denied", Code.HALTED)
    assert decision.final is FinalOutcome.DENIED
    (emission,) = decision.emissions
    assert isinstance(emission.payload, OrderEvent)
    assert (emission.payload.status, emission.payload.attempt_id) == ("denied", None)


def test_same_answer_gives_the_same_decision(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside
):
    message = a_place(market_order(inside))
    prepared = prepared_for(bridge, message)
    report = venue_says(message, prepared, outside)
    known = json.loads(json.dumps({"prepared": prepared, "report": report}))
    first = execution.record(message, prepared, report, a_context("execution"))
    assert first == execution.record(
        message, known["prepared"], known["report"], a_context("execution")
    )


def test_tick_asks_about_what_is_due_and_rests_otherwise():
    nothing = dict.fromkeys(("attempts", "working", "again", "accounts", "expired"), ())
    idle = execution.handle_tick(nothing, a_context("execution"))
    assert (idle.outcome, idle.effects) == ("idle", ())
    asked = {"attempts": ["a"], "working": ["b"], "again": ["c"], "expired": ["d"]}
    account = {"account_id": "paper-1", "cause": "start"}
    due = execution.handle_tick(asked | {"accounts": [account]}, a_context("execution"))
    assert [effect.procedure.removeprefix("execution.") for effect in due.effects] == [
        *("ask_again", "ask_again", "ask_again", "ask_reconciliations", "expire_orders")
    ]
