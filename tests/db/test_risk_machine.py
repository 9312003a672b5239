"""Whatever happens at once and in whatever order: no limit is exceeded, reservations add up.

Each step lets several sessions, each under the login of its agent, do something at the same
moment and commit: authorise, open, send, fill, reject, cancel, refuse, expire, halt, tighten. Then
the books are compared with what the limits allow and with what is open.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.kit.at_once import Ready, at_once
from tests.kit.money import (
    ACCOUNTS,
    a_pack,
    an_intent,
    call,
    children_of,
    money_database,
    quote_all,
    use,
)
from tests.kit.order_flow import a_fill, a_report, clear_orders, open_attempt, record
from tests.kit.postgres import Database

POSITION, ACCOUNT_GROSS, ORG_GROSS = Decimal(3), Decimal(450_000), Decimal(700_000)
PRICES = {"EURUSD": Decimal("1.1001"), "USDJPY": Decimal(150)}
SESSIONS = 4
AGENTS = ("risk", "order", "execution", "policy_guard", "housekeeping")
LIMITS = {
    "position_quantity": str(POSITION),
    "account": {"*": {"gross_exposure": str(ACCOUNT_GROSS)}},
    "organization": {"*": {"gross_exposure": str(ORG_GROSS)}},
}

Act = tuple[str, str, str, str, int]
_ACT = st.tuples(
    st.sampled_from(
        ["authorize"] * 5 + ["batch"] + ["open"] * 3 + ["fill"] * 3
        + ["partial", "reject", "cancel", "refuse", "expire", "halt", "tighten"]
    ),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(list(PRICES)),
    st.sampled_from(["BUY", "SELL"]),
    st.integers(1, 350),
)  # fmt: skip

_BOOK = """
select a.account_id, s.symbol, coalesce(p.quantity, 0) as quantity,
       coalesce(sum(r.remaining_quantity) filter (where r.side = 'BUY'), 0) as buys,
       coalesce(sum(r.remaining_quantity) filter (where r.side = 'SELL'), 0) as sells,
       (select l.lot_value from risk.lot_value(a.venue_id, s.symbol, a.currency) l) as lot
  from public.accounts a
 cross join public.instruments s
  left join public.positions p on p.account_id = a.account_id and p.symbol = s.symbol
  left join risk.reservations r on r.account_id = a.account_id and r.symbol = s.symbol
                               and r.released_at is null
 group by a.account_id, s.symbol, p.quantity, a.venue_id, a.currency
"""

# What each authorised intent still needs, from its state and its orders alone.
_WRONG = """
with ended (status) as (
  values ('filled'), ('rejected'), ('denied'), ('canceled'), ('expired'), ('not_sent')
), used as (
  select o.intent_id, bool_and(e.status is not null) as done,
         sum(case when e.status is not null then o.quantity else o.filled_quantity end) as quantity
    from public.orders o left join ended e on e.status = o.status
   group by o.intent_id
)
select n.intent_id, n.state, r.remaining_quantity, r.released_at
  from public.intents n
  left join risk.reservations r on r.intent_id = n.intent_id
  left join used u on u.intent_id = n.intent_id
 where n.authorized_quantity is null and r.intent_id is not null
    or n.authorized_quantity is not null and not coalesce(
         case when n.state in ('denied', 'expired', 'refused') or u.done
              then r.released_at is not null and r.remaining_quantity = 0
              else r.released_at is null
                   and r.remaining_quantity = n.authorized_quantity - coalesce(u.quantity, 0) end,
         false)
"""

_UNBOOKED = """
select coalesce(f.account_id, p.account_id), coalesce(f.symbol, p.symbol), f.quantity, p.quantity
  from (select account_id, symbol,
               sum(case side when 'BUY' then quantity else -quantity end) as quantity
          from public.fills group by account_id, symbol) f
  full join public.positions p on p.account_id = f.account_id and p.symbol = f.symbol
 where coalesce(f.quantity, 0) <> coalesce(p.quantity, 0)
