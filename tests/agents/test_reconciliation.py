"""Books against a real paper terminal: what it did unasked is found, booked and explained."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from backend.contracts.orders import FillEvent, OrderEvent
from tests.kit.bridge_flow import (
    carried_out,
    inquiries,
    prepared_for,
    reconciled,
    run,
    settled,
    working,
)
from tests.kit.bridges import FAST, OPTIONS, Start, reach
from tests.kit.homes import until
from tests.kit.order_flow import OTHER_WORKER, WORKER, an_order, give_shard, new_id
from tests.kit.signals import NOW
from tests.kit.trading_desk import ask, rows
from workers.agent import RowMessage
from workers.agents import execution
from workers.outside import Outside


def adopted(conn: Connection[Any], outside: Outside) -> None:
    """Let the books begin with what the venue has."""
    assert reconciled(conn, outside).outcome == "repaired"
    assert reconciled(conn, outside).outcome == "agreed"


def findings(inside: Connection[Any]) -> list[dict[str, Any]]:
    """Give what the last comparison found."""
    found = rows(
        inside, "select findings from execution.reconciliations order by asked_at desc limit 1"
    )
    return found[0][0]


def buy(inside: Connection[Any], quantity: str = "0.1", **changes: Any) -> Any:
    return an_order(inside, quantity, **({"stop_loss": None, "take_profit": None} | changes))


def position(inside: Connection[Any]) -> Decimal:
    found = rows(inside, "select quantity from positions where symbol = 'EURUSD'")
    return found[0][0] if found else Decimal(0)


def test_books_begin_with_what_the_venue_holds_and_then_agree(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    start()
    adopted(bridge, outside)
    assert run(bridge, outside, buy(inside)).outcome == "filled"
    decision = reconciled(bridge, outside)
    assert (decision.outcome, decision.emissions) == ("agreed", ())
    ((ours, theirs),) = rows(
        inside,
        "select our_balance, venue_balance from execution.reconciliations"
        " order by asked_at desc limit 1",
    )
    assert ours == theirs


def test_a_stop_hit_inside_the_terminal_closes_our_position_under_its_reason(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start(*FAST)
    adopted(bridge, outside)
    client = terminal.client(initialize=False)
    ask_price = client.symbol_info_tick("EURUSD").ask
    near = {"stop_loss": Decimal(f"{ask_price - 0.0015:.5f}")}
    order_id = buy(inside, **near, take_profit=Decimal(f"{ask_price + 0.0015:.5f}"))
    assert run(bridge, outside, order_id).outcome == "filled"
    until(lambda: client.positions_total() == 0, "the stop or the target was reached", 60)
    decision = reconciled(bridge, outside)
    assert decision.outcome == "repaired"
    order, fill = (emission.payload for emission in decision.emissions)
    assert isinstance(order, OrderEvent)
    assert isinstance(fill, FillEvent)
    assert fill.order_id == order.order_id
    ((origin, closes, booked),) = rows(
        inside, "select origin, closes_order_id, order_id from execution.venue_orders"
    )
    assert origin in ("stop_loss", "take_profit")
    assert (closes, booked) == (order_id, order.order_id)
    assert position(inside) == 0
    kinds = rows(
        inside,
        "select n.kind, o.status, o.reduce_only, o.strategy_id, o.correlation_id = f.correlation_id"
        "  from orders o join intents n using (intent_id)"
        "  join orders f on f.order_id = %s where o.order_id <> f.order_id",
        (order_id,),
    )
    assert kinds == [("venue", "filled", True, "tv-smc", True)]
    # Nobody asked for its price: a model of slippage learns nothing from it.
    slipped = rows(inside, "select slippage_bps is null from fills order by position_nr")
    assert slipped == [(False,), (True,)]
    assert reconciled(bridge, outside).outcome == "agreed"


def test_what_a_person_trades_is_booked_as_theirs_and_their_orders_are_listed(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, successor: Outside,
    start: Start,
):  # fmt: skip
    terminal = start()
    adopted(bridge, outside)
    person = terminal.client()
    pending = {"action": 5, "symbol": "EURUSD", "volume": 0.2, "type": 2, "type_filling": 2}
    ticket = person.order_send(pending | {"price": 0.5}).order
    assert person.order_send({"action": 1, "symbol": "EURUSD", "volume": 0.3, "type": 1}).deal
    # A second connection of the desk's takes the right to trade back.
    decision = reconciled(bridge, successor)
    assert decision.outcome == "repaired"
    assert position(inside) == Decimal("-0.3")
    seen = rows(
        inside,
        "select venue_order_id = %s, state, side from execution.venue_orders order by state",
        (str(ticket),),
    )
    assert seen == [(False, "filled", "SELL"), (True, "working", "BUY")]
    assert reconciled(bridge, successor).outcome == "agreed"
    assert rows(inside, "select count(*) from governance.halts") == [(0,)]


def test_what_people_trade_under_a_name_that_the_desk_cannot_say_is_booked_too(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, successor: Outside,
    start: Start, tmp_path: Path,
):  # fmt: skip
    rules = tmp_path / "rules.toml"
    rules.write_text('["US30.cash"]\nlike = "EURUSD"\n')
    terminal = start(*OPTIONS, "--rules", str(rules))
    adopted(bridge, outside)
    bought = {"action": 1, "symbol": "US30.cash", "volume": 0.3, "type": 0}
    assert terminal.client().order_send(bought).deal
    decision = reconciled(bridge, successor)
    assert (decision.outcome, decision.emissions) == ("repaired", ())
    held = rows(inside, "select symbol, quantity from positions")
    assert held == [("US30.cash", Decimal("0.3"))]
    assert reconciled(bridge, successor).outcome == "agreed"


def test_an_account_without_a_strategy_of_its_own_is_compared_like_any_other(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, successor: Outside,
    start: Start,
):  # fmt: skip
    terminal = start()
    adopted(bridge, outside)
    inside.execute("update strategies set account_id = 'paper-2'")
    try:
        bought = {"action": 1, "symbol": "EURUSD", "volume": 0.3, "type": 0}
        assert terminal.client().order_send(bought).deal
        assert reconciled(bridge, successor).outcome == "repaired"
        assert position(inside) == Decimal("0.3")
    finally:
        inside.execute("update strategies set account_id = 'paper-1'")


def test_a_fill_that_nobody_recorded_is_found_and_its_order_ends_as_filled(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    start()
    adopted(bridge, outside)
    order_id = buy(inside)
    assert run(bridge, outside, order_id).outcome == "filled"
    forget_fill(inside)
    assert reconciled(bridge, outside).outcome == "unsettled"
    (inquiry,) = inquiries(inside)
    late = carried_out(bridge, outside, inquiry)
    assert late.outcome == "filled"
    assert position(inside) == Decimal("0.1")
    assert reconciled(bridge, outside).outcome == "agreed"


def forget_fill(inside: Connection[Any], status: str = "canceled") -> None:
    """Have the books never have heard of what was traded, and the order be over."""
    inside.execute("set session_replication_role = replica")
    for table in ("fills", "positions", "ledger.entries where kind = 'fill'"):
        inside.execute(f"delete from {table}")
    inside.execute(
        "update orders set status = %s, filled_quantity = 0, average_price = null", (status,)
    )
    inside.execute("set session_replication_role = origin")


def test_a_gap_that_nothing_explains_is_closed_by_a_synthetic_entry_and_halts_the_account(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    start()
    adopted(bridge, outside)
    assert run(bridge, outside, buy(inside, "0.3")).outcome == "filled"
    inside.execute("update positions set quantity = 0.5")
    for _ in range(2):
        assert reconciled(bridge, outside).outcome == "unsettled"
    assert position(inside) == Decimal("0.5")
    after_a_while(inside)
    decision = reconciled(bridge, outside)
    assert decision.outcome == "unexplained"
    assert position(inside) == Decimal("0.3")
    ((name, origin),) = rows(inside, "select venue_order_id, origin from execution.venue_orders")
    assert (name[:10], origin) == ("synthetic-", "synthetic")
    ((cause, scope_id, reason),) = rows(
        inside, "select cause, scope_id, reason from governance.halts where lifted_at is null"
    )
    assert (cause, scope_id) == ("reconciliation", "paper-1")
    assert "position_gap EURUSD: ours 0.5, theirs 0.3" in reason
    (finding,) = findings(inside)
    assert finding["todo"]
    # Lifting the halt is accepting the report.
    inside.execute("update governance.halts set lifted_at = clock_timestamp(), lifted_by = 'test'")
    assert reconciled(bridge, outside).outcome == "agreed"


def after_a_while(inside: Connection[Any]) -> None:
    """Have every look been made longer ago than venues take to list a trade."""
    inside.execute(
        "update execution.reconciliations set surveyed_at = surveyed_at - interval '11 seconds'"
    )


def test_a_trade_that_the_venue_lists_late_is_no_gap_however_often_it_is_looked_at(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start()
    adopted(bridge, outside)
    terminal.control.inject("late_records", ms=2_500)
    # The position and the balance have moved, the trade is not listed.
    assert run(bridge, outside, buy(inside)).outcome == "accepted"
    for _ in range(3):
        assert reconciled(bridge, outside).outcome == "unsettled"
    client = terminal.client(initialize=False)
    until(lambda: len(client.history_deals_get(0, 2_000_000_000)) == 2, "the trade was listed", 10)
    assert reconciled(bridge, outside).outcome == "unsettled"
    (inquiry,) = inquiries(inside)
    assert carried_out(bridge, outside, inquiry).outcome == "filled"
    # Long ago and again: what passed in between is another gap.
    after_a_while(inside)
    assert reconciled(bridge, outside).outcome == "agreed"
    inside.execute("update positions set quantity = 0, average_price = null")
    assert reconciled(bridge, outside).outcome == "unsettled"
    assert rows(inside, "select count(*) from execution.venue_orders") == [(0,)]


def test_a_stalled_bridge_records_nothing_of_what_it_surveyed(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    start()
    (asked,) = ask(bridge, "execution.ask_reconciliations", {"account_id": "paper-1"})
    message = RowMessage(
        "reconciliation", asked["reconciliation_id"], new_id(), new_id(), "demo", "paper-1", NOW
    )
    prepared = prepared_for(bridge, message)
    report = execution.call(message, prepared, outside)()
    give_shard(inside, "paper-1", OTHER_WORKER)
    run(bridge, outside, buy(inside), OTHER_WORKER)
    with pytest.raises(psycopg.Error) as refused:
        settled(bridge, message, prepared, report)
    assert refused.value.sqlstate == "TR405"


def test_an_unreachable_venue_proves_nothing_and_is_asked_again_soon(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside
):
    reach(inside, 1)
    assert reconciled(bridge, outside).outcome == "unavailable"
    assert rows(inside, "select count(*) from governance.halts") == [(0,)]


def test_accounts_are_due_at_a_bridges_start_and_periodically(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    start()
    due = {"abandoned_ms": 1, "sync_ms": 1, "again_ms": 0, "reconcile_ms": 60_000}

    def accounts(**changes: Any) -> list[dict[str, str]]:
        (facts,) = ask(bridge, "execution.due_attempts", due | changes)
        return facts["accounts"]

    assert accounts() == []
    give_shard(inside, "paper-1", WORKER)
    assert accounts() == [{"account_id": "paper-1", "cause": "start"}]
    adopted(bridge, outside)
    assert accounts() == []
    assert accounts(reconcile_ms=0) == [{"account_id": "paper-1", "cause": "periodic"}]
    give_shard(inside, "paper-1", OTHER_WORKER)
    assert accounts() == [{"account_id": "paper-1", "cause": "start"}]
    # One that waits is not asked for twice.
    ask(bridge, "execution.ask_reconciliations", {"account_id": "paper-1", "cause": "start"})
    assert accounts() == []


def test_a_stop_that_a_position_lost_is_set_again(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, successor: Outside,
    start: Start,
):  # fmt: skip
    terminal = start()
    adopted(bridge, outside)
    client = terminal.client(initialize=False)
    stop = Decimal(f"{client.symbol_info_tick('EURUSD').bid - 0.05:.5f}")
    assert run(bridge, outside, buy(inside, stop_loss=stop)).outcome == "filled"
    person = terminal.client()
    (held,) = person.positions_get()
    naked = {"action": 6, "symbol": "EURUSD", "position": held.ticket, "sl": 0.0, "tp": 0.0}
    assert person.order_send(naked).retcode == 10009
    assert reconciled(bridge, successor).outcome == "repaired"
    assert person.positions_get()[0].sl == float(stop)
    (finding,) = findings(inside)
    assert (finding["kind"], finding["done"]) == ("lost_stop", "set again")


def test_an_order_that_works_although_it_ended_in_the_books_is_withdrawn(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start()
    adopted(bridge, outside)
    working(bridge, inside, outside)
    inside.execute("update orders set status = 'expired'")
    assert reconciled(bridge, outside).outcome == "repaired"
    assert terminal.client(initialize=False).orders_total() == 0
    (finding,) = findings(inside)
    assert finding["kind"] == "orphaned_order"
    assert reconciled(bridge, outside).outcome == "agreed"
