"""What is read of venues: one that is wrong, or lacks a symbol, costs the others nothing."""

from __future__ import annotations

import json
from typing import Any

from psycopg import Connection

from tests.kit.bridges import Start, reach
from tests.kit.signals import NOW, a_context
from tests.kit.trading_desk import ask, rows
from workers.agents import market_data
from workers.outside import Outside


def read(inside: Connection[Any], outside: Outside, *symbols: str) -> dict[str, Any]:
    """Take one look at every venue, at these symbols."""
    (facts,) = ask(inside, "ops.feed_facts", {"timeframes": list(market_data.TIMEFRAMES)})
    listed = [{"symbol": symbol, "calendar": "forex"} for symbol in symbols]
    context = a_context("market_data")
    return market_data.call_tick(facts | {"instruments": listed, "newest": {}}, context, outside)


def connect(inside: Connection[Any], account_id: str, port: int, login: int) -> None:
    connection = {"terminal": "paper", "port": port, "server_utc_offset_hours": 2}
    inside.execute(
        "update accounts set login = %s, connection = %s where account_id = %s",
        (login, json.dumps(connection), account_id),
    )


def test_a_broker_without_one_of_the_desks_symbols_is_read_for_the_others(
    inside: Connection[Any], outside: Outside, start: Start
):
    start()
    report = read(inside, outside, "NOSUCH", "EURUSD")
    assert {quote["symbol"] for quote in report["quotes"]} == {"EURUSD"}
    assert [account["account_id"] for account in report["accounts"]] == ["paper-1"]
    assert {run["symbol"] for run in report["runs"]} == {"EURUSD"}
    assert report["silent"] == []


def test_beside_a_terminal_only_its_own_accounts_are_read_and_elsewhere_the_others(
    inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start()
    connect(inside, "paper-2", terminal.port, 10_001)
    outside.accounts = ("paper-2",)
    report = read(inside, outside, "EURUSD")
    # Of its venue's accounts another one usually reads the market, and cannot from elsewhere.
    assert [account["account_id"] for account in report["accounts"]] == ["paper-2"]
    assert len(report["quotes"]) == 1
    inside.execute("update accounts set connection = '{}' where account_id = 'paper-2'")


def test_every_account_of_a_venue_is_valued_and_one_that_is_wrong_silences_no_other(
    inside: Connection[Any], outside: Outside, start: Start
):
    terminal = start()
    # The second account's terminal has somebody else logged in.
    connect(inside, "paper-2", terminal.port, 99_999)
    report = read(inside, outside, "EURUSD")
    assert [account["account_id"] for account in report["accounts"]] == ["paper-1"]
    assert len(report["silent"]) == 1
    connect(inside, "paper-2", terminal.port, 10_001)
    report = read(inside, outside, "EURUSD")
    assert [account["account_id"] for account in report["accounts"]] == ["paper-1", "paper-2"]
    # The market is the same for both.
    assert len(report["quotes"]) == 1
    reach(inside, terminal.port)
    inside.execute("update accounts set connection = '{}', login = null where login = 10001")


def test_the_treasury_counts_every_account_whoever_told_of_it(inside: Connection[Any]):
    for account_id, balance in (("paper-1", 100), ("paper-2", 50), ("paper-1", 110)):
        worth = {"balance": balance, "equity": balance, "as_of": NOW.isoformat()}
        ask(inside, "ops.record_accounts", {"account_id": account_id, **worth})
        inside.execute("update ledger.venue_balances set as_of = as_of - interval '1 second'")
    cash = rows(
        inside, "select cash from treasury.balances where (org_id, currency) = ('demo', 'USD')"
    )
    assert cash == [(160,)]
