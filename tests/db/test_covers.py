"""A cover that failed is asked for again and traded once, by the same authority as anything."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from backend.contracts.orders import FillEvent
from backend.contracts.portfolio import CoverIntent
from backend.policies import PolicyPack, parse_pack
from tests.kit.messages import a_fill as a_fill_event
from tests.kit.money import (
    a_pack,
    authorize,
    call,
    children_of,
    money_database,
    quote_all,
    scalar,
    use,
)
from tests.kit.order_flow import a_fill, a_report, an_order, open_attempt, record
from tests.kit.postgres import Database
from tests.kit.signals import a_context, a_message
from workers.agent import Context, Decision, RowMessage
from workers.agents import hedger, risk

HEDGING = {
    "residual_max": "0.5",
    "residual_target": "0.1",
    "betas": "measured",
    "correlation_min": "0.6",
    "beta_max": "3",
    "stop_sigmas": "2",
    "take_sigmas": "4",
    "tries_max": 3,
    "tries_window_s": 120,
    "retry_after_s": 5,
    "baskets": [
        {"name": "euro", "hedge_symbol": "EURUSD", "betas": {"EURUSD": "1", "EURJPY": "0.5"}}
    ],
}


def hedging_pack(**changes: Any) -> PolicyPack:
    table = a_pack().model_dump(mode="json") | {"hedging": {**HEDGING, **changes}}
    return parse_pack(table, "tests")


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database:
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url) as connection:
        quote_all(connection)
        use(connection, hedging_pack())
        yield connection
        connection.rollback()


def bought(conn: Connection[Any], quantity: str, symbol: str = "EURUSD") -> FillEvent:
    """Fill an order in full; return its fill as the hedger hears it."""
    order_id = an_order(conn, quantity, symbol=symbol)
    filled = a_fill(quantity)
    record(conn, open_attempt(conn, order_id), a_report("filled", filled))
    return a_fill_event(
        fill_id=filled["fill_id"], order_id=order_id, account_id="paper-1", symbol=symbol,
        side="BUY", strategy_id="tv-smc",
    )  # fmt: skip


def hear(conn: Connection[Any], *heard: FillEvent | RowMessage) -> list[Decision]:
    """Let the hedger decide on a batch and make its effects true."""
    messages = [m if isinstance(m, RowMessage) else a_message(m) for m in heard]
    facts = call(conn, hedger.FACTS, *map(hedger.ask, messages))
    decisions: list[Decision] = []
    for message, told in zip(messages, facts, strict=True):
        origin = message.msg_id if isinstance(message, RowMessage) else uuid4()
        base = a_context("hedger")
        context = Context(base.agent, base.now, 7, origin, base.origin_at)
        decisions.append(hedger.handle(message, told, context))
    for decision in decisions:
        for effect in decision.effects:
            call(conn, effect.procedure, effect.item)
    return decisions


def tick(conn: Connection[Any]) -> list[RowMessage]:
    """Let the hedger look of its own accord; return the rows that it is handed then."""
    conn.execute("delete from bus.deliveries where agent = 'hedger'")
    (facts,) = call(conn, hedger.TICK_FACTS, {})
    for effect in hedger.handle_tick(facts, a_context("hedger")).effects:
        call(conn, effect.procedure, effect.item)
    return [
        RowMessage("residual", row[0], row[0], row[1], row[2], row[3], a_context("hedger").now)
        for row in conn.execute(
            "select msg_id, correlation_id, org_id, ordering_key from bus.deliveries"
            " where agent = 'hedger' and row_kind = 'residual'"
        )
    ]


def intent_of(decision: Decision) -> CoverIntent:
    intent = decision.emissions[0].payload
    assert isinstance(intent, CoverIntent)
    return intent


def judge(conn: Connection[Any], intent: CoverIntent) -> dict[str, Any]:
    """Ask for authority as the risk agent does."""
    (answer,) = authorize(conn, risk.ask(a_message(intent)))
    return answer


def answered(conn: Connection[Any], intent: CoverIntent, report: dict[str, Any]) -> None:
    """Send an authorised cover and record what the venue said."""
    children = children_of(str(intent.intent_id), str(intent.quantity))
    call(conn, "execution.open_orders", children)
    order_id = children["children"][0]["order_id"]
    record(conn, open_attempt(conn, order_id), report)


def later(conn: Connection[Any], seconds: int = 10) -> None:
    """Let the tries be that much older."""
    conn.execute(
        "update execution.covers set asked_at = asked_at - %s * interval '1 second'", (seconds,)
    )


def test_rejected_cover_is_asked_for_again_and_covered_once(conn: Connection[Any]):
    assert tick(conn) == []
    (decision,) = hear(conn, bought(conn, "1"))
    first = intent_of(decision)
    later(conn)
    assert tick(conn) == []  # on its way to authority
    assert judge(conn, first)["decision"] == "authorized"
    assert tick(conn) == []  # authorised, and not filled yet
    answered(conn, first, a_report("rejected", code="TR405", final=True))
    (row,) = tick(conn)
    assert tick(conn) == []  # just handed on
    (decision,) = hear(conn, row)
    second = intent_of(decision)
    assert second.intent_id != first.intent_id
    assert (second.quantity, second.side) == (first.quantity, first.side)
    assert (second.reduce_only, second.covers_fill_id) == (True, first.covers_fill_id)
    # The same residual handed on twice by two workers finds the first one's cover.
    (again,) = hear(conn, row)
    assert again.emissions == ()
    assert judge(conn, second)["decision"] == "authorized"
    answered(conn, second, a_report("filled", a_fill(str(second.quantity))))
    later(conn)
    assert tick(conn) == []
    held = scalar(conn, "select quantity from positions where symbol = 'EURUSD'")
    assert held == 1 - first.quantity
    assert scalar(conn, "select count(*) from execution.covers") == 2


def test_partly_filled_and_denied_covers_leave_the_rest_to_the_next_try(conn: Connection[Any]):
    (decision,) = hear(conn, bought(conn, "1"))
    first = intent_of(decision)
    judge(conn, first)
    answered(conn, first, a_report("canceled", a_fill("0.3"), final=True))
    later(conn)
    (row,) = tick(conn)
    (decision,) = hear(conn, row)
    second = intent_of(decision)
    assert second.quantity == first.quantity - Decimal("0.3")
    quote_all(conn, age_s=100)
    assert judge(conn, second)["decision"] == "denied"
    quote_all(conn)
    later(conn)
    (row,) = tick(conn)
    assert intent_of(hear(conn, row)[0]).quantity == second.quantity
    later(conn)
    assert tick(conn) == []  # its message may still be heard
    later(conn, 66)
    assert tick(conn) == []  # three tries within two minutes are all there are
    later(conn, 60)
    assert len(tick(conn)) == 1


def test_halt_lets_no_try_be_spent_and_its_end_lets_the_residual_be_covered(conn: Connection[Any]):
    bought(conn, "1")
    halt = {"halt_id": str(uuid4()), "scope": "strategy", "scope_id": "tv-smc", "reason": "test"}
    call(conn, "governance.record_halts", halt)
    assert tick(conn) == []
    assert scalar(conn, "select count(*) from execution.covers") == 0
    conn.execute("update governance.halts set lifted_at = clock_timestamp(), lifted_by = 'tests'")
    assert len(tick(conn)) == 1


def test_fills_of_one_batch_are_covered_together(conn: Connection[Any]):
    fills = [bought(conn, "0.6"), bought(conn, "0.4")]
    former, last = hear(conn, *fills)
    assert former.outcome == "none"
    assert intent_of(last).quantity == Decimal("0.90")
    # Before anybody judged it, the next fill finds it as good as filled.
    (another,) = hear(conn, bought(conn, "0.1"))
    assert another.outcome == "none"


def test_measured_hedge_of_another_symbol_gets_authority_because_it_has_a_stop(
    conn: Connection[Any],
):
    conn.execute(
        "insert into risk.scenarios (symbol, returns, correlations, first_day, last_day,"
        " good_until) values ('EURUSD', '{0.01}', %s, now(), now(), now() + interval '1 day')",
        (Jsonb({"EURJPY": "0.8"}),),
    )
    conn.execute(
        "insert into risk.volatilities (symbol, sigma, good_until) values"
        " ('EURUSD', 0.005, now() + interval '1 day'), ('EURJPY', 0.01, now() + interval '1 day')"
        " on conflict (symbol) do update set sigma = excluded.sigma,"
        " good_until = excluded.good_until"
    )
    (decision,) = hear(conn, bought(conn, "1", "EURJPY"))
    intent = intent_of(decision)
    assert (intent.symbol, intent.side, intent.reduce_only) == ("EURUSD", "SELL", False)
    # 0.8 x 0.01 / 0.005 instead of the pack's 0.5; one lot of EURJPY is worth one of EURUSD.
    assert abs(intent.quantity - Decimal("1.51")) <= Decimal("0.01")
    assert intent.stop_loss is not None
    assert judge(conn, intent)["decision"] == "authorized"
    use(conn, hedging_pack(correlation_min="0.9"))
    (row,) = tick(conn)
    own = intent_of(hear(conn, row)[0])
    assert (own.symbol, own.reduce_only) == ("EURJPY", True)


def uncovered(conn: Connection[Any]) -> list[tuple[Any, ...]]:
    """Give the state of each residual that was to be covered, as people see it."""
    return conn.execute(
        "select account_id, symbol, state, last_code from ledger.cover_exposures"
    ).fetchall()


def test_tries_that_run_out_are_told_to_people_until_the_residual_is_covered(
    conn: Connection[Any],
):
    (decision,) = hear(conn, bought(conn, "1"))
    for left in (2, 1, 0):
        quote_all(conn, age_s=100)
        assert judge(conn, intent_of(decision))["code"] == "TR303"
        quote_all(conn)
        later(conn)
        for row in tick(conn):
            (decision,) = hear(conn, row)
        assert (scalar(conn, "select count(*) from ops.incidents") == 1) is (left == 0)
    assert tick(conn) == []
    incident = conn.execute(
        "select kind, subject, severity, state, detail from ops.incidents"
    ).fetchall()
    ((kind, subject, severity, state, detail),) = incident
    assert (kind, subject, severity, state) == (
        "COVER_TRIES_SPENT", "paper-1/EURUSD", "CRITICAL", "open",
    )  # fmt: skip
    assert (detail["tries"], detail["last_code"]) == (3, "TR303")
    assert "by hand" in detail["todo"]
    assert uncovered(conn) == [("paper-1", "EURUSD", "uncovered", "TR303")]
    ((title, audience),) = conn.execute("select title, audience from ops.notices").fetchall()
    assert (title, audience) == ("EURUSD at paper-1 is not covered", "desk_operator")
    # The window moves on, and it is asked for again: on its way, it is not covered yet.
    later(conn, 120)
    (row,) = tick(conn)
    (decision,) = hear(conn, row)
    tick(conn)
    assert scalar(conn, "select state from ops.incidents") == "open"
    cover = intent_of(decision)
    assert judge(conn, cover)["decision"] == "authorized"
    answered(conn, cover, a_report("filled", a_fill(str(cover.quantity))))
    tick(conn)
    assert conn.execute("select state, closed_at is null from ops.incidents").fetchall() == [
        ("closed", False)
    ]
    assert scalar(conn, "select count(*) from ops.notices") == 1
    assert [row[2] for row in uncovered(conn)] != ["uncovered"]
