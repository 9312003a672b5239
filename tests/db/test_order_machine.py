"""Whatever a venue says, in whatever order and however often: states, books, positions hold."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from psycopg.types.json import Jsonb

from tests.kit.order_flow import (
    a_fill,
    a_report,
    an_order,
    clear_orders,
    open_attempt,
    record,
)
from tests.kit.postgres import Database
from tests.kit.trading_desk import ask, rows

DEPTH = int(os.environ.get("DESK_TEST_DEPTH", "1"))
"""How many times as many histories as by default."""

SAID = ("accepted", "triggered", "partially_filled", "filled", "rejected", "canceled", "expired",
        "not_sent", "unknown", "not_found")  # fmt: skip
REFUSALS = {"TR402", "TR406", "TR410", "TR412"}
"""What a procedure may say to a history that cannot be; then nothing has changed."""

INVARIANTS = ("orders_of_fills", "positions_of_fills", "ledger_of_fills", "orders_above_intents")

_ILLEGAL = """
select count(*) from public.order_events e
 where e.from_status is not null
   and not exists (select from execution.order_transitions t
                    where t.from_status = e.from_status and t.to_status = e.to_status)
"""
_TORN = """
select count(*) from public.orders o
  join lateral (select e.to_status from public.order_events e where e.order_id = o.order_id
                 order by e.occurred_at desc limit 1) e on e.to_status <> o.status
"""
_GAPS = """
select count(*) from (
  select e.from_status,
         lag(e.to_status) over (partition by e.order_id order by e.occurred_at) as was
    from public.order_events e) e
 where e.was is not null and e.was <> e.from_status
"""
_HELD = """
select count(*) from risk.reservations r
 where r.released_at is null
   and not exists (select from public.orders o
                    where o.intent_id = r.intent_id
                      and o.status not in ('filled', 'rejected', 'denied', 'canceled', 'expired',
                                           'not_sent'))
"""
_WAITING = """
select count(*)
  from execution.order_changes c
  join public.orders o on o.order_id = c.order_id
 where c.state = 'pending'
   and (o.change_id is distinct from c.change_id
        or (c.kind = 'stops') <> (o.status in ('filled', 'canceled', 'expired')))
"""
_CASH = """
select (select coalesce(sum(e.amount), 0) from ledger.entries e where e.book = 'cash'),
       (select coalesce(sum(coalesce(f.venue_pnl, f.realized_pnl) - f.commission), 0)
          from public.fills f),
       (select sum(s.equity) - 200000 from risk.account_state s
         where s.account_id in ('paper-1', 'paper-2'))
"""
_SUMS = """
select coalesce(p.quantity, 0), coalesce(f.quantity, 0)
  from (select p.account_id, p.quantity from public.positions p) p
  full join (select f.account_id,
                    sum(case f.side when 'BUY' then f.quantity else -f.quantity end) as quantity
               from public.fills f group by 1) f on f.account_id = p.account_id
