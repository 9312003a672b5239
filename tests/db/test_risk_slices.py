"""Accounts share a budget by slices: nobody waits, and together they never exceed it."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.kit.money import ACCOUNTS, a_pack, authorize, authorize_one, money_database, use
from tests.kit.money import an_intent as intent_of
from tests.kit.postgres import Database

GROSS = Decimal(1_200_000)
LOT = Decimal("110010")

_SLICES = "select account_id, slices from risk.budget_slices order by account_id"
_BUDGET = "organization.gross_exposure"
_WAITS = "set lock_timeout = '5s'"


@pytest.fixture
def desk() -> Generator[Database]:
    with money_database() as database:
        with psycopg.connect(database.superuser_url) as owner:
            use(owner, a_pack({"organization": {"*": {"gross_exposure": str(GROSS)}}}, trim=False))
        yield database


@pytest.fixture
def sessions(desk: Database) -> Generator[list[Connection[Any]]]:
    with (
        psycopg.connect(desk.role_url("risk_agent")) as one,
        psycopg.connect(desk.role_url("risk_agent")) as two,
    ):
        for session in (one, two):
            session.execute(_WAITS)
            session.commit()
        yield [one, two]


def ask(session: Connection[Any], account: str, lots: str) -> str | None:
    """Ask for so many lots of EURUSD; give the code of the refusal."""
    code = authorize_one(session, account_id=account, quantity=lots)["code"]
    session.commit()
    return code


def everyone_asks(sessions: list[Connection[Any]], lots: str = "0.01") -> None:
    """Let each account ask once, so that each holds a slice."""
    for session, account in zip(sessions, ACCOUNTS, strict=True):
        assert ask(session, account, lots) is None


def slices(desk: Database) -> dict[str, dict[str, Decimal]]:
    """Read what each account may use of the organisation's gross exposure."""
    with psycopg.connect(desk.superuser_url) as conn:
        rows = conn.execute(_SLICES).fetchall()
    return {
        account: {name: Decimal(str(of)) for name, of in held[_BUDGET].items()}
        for account, held in rows
    }


def test_accounts_with_slices_do_not_wait_for_one_another(
    sessions: list[Connection[Any]],
) -> None:
    everyone_asks(sessions)
    # Neither commits: each would wait for the other if they counted each other's books.
    for session, account in zip(sessions, ACCOUNTS, strict=True):
        assert authorize_one(session, account_id=account)["code"] is None


def test_slices_together_are_less_than_the_budget(
    desk: Database, sessions: list[Connection[Any]]
) -> None:
    everyone_asks(sessions)
    held = slices(desk)
    assert set(held) == set(ACCOUNTS)
    total = sum(of["own"] for of in held.values())
    assert total <= GROSS / 4
    for of in held.values():
        assert of["own"] + of["others"] == pytest.approx(total)


def test_what_a_slice_does_not_hold_is_counted_over_everyones_book(
    desk: Database, sessions: list[Connection[Any]]
) -> None:
    everyone_asks(sessions)
    assert slices(desk)["paper-1"]["own"] < 5 * LOT
    assert ask(sessions[0], "paper-1", "5") is None
    assert ask(sessions[1], "paper-2", "5.8") is None
    # 10.82 of 10.908 lots are used: what is left is less than a tenth.
    assert ask(sessions[0], "paper-1", "0.1") == "TR311"
    assert ask(sessions[1], "paper-2", "0.08") is None


def test_a_batch_that_outgrows_its_slice_is_judged_again_as_one(
    sessions: list[Connection[Any]],
) -> None:
    everyone_asks(sessions)
    asked = [intent_of(account_id="paper-1", quantity="3") for _ in range(4)]
    answers = authorize(sessions[0], *asked)
    assert [answer["code"] for answer in answers] == [None, None, None, "TR311"]


def test_a_tighter_policy_ends_the_slices_of_the_one_before(
    desk: Database, sessions: list[Connection[Any]]
) -> None:
    everyone_asks(sessions)
    with psycopg.connect(desk.superuser_url) as owner:
        use(owner, a_pack({"organization": {"*": {"gross_exposure": "3000"}}}, trim=False))
    assert ask(sessions[0], "paper-1", "0.01") == "TR311"


def test_slices_that_are_no_longer_good_are_handed_out_anew(
    desk: Database, sessions: list[Connection[Any]]
) -> None:
    everyone_asks(sessions)
    before = slices(desk)
    with psycopg.connect(desk.superuser_url) as owner:
        owner.execute("update risk.budget_slices set good_until = clock_timestamp()")
    assert ask(sessions[0], "paper-1", "1") is None
    assert slices(desk)["paper-2"]["others"] > before["paper-2"]["others"]


def test_a_budget_with_a_quarter_used_is_counted_whole_each_time(
    desk: Database, sessions: list[Connection[Any]]
) -> None:
    assert ask(sessions[0], "paper-1", "3") is None
    with psycopg.connect(desk.superuser_url) as conn:
        assert conn.execute(_SLICES).fetchall() == [("paper-1", None)]
    assert ask(sessions[1], "paper-2", "7.9") is None
    assert ask(sessions[0], "paper-1", "0.1") == "TR311"


def test_orders_a_minute_are_counted_by_the_second_and_forgotten(desk: Database) -> None:
    with psycopg.connect(desk.superuser_url) as owner:
        use(owner, a_pack({"account": {"*": {"order_rate_per_minute": "2"}}}))
        owner.commit()
        with psycopg.connect(desk.role_url("risk_agent")) as session:
            assert ask(session, "paper-1", "0.1") is None
            assert ask(session, "paper-1", "0.1") is None
            assert ask(session, "paper-1", "0.1") == "TR317"
            owner.execute("update risk.order_rates set second = second - interval '62 seconds'")
            owner.commit()
            assert ask(session, "paper-1", "0.1") is None