"""


class Session:
    """One worker's sessions: a login per agent, and its own id."""

    def __init__(self, desk: Database, urls: dict[str, str], stack: ExitStack) -> None:
        self.worker_id = uuid4()
        self.conns = {
            agent: stack.enter_context(psycopg.connect(url)) for agent, url in urls.items()
        }
        self.owner = stack.enter_context(psycopg.connect(desk.superuser_url))

    def act(self, act: Act, worker_id: Any) -> None:
        """Do it and commit. What the desk refuses by a code of its own is no failure."""
        name, account, symbol, side, cents = act
        steps: dict[str, Callable[[], None]] = {
            "authorize": lambda: self._authorize((account, symbol, side, cents)),
            "batch": lambda: self._authorize(
                (account, symbol, side, cents), (account, symbol, side, cents)
            ),
            "open": lambda: self._open(cents),
            "fill": lambda: self._send(worker_id, account, cents, "filled", 1),
            "partial": lambda: self._send(worker_id, account, cents, "canceled", 2),
            "reject": lambda: self._send(worker_id, account, cents, "rejected", 0),
            "cancel": lambda: self._cancel(cents),
            "refuse": lambda: self._refuse(cents),
            "expire": lambda: self._expire(cents),
            "halt": self._halt,
            "tighten": self._tighten,
        }
        try:
            steps[name]()
            self._end("commit")
        except psycopg.Error as error:
            self._end("rollback")
            if not (error.sqlstate or "").startswith("TR"):
                raise

    def _end(self, how: str) -> None:
        for conn in (*self.conns.values(), self.owner):
            getattr(conn, how)()

    def _authorize(self, *asked: tuple[str, str, str, int]) -> None:
        items = []
        for account, symbol, side, cents in asked:
            price, sign = PRICES[symbol], 1 if side == "BUY" else -1
            items.append(
                an_intent(
                    account_id=account,
                    symbol=symbol,
                    side=side,
                    quantity=str(Decimal(cents) / 100),
                    reference_price=str(price),
                    stop_loss=str(price * (1 - sign * Decimal("0.01"))),
                    take_profit=str(price * (1 + sign * Decimal("0.02"))),
                    reduce_only=cents % 7 == 0,
                )
            )
        call(self.conns["risk"], "risk.authorize_intents", *items)

    def _pick(self, query: str, number: int, *arguments: Any) -> tuple[Any, ...] | None:
        found = self.owner.execute(query.encode(), arguments).fetchall()
        self.owner.rollback()
        return found[number % len(found)] if found else None

    def _open(self, cents: int) -> None:
        intent = self._pick(
            "select intent_id, authorized_quantity from public.intents"
            " where state = 'authorized' order by created_at",
            cents,
        )
        if intent is None:
            return
        quantity = intent[1]
        half = (quantity / 2).quantize(Decimal("0.01"))
        parts = [quantity] if half < Decimal("0.01") or cents % 2 else [half, quantity - half]
        call(
            self.conns["order"],
            "execution.open_orders",
            children_of(str(intent[0]), *(str(p) for p in parts if p > 0)),
        )

    def _send(self, worker_id: Any, account: str, cents: int, status: str, part: int) -> None:
        order = self._pick(
            "select order_id, quantity from public.orders where account_id = %s"
            " and status = 'initialized' order by created_at, order_id",
            cents,
            account,
        )
        if order is None:
            return
        conn = self.conns["execution"]
        attempt = open_attempt(conn, order[0], worker_id)
        conn.commit()
        if attempt["state"] != "opened":
            return
        filled = (order[1] / part).quantize(Decimal("0.01")) if part else Decimal(0)
        fills = [a_fill(str(filled), "1.1000")] if filled > 0 else []
        report = a_report(status, *fills)
        # The answer comes twice, as answers do.
        for _ in range(2):
            record(conn, attempt, report)
            conn.commit()

    def _cancel(self, cents: int) -> None:
        order = self._pick(
            "select order_id from public.orders"
            " where status in ('initialized', 'accepted', 'partially_filled')"
            " order by created_at, order_id",
            cents,
        )
        if order is not None:
            item = {"order_id": str(order[0]), "reason": "not wanted any more"}
            call(self.conns["operator"], "execution.cancel_orders", item)

    def _refuse(self, cents: int) -> None:
        intent = self._pick(
            "select intent_id from public.intents where state = 'authorized' order by created_at",
            cents,
        )
        if intent is not None:
            item = {"intent_id": str(intent[0]), "code": "TR307"}
            call(self.conns["policy_guard"], "risk.refuse_intents", item)

    def _expire(self, cents: int) -> None:
        intent = self._pick(
            "select intent_id from public.intents where state = 'authorized' order by created_at",
            cents,
        )
        if intent is not None:
            self.owner.execute(
                "update public.intents set expires_at = clock_timestamp()"
                " where intent_id = %s and state = 'authorized'",
                intent,
            )
            self.owner.commit()
        call(self.conns["housekeeping"], "risk.expire_intents", {})

    def _halt(self) -> None:
        item = {"halt_id": str(uuid4()), "scope": "strategy", "scope_id": "tv-two", "reason": "x"}
        call(self.owner, "governance.record_halts", item)

    def _tighten(self) -> None:
        """Another pack with the same limits on exposure: what was authorised under the first
        may not open any more."""
        use(self.owner, a_pack({**LIMITS, "order_quantity": str(900 - uuid4().int % 400)}))


