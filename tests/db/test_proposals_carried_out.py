"""What voters allow is carried out once, and only while it is still as it was."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.kit.governance import pass_proposal
from tests.kit.money import a_pack, authorize_one, call, money_database, scalar, use
from tests.kit.postgres import Database

MONEY = {"currency": "USD", "amount": "60000"}
EVIDENCE = {"shadow": "three months without a difference"}


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database:
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    """A session whose work is undone."""
    with psycopg.connect(desk.superuser_url) as session:
        use(session, a_pack(modes=("paper", "live")))
        session.execute(
            "update treasury.balances set cash = 100000, buffer_min = 10000"
            " where org_id = 'demo' and currency = 'USD'"
        )
        yield session
        session.rollback()


def carry_out(conn: Connection[Any], proposal_id: str) -> dict[str, Any]:
    (answer,) = call(conn, "governance.execute_proposals", {"proposal_id": proposal_id})
    return answer


def refusal(conn: Connection[Any], procedure: str, item: dict[str, Any]) -> str | None:
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        call(conn, procedure, item)
    return caught.value.sqlstate


def modes(conn: Connection[Any]) -> tuple[str, str]:
    return (
        scalar(conn, "select mode from public.accounts where account_id = 'paper-2'"),
        scalar(conn, "select mode from public.strategies where strategy_id = 'tv-two'"),
    )


def test_an_account_goes_live_with_its_strategies_by_a_passed_vote_once(conn: Any) -> None:
    proposal_id = pass_proposal(conn, "go_live", "paper-2", evidence=EVIDENCE)
    assert carry_out(conn, proposal_id)["repeated"] is False
    assert modes(conn) == ("live", "live")
    assert carry_out(conn, proposal_id)["repeated"] is True


@pytest.mark.parametrize("table", ["accounts", "strategies"])
def test_nobody_becomes_live_without_a_vote(conn: Any, table: str) -> None:
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        conn.execute(f"update public.{table} set mode = 'live' where account_id = 'paper-2'")
    assert caught.value.sqlstate == "TR512"


def test_an_old_vote_does_not_let_an_account_go_live_again(conn: Any) -> None:
    proposal_id = pass_proposal(conn, "go_live", "paper-2", evidence=EVIDENCE)
    conn.execute("select governance.record_event(%s, 'executed', '{}')", (proposal_id,))
    conn.commit()
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        conn.execute("update public.accounts set mode = 'live' where account_id = 'paper-2'")
    assert caught.value.sqlstate == "TR512"


def test_an_account_that_holds_something_does_not_go_live(conn: Any) -> None:
    proposal_id = pass_proposal(conn, "go_live", "paper-2", evidence=EVIDENCE)
    assert authorize_one(conn, account_id="paper-2")["code"] is None
    item = {"proposal_id": proposal_id}
    assert refusal(conn, "governance.execute_proposals", item) == "TR517"
    assert modes(conn) == ("paper", "paper")


def test_an_account_does_not_go_live_under_a_pack_for_paper_alone(conn: Any) -> None:
    use(conn, a_pack(modes=("paper",)))
    proposal_id = pass_proposal(conn, "go_live", "paper-2", evidence=EVIDENCE)
    item = {"proposal_id": proposal_id}
    assert refusal(conn, "governance.execute_proposals", item) == "TR512"


def test_a_passed_buy_back_becomes_an_instruction_and_sets_its_cash_aside(conn: Any) -> None:
    first = pass_proposal(conn, "buyback", "first", payload=MONEY)
    assert carry_out(conn, first)["repeated"] is False
    second = pass_proposal(conn, "buyback", "second", payload=MONEY)
    # 90,000 may be spent; what the first will take is no longer there for the second.
    item = {"proposal_id": second}
    assert refusal(conn, "governance.execute_proposals", item) == "TR512"
    done = {"proposal_id": first, "state": "withdrawn", "reference": "price moved"}
    call(conn, "treasury.settle_instructions", done)
    assert carry_out(conn, second)["repeated"] is False


def test_an_instruction_ends_once_and_with_a_reference(conn: Any) -> None:
    proposal_id = pass_proposal(conn, "mint", "supply", payload=MONEY)
    carry_out(conn, proposal_id)
    item = {"proposal_id": proposal_id, "state": "done"}
    assert refusal(conn, "treasury.settle_instructions", item) == "TR507"
    done = item | {"reference": "transfer 7"}
    for _ in range(2):
        (answer,) = call(conn, "treasury.settle_instructions", done)
        assert (answer["state"], answer["reference"]) == ("done", "transfer 7")
    other = item | {"reference": "transfer 8"}
    assert refusal(conn, "treasury.settle_instructions", other) == "TR502"
    changes = "select count(*) from audit.changes where table_name = 'treasury.instructions'"
    assert scalar(conn, changes) == 2