"""

prices = st.integers(10_900, 11_100).map(lambda n: str(Decimal(n) / 10_000))
sizes = st.sampled_from(("0.25", "0.5", "1", "1.5"))


class OrdersAndBooks(RuleBasedStateMachine):
    """Orders of two accounts, a venue that says anything, operators who change their minds."""

    inside: psycopg.Connection[Any]
    bridge: psycopg.Connection[Any]
    attempts = Bundle("attempts")
    said = Bundle("said")

    def __init__(self) -> None:
        super().__init__()
        clear_orders(self.inside)

    @rule(
        target=attempts,
        side=st.sampled_from(("BUY", "SELL")),
        account=st.sampled_from(("paper-1", "paper-2")),
        kind=st.sampled_from(("market", "limit")),
    )
    def send(self, side: str, account: str, kind: str) -> dict[str, Any]:
        """Open an order and its attempt."""
        terms: dict[str, Any] = {"account_id": account, "order_type": kind}
        if kind == "limit":
            terms |= {"limit_price": Decimal("1.1000"), "time_in_force": "GTC"}
        return open_attempt(self.bridge, an_order(self.inside, "2", side, **terms))

    @rule(
        target=said,
        attempt=attempts,
        status=st.sampled_from(SAID),
        fills=st.lists(st.tuples(sizes, prices), max_size=2),
        final=st.booleans(),
    )
    def tell(
        self,
        attempt: dict[str, Any],
        status: str,
        fills: list[tuple[str, str]],
        final: bool,
    ) -> Any:
        """Say anything of an attempt, with new trades."""
        if status in ("not_sent", "rejected", "unknown", "not_found"):
            fills = []
        booked = [a_fill(q, p, commission="0.7", profit=None) for q, p in fills]
        report = a_report(status, *booked, final=final)
        self._record(attempt, report)
        return attempt, report

    @rule(words=said)
    def tell_again(self, words: tuple[dict[str, Any], dict[str, Any]]) -> None:
        """Say what was said before: late, out of order, twice."""
        self._record(*words)

    @rule(
        target=said,
        attempt=attempts,
        state=st.sampled_from(("applied", "refused", "unknown", "again")),
    )
    def answer_change(self, attempt: dict[str, Any], state: str) -> Any:
        """Answer to what was asked of an order, if something was."""
        found = rows(
            self.inside,
            f"select change_id::text from public.orders where order_id = '{attempt['order_id']}'",
        )[0][0]
        if found is None:
            return multiple()
        change = {"change_id": found, "state": state, "code": None, "message": state}
        report = a_report("accepted", change=change)
        self._record(attempt, report)
        return attempt, report

    @rule(attempt=attempts)
    def cancel(self, attempt: dict[str, Any]) -> None:
        """Ask for a cancel."""
        self._ask("execution.cancel_orders", {"order_id": attempt["order_id"], "reason": "test"})

    @rule(attempt=attempts, price=st.sampled_from(("1.0980", "1.0970")))
    def modify(self, attempt: dict[str, Any], price: str) -> None:
        """Ask for another price: a lower one to buy at, which needs no authority."""
        order = {"order_id": attempt["order_id"], "reason": "test"}
        self._ask("execution.modify_orders", {**order, "wanted": {"limit_price": price}})

    @rule(attempt=attempts, stop=st.sampled_from(("1.0960", "1.0940", "1.1040", None)))
    def change_stops(self, attempt: dict[str, Any], stop: str | None) -> None:
        """Ask for another stop of what an order opened, if it did."""
        order = {"order_id": attempt["order_id"], "reason": "test"}
        self._ask("execution.modify_orders", {**order, "wanted": {"stop_loss": stop}})

    @invariant()
    def changes_wait_where_their_orders_say(self) -> None:
        assert rows(self.inside, _WAITING) == [(0,)]

    @invariant()
    def states_follow_the_table(self) -> None:
        for query in (_ILLEGAL, _TORN, _GAPS, _HELD):
            assert rows(self.inside, query) == [(0,)], query

    @invariant()
    def books_and_positions_hold(self) -> None:
        for name in INVARIANTS:
            assert rows(self.inside, f"select * from ops.broken_{name}()") == []
        assert rows(self.inside, "select ledger.compare_positions(null)") == [([],)]
        assert all(held == traded for held, traded in rows(self.inside, _SUMS))
        ((cash, earned, equity),) = rows(self.inside, _CASH)
        assert cash == earned == equity

    def _record(self, attempt: dict[str, Any], report: dict[str, Any]) -> None:
        try:
            record(self.bridge, attempt, report)
        except psycopg.Error as error:
            if error.sqlstate not in REFUSALS:
                raise

    def _ask(self, procedure: str, item: dict[str, Any]) -> None:
        try:
            ask(self.inside, procedure, item)
        except psycopg.Error as error:
            if error.sqlstate not in REFUSALS:
                raise


def test_no_history_breaks_the_states_the_books_or_the_positions(desk: Database):
    with (
        psycopg.connect(desk.superuser_url, autocommit=True) as inside,
        psycopg.connect(desk.role_url("execution_agent"), autocommit=True) as bridge,
    ):
        OrdersAndBooks.inside, OrdersAndBooks.bridge = inside, bridge
        run_state_machine_as_test(
            OrdersAndBooks,
            settings=settings(
                max_examples=10 * DEPTH,
                stateful_step_count=14,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_every_pair_of_states_that_the_table_lacks_is_refused(desk: Database):
    with psycopg.connect(desk.superuser_url, autocommit=True) as inside:
        clear_orders(inside)
        order_id: UUID = an_order(inside)
        allowed = set(
            rows(inside, "select from_status, to_status from execution.order_transitions")
        )
        states = {state for pair in allowed for state in pair}
        taken: set[tuple[str, str]] = set()
        for start in states:
            inside.execute("update public.orders set status = %s", (start,))
            for end in states:
                if _moves(inside, order_id, end):
                    taken.add((start, end))
        assert taken == allowed


def _moves(inside: psycopg.Connection[Any], order_id: UUID, end: str) -> bool:
    """Try a step and take it back. Any refusal but the state machine's is raised."""
    move = Jsonb([{"order_id": str(order_id), "to_status": end}])
    try:
        with inside.transaction(force_rollback=True):
            inside.execute("select execution.move_orders(%s, 'tests', clock_timestamp())", (move,))
    except psycopg.Error as error:
        if error.sqlstate != "TR406":
            raise
        return False
    return True
