"""The books: double entries under every fill, days that close, positions that fills rebuild."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from backend.db.master_data import add_instruments
from tests.kit.order_flow import (
    a_fill,
    a_report,
    an_order,
    open_attempt,
    order_desk,
    record,
)
from tests.kit.postgres import Database
from tests.kit.trading_desk import add_quote, an_instrument, ask, rows

NO_STOPS = {"stop_loss": None, "take_profit": None}


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with order_desk() as database:
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("set local role desk_owner")
            add_instruments(conn, [an_instrument("USDJPY", tick_size=Decimal("0.001"), digits=3)])
            add_instruments(conn, [an_instrument("EURCHF"), an_instrument("USDCHF")])
        yield database


def trade(
    bridge: Connection[Any], inside: Connection[Any], side: str, price: str, **changes: Any
) -> dict[str, Any]:
    """Fill one lot; what a fill may tell goes to the fill, the rest to the order."""
    told = {k: changes.pop(k) for k in ("profit", "swap", "fee", "commission") if k in changes}
    attempt = open_attempt(bridge, an_order(inside, "1", side, **changes))
    return record(bridge, attempt, a_report("filled", a_fill("1", price, **told)))


def books(inside: Connection[Any]) -> dict[tuple[str, str], Decimal]:
    found = rows(
        inside, "select book, currency, sum(amount) from ledger.entries group by 1, 2 order by 1, 2"
    )
    return {(book, currency): amount for book, currency, amount in found if amount}


def test_a_round_trip_is_in_the_books_to_the_last_digit(
    bridge: Connection[Any], inside: Connection[Any]
):
    trade(bridge, inside, "BUY", "1.1000")
    trade(bridge, inside, "SELL", "1.1020")
    assert books(inside) == {
        ("cash", "USD"): 193,
        ("commission", "USD"): 7,
        ("realized", "USD"): -200,
    }


def test_what_the_venue_says_is_cash_and_what_we_differ_by_is_valuation(
    bridge: Connection[Any], inside: Connection[Any]
):
    trade(bridge, inside, "BUY", "1.1000", profit="0", swap="0", fee="0.5")
    trade(bridge, inside, "SELL", "1.1020", profit="199.97", swap="-1.25", fee="0.5")
    assert books(inside) == {
        ("cash", "USD"): Decimal("199.97") - Decimal("1.25") - 1 - 7,
        ("commission", "USD"): 7,
        ("fee", "USD"): 1,
        ("realized", "USD"): -200,
        ("swap", "USD"): Decimal("1.25"),
        ("valuation", "USD"): Decimal("0.03"),
    }
    ((equity,),) = rows(
        inside, "select equity from risk.account_state where account_id = 'paper-1'"
    )
    assert equity == 100_000 + books(inside)["cash", "USD"]
    assert rows(inside, "select * from ops.broken_ledger_of_fills()") == []


def test_money_of_another_currency_is_converted_at_a_rate_that_stands_beside_it(
    bridge: Connection[Any], inside: Connection[Any]
):
    changes = {"symbol": "USDJPY", "reference_price": Decimal(150), "commission": "0", **NO_STOPS}
    trade(bridge, inside, "BUY", "150.000", **changes)
    trade(bridge, inside, "SELL", "150.300", **changes)
    found = books(inside)
    assert found["realized", "JPY"] == -30_000
    assert found["conversion", "JPY"] == 30_000
    assert (
        found["cash", "USD"] == -found["conversion", "USD"] == round(30_000 / Decimal("150.3"), 8)
    )
    assert {rate for (rate,) in rows(
        inside, "select round(rate, 12) from ledger.entries where book = 'conversion'"
    )} == {round(1 / Decimal("150.3"), 12)}  # fmt: skip


def test_money_without_a_rate_waits_in_its_currency_until_there_is_one(
    bridge: Connection[Any], inside: Connection[Any]
):
    changes = {"symbol": "EURCHF", "commission": "0", **NO_STOPS}
    trade(bridge, inside, "BUY", "0.9500", **changes)
    trade(bridge, inside, "SELL", "0.9510", **changes)
    assert books(inside) == {("realized", "CHF"): -100, ("unconverted", "CHF"): 100}
    assert rows(inside, "select ledger.convert_waiting(now())") == [(0,)]
    inside.execute(
        "insert into public.latest_quotes (venue_id, symbol, bid, ask, quoted_at, received_at)"
        " values ('mt5-paper', 'USDCHF', 0.8, 0.8, now(), now())"
    )
    assert rows(inside, "select ledger.convert_waiting(now())") == [(1,)]
    assert books(inside)["cash", "USD"] == 125
    assert ("unconverted", "CHF") not in books(inside)


def test_a_transaction_that_does_not_balance_does_not_commit(inside: Connection[Any]):
    statement = (
        "insert into ledger.entries (transaction_id, line, org_id, account_id, kind, book,"
        " currency, amount, occurred_at) values"
        " (%s, 0, 'demo', 'paper-1', 'deposit', 'cash', 'USD', 100, now()),"
        " (%s, 1, 'demo', 'paper-1', 'deposit', 'capital', %s, %s, now())"
    )
    same = "019b0000-0000-7000-8000-0000000000aa"
    for currency, amount in (("USD", -99), ("EUR", -100)):
        with pytest.raises(psycopg.Error) as caught, inside.transaction():
            inside.execute(statement, (same, same, currency, amount))
        assert caught.value.sqlstate == "TR422"
    inside.execute(statement, (same, same, "USD", -100))
    with pytest.raises(psycopg.Error) as late:
        inside.execute(
            "insert into ledger.entries (transaction_id, line, org_id, account_id, kind, book,"
            " currency, amount, occurred_at)"
            " values (%s, 2, 'demo', 'paper-1', 'deposit', 'cash', 'USD', 1, now())",
            (same,),
        )
    assert late.value.sqlstate == "TR422"


def test_money_that_moved_without_a_trade_is_posted_once_per_number(inside: Connection[Any]):
    swap = {"account_id": "paper-1", "venue_ref": "77", "kind": "swap", "amount": "-3.21"}
    (first,) = ask(inside, "ledger.post_movements", swap)
    (again,) = ask(inside, "ledger.post_movements", swap)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert books(inside) == {("cash", "USD"): Decimal("-3.21"), ("swap", "USD"): Decimal("3.21")}
    for wrong, code in (
        ({**swap, "amount": "-4"}, "TR419"),
        ({**swap, "venue_ref": "78", "kind": "gift"}, "TR423"),
        ({**swap, "venue_ref": "78", "account_id": "nobody"}, "TR423"),
    ):
        with pytest.raises(psycopg.Error) as caught:
            ask(inside, "ledger.post_movements", wrong)
        assert caught.value.sqlstate == code


def test_a_new_account_begins_with_its_deposit(desk: Database):
    with psycopg.connect(desk.superuser_url) as conn:
        conn.execute(
            "insert into public.accounts (account_id, org_id, venue_id, mode, currency,"
            " starting_balance) values ('paper-9', 'demo', 'mt5-paper', 'paper', 'EUR', 5000)"
        )
        found = rows(
            conn, "select book, currency, amount from ledger.entries where account_id = 'paper-9'"
        )
        conn.rollback()
    assert sorted(found) == [("capital", "EUR", -5000), ("cash", "EUR", 5000)]


def test_a_day_closes_once_and_says_whether_the_venue_agrees(
    bridge: Connection[Any], inside: Connection[Any]
):
    trade(bridge, inside, "BUY", "1.1000")
    inside.execute("set session_replication_role = replica")
    inside.execute("update ledger.entries set posted_at = posted_at - interval '1 day'")
    inside.execute("set session_replication_role = origin")
    inside.execute(
        "insert into ledger.venue_balances (account_id, org_id, balance, equity, as_of)"
        " values ('paper-1', 'demo', -3.5, -3.5, now()), ('paper-2', 'demo', 1, 1, now())"
    )
    add_quote(inside)
    day = "((now() at time zone 'UTC')::date - 1)"
    assert rows(inside, f"select ledger.close_day({day})")[0][0] >= 2
    assert rows(inside, f"select ledger.close_day({day})") == [(0,)]
    found = rows(
        inside,
        "select account_id, opening, closing, movements, difference, state, positions,"
        " unrealized is not null from ledger.statements order by 1",
    )
    assert found[0] == (
        "paper-1", 0, Decimal("-3.5"), {"commission": "-3.5"}, 0, "agreed", [], True,
    )  # fmt: skip
    assert found[1][4:6] == (1, "differs")
    with pytest.raises(psycopg.Error) as caught:
        inside.execute("select ledger.close_day((now() at time zone 'UTC')::date)")
    assert caught.value.sqlstate == "TR424"


def test_open_positions_are_valued_once_and_again_only_by_what_changed(
    bridge: Connection[Any], inside: Connection[Any]
):
    trade(bridge, inside, "BUY", "1.1000", commission="0")
    for bid in ("1.1010", "1.1010", "1.0990"):
        inside.execute("update public.latest_quotes set bid = %s, ask = %s::numeric + 0.0001",
                       (bid, bid))  # fmt: skip
        inside.execute("select ledger.revalue_positions(now())")
        assert books(inside)["unrealized", "USD"] == (Decimal(bid) - Decimal("1.1")) * 100_000
    assert rows(inside, "select count(*) from ledger.entries where book = 'unrealized'") == [(2,)]
    trade(bridge, inside, "SELL", "1.0990", commission="0")
    inside.execute("select ledger.revalue_positions(now())")
    assert ("unrealized", "USD") not in books(inside)


def test_positions_are_rebuilt_from_their_fills_and_the_correction_is_told(
    bridge: Connection[Any], inside: Connection[Any]
):
    for side, price in (("BUY", "1.1000"), ("BUY", "1.1003"), ("SELL", "1.1010")):
        trade(bridge, inside, side, price)
    assert rows(inside, "select ledger.compare_positions(null)") == [([],)]
    before = rows(inside, "select quantity, average_price, realized_pnl, fills from positions")
    inside.execute("update positions set quantity = 7, realized_pnl = 1, fills = 1")
    ((found,),) = rows(inside, "select ledger.rebuild_positions('paper-1', 'a test broke it')")
    assert [(p["held"]["quantity"], p["rebuilt"]["quantity"]) for p in found] == [("7", "1")]
    after = rows(inside, "select quantity, average_price, realized_pnl, fills from positions")
    assert after == before
    assert rows(inside, "select ledger.compare_positions('paper-1')") == [([],)]
    assert rows(inside, "select kind from ops.incidents") == [("positions_rebuilt",)]


def test_exposures_are_cut_by_organisation_and_add_up(
    desk: Database, bridge: Connection[Any], inside: Connection[Any]
):
    trade(bridge, inside, "BUY", "1.1000")
    trade(bridge, inside, "SELL", "1.1000", account_id="paper-2")
    add_quote(inside)
    ((net, gross),) = rows(
        inside, "select sum(net), sum(gross) from ledger.account_exposures where org_id = 'demo'"
    )
    assert net == 0
    assert gross > 200_000
    assert rows(inside, "select quantity from ledger.symbol_exposures") == [(0,)]
    assert rows(
        inside, "select amount from ledger.currency_exposures"
        " where account_id = 'paper-1' and currency = 'EUR'",
    ) == [(100_000,)]  # fmt: skip
    assert rows(inside, "select sum(fills) from ledger.strategy_exposures") == [(2,)]
    with psycopg.connect(desk.superuser_url) as conn:
        conn.execute("set local role treasury_operator")
        for view in ("exposures", "account_exposures", "balances", "strategy_exposures"):
            assert conn.execute(f"select 1 from ledger.{view}".encode()).fetchall() == []