class Books(RuleBasedStateMachine):
    """Several sessions at once, then a look at the books."""

    desk: Database
    urls: dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.sessions = [Session(self.desk, self.urls, self.stack) for _ in range(SESSIONS)]
        self.behind = self.stack.enter_context(
            psycopg.connect(self.desk.superuser_url, autocommit=True)
        )
        clear_orders(self.behind)
        quote_all(self.behind)
        use(self.behind, a_pack(LIMITS))

    def teardown(self) -> None:
        """Close every session."""
        self.stack.close()

    @rule(acts=st.lists(_ACT, min_size=1, max_size=SESSIONS))
    def together(self, acts: list[Act]) -> None:
        """Do all of it at the same moment."""
        # One bridge owns both accounts: which one it is makes no difference to the books.
        worker_id = self.sessions[0].worker_id

        def run(pair: tuple[Session, Act], ready: Ready) -> None:
            session, act = pair
            ready()
            session.act(act, worker_id)

        at_once(list(zip(self.sessions, acts, strict=False)), run)

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        """Compare every book, in the worst case, with its limits."""
        gross = dict.fromkeys(ACCOUNTS, Decimal(0))
        for account, symbol, quantity, buys, sells, lot in self.behind.execute(_BOOK.encode()):
            worst = max(quantity + buys, sells - quantity)
            assert worst <= POSITION, (account, symbol, quantity, buys, sells)
            gross[account] += worst * (lot or 0)
        assert all(value <= ACCOUNT_GROSS for value in gross.values()), gross
        assert sum(gross.values()) <= ORG_GROSS, gross

    @invariant()
    def reservations_sum_to_what_is_open(self) -> None:
        """Derive what each intent still needs from its orders, and fills from positions."""
        assert self.behind.execute(_WRONG.encode()).fetchall() == []
        assert self.behind.execute(_UNBOOKED.encode()).fetchall() == []


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database:
        yield database


def test_no_interleaving_exceeds_a_limit_or_loses_a_reservation(desk: Database) -> None:
    class Here(Books):
        pass

    Here.desk = desk
    Here.urls = {agent: desk.role_url(f"{agent}_agent") for agent in AGENTS}
    Here.urls["operator"] = desk.role_url("desk_operator")
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_last_of_a_budget_is_given_once_however_many_ask(desk: Database) -> None:
    """Thirty-two sessions at once for what fits eight of them."""
    with psycopg.connect(desk.superuser_url, autocommit=True) as behind:
        clear_orders(behind)
        quote_all(behind)
        use(behind, a_pack({"organization": {"demo": {"gross_exposure": "880080"}}}, trim=False))
    url = desk.role_url("risk_agent")

    def ask(number: int, ready: Ready) -> str | None:
        with psycopg.connect(url) as conn:
            ready()
            item = an_intent(account_id=ACCOUNTS[number % 2])
            return call(conn, "risk.authorize_intents", item)[0]["code"]

    codes = at_once(range(32), ask)
    assert sorted(codes, key=str) == [None] * 8 + ["TR311"] * 24
