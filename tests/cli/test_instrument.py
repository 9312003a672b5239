"""What may be traded and how it is spelled, from the command line; who and why stay on record."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from backend.contracts.denials import Code
from tests.cli.conftest import Run
from tests.kit.trading_desk import rows

WHY = ("--reason", "the broker said so")


@pytest.fixture(autouse=True)
def _as_before(inside: Connection[Any]) -> Any:
    yield
    inside.execute("delete from instrument_aliases where alias <> 'EURO'")
    inside.execute("update instrument_aliases set symbol = 'EURUSD'")
    inside.execute("delete from instruments where symbol not in ('EURUSD', 'GBPUSD')")
    inside.execute("update instruments set state = 'tradable', state_override = false")


def states(run: Run) -> dict[str, str]:
    return {item["symbol"]: item["state"] for item in run("instrument", "list", "--json").json}


def test_an_instrument_begins_as_new_and_trades_when_someone_says_so(run: Run):
    terms = ("--class", "fx", "--base", "aud", "--quote", "usd", "--digits", "5",
             "--contract-size", "100000", "--pip", "0.0001")  # fmt: skip
    added = run("instrument", "add", "audusd", *terms, *WHY, "--json").json
    assert added == {"symbol": "AUDUSD", "repeated": False}
    assert run("instrument", "add", "AUDUSD", *terms, *WHY, "--json").json["repeated"]
    assert states(run)["AUDUSD"] == "new"
    moved = run("instrument", "state", "AUDUSD", "tradable", *WHY, "--json").json
    assert (moved["before"], moved["state"], moved["override"]) == ("new", "tradable", False)
    shown = run("instrument", "show", "OANDA:AUDUSD.m", "--json").json
    assert (shown["tick_size"], shown["quote_currency"]) == ("0.00001", "USD")
    assert (shown["state_reason"], shown["state_by"]) == ("the broker said so", "desk_operator")


def test_terms_that_cannot_be_are_refused(run: Run):
    terms = ("--class", "fx", "--base", "X", "--quote", "Y", "--digits", "99",
             "--contract-size", "1")  # fmt: skip
    said = run("instrument", "add", "XY", *terms, *WHY)
    assert said.status == 2
    assert "instruments_digits_check" in said.err


@pytest.mark.parametrize(
    ("first", "then"), [("deprecated", "tradable"), ("deprecated", "new"), ("tradable", "new")]
)
def test_against_its_life_an_instrument_moves_by_manual_override_only(
    run: Run, inside: Connection[Any], first: str, then: str
):
    run("instrument", "state", "EURUSD", first, *WHY)
    refused = run("instrument", "state", "EURUSD", then, *WHY, "--json")
    assert refused.status == 2
    assert Code.LIFECYCLE_STEP_MISSING.value in refused.err + refused.out
    moved = run("instrument", "state", "EURUSD", then, "--override", "--reason", "again", "--json")
    assert moved.json["override"]
    ((after, changed_by),) = rows(
        inside,
        "select after, changed_by from audit.changes where table_name = 'public.instruments'"
        " and row_key = 'EURUSD' order by changed_at desc, change_id desc limit 1",
    )
    assert (after["state"], after["state_override"], after["state_reason"]) == (then, True, "again")
    assert (after["state_by"], changed_by) == ("desk_operator", "desk_operator")


def test_a_step_that_was_made_already_changes_nothing(run: Run, inside: Connection[Any]):
    assert run("instrument", "state", "EURUSD", "tradable", *WHY, "--json").json["repeated"]


def test_a_step_needs_an_instrument_a_state_and_a_reason(run: Run):
    assert Code.INSTRUMENT_UNKNOWN.meaning in run("instrument", "state", "NOSUCH", "new", *WHY).err
    assert "no state resting" in run("instrument", "state", "EURUSD", "resting", *WHY).err
    assert run("instrument", "state", "EURUSD", "deprecated", "--reason", " ").status == 2
    assert states(run)["EURUSD"] == "tradable"


def test_a_spelling_is_set_moved_by_override_and_removed(run: Run, inside: Connection[Any]):
    def means(spelling: str) -> str | None:
        said = run("instrument", "show", spelling, "--json")
        return said.json["symbol"] if said.status == 0 else None

    run("instrument", "alias", "set", "eu-ro fx", "EURUSD", *WHY)
    assert means("EUROFX") == "EURUSD"
    refused = run("instrument", "alias", "set", "EUROFX", "GBPUSD", *WHY)
    assert Code.SPELLING_TAKEN.meaning in refused.err
    moved = run("instrument", "alias", "set", "EUROFX", "GBPUSD", "--override", *WHY, "--json").json
    assert (moved["before"], moved["symbol"]) == ("EURUSD", "GBPUSD")
    assert means("EUROFX") == "GBPUSD"
    run("instrument", "alias", "remove", "EUROFX", "--reason", "a mistake")
    assert means("EUROFX") is None
    changes = rows(
        inside,
        "select operation, coalesce(after, before) ->> 'reason' from audit.changes"
        " where table_name = 'public.instrument_aliases' and row_key = 'EUROFX'"
        " order by changed_at, change_id",
    )
    assert [operation for operation, _ in changes] == ["insert", "update", "update", "delete"]
    assert changes[-1][1] == "a mistake"


def test_no_spelling_hides_an_instrument(run: Run):
    said = run("instrument", "alias", "set", "GBP/USD", "EURUSD", "--override", *WHY)
    assert Code.SPELLING_TAKEN.meaning in said.err


def test_a_spelling_may_hold_at_one_exchange_only(run: Run):
    run("instrument", "alias", "set", "xetr:euro", "GBPUSD", *WHY)
    found = [run("instrument", "show", s, "--json").json["symbol"] for s in ("XETR:EURO", "X:EURO")]
    assert found == ["GBPUSD", "EURUSD"]


def test_lists_can_be_narrowed_to_a_state(run: Run):
    run("instrument", "state", "GBPUSD", "watchlist_only", *WHY)
    listed = run("instrument", "list", "--state", "watchlist_only", "--json").json
    assert [item["symbol"] for item in listed] == ["GBPUSD"]
    assert "watchlist_only" in run("instrument", "list").out
