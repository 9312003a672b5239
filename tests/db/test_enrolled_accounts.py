"""A strategy trades at its own account and at those that the pack adds, nowhere else."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from backend.errors import DeskError
from backend.policies import PolicyPack, request_pack
from tests.kit.at_once import Ready, at_once
from tests.kit.money import (
    a_pack,
    an_intent,
    authorize,
    authorize_one,
    hold,
    money_database,
    quote_all,
    scalar,
    use,
)
from tests.kit.postgres import Database

BOTH = {"tv-smc": ("paper-2",)}
ELSEWHERE = {"account_id": "paper-2", "strategy_id": "tv-smc", "venue_id": "mt5-other"}


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database:
        with psycopg.connect(database.superuser_url) as conn:
            second_venue(conn)
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url) as connection:
        quote_all(connection)
        connection.execute("update public.latest_quotes set received_at = clock_timestamp()")
        yield connection
        connection.rollback()


def second_venue(conn: Connection[Any]) -> None:
    """Let paper-2 lie at a venue of its own, which quotes the same."""
    conn.execute("insert into public.venues (venue_id, kind, name) values ('mt5-other','mt5','b')")
    conn.execute("set local session_replication_role = replica")
    conn.execute("update public.accounts set venue_id = 'mt5-other' where account_id = 'paper-2'")
    conn.execute(
        "insert into public.latest_quotes (venue_id, symbol, bid, ask, quoted_at, received_at)"
        " select 'mt5-other', symbol, bid, ask, quoted_at, received_at from public.latest_quotes"
    )
    conn.execute("set local session_replication_role = origin")


def as_operator(conn: Connection[Any], pack: PolicyPack) -> Any:
    conn.execute("set local session authorization desk_operator")
    try:
        return request_pack(conn, pack, applied_by="test")
    finally:
        conn.execute("reset session authorization")


def test_an_account_that_nobody_enrolled_is_denied_and_stays_denied(conn: Any) -> None:
    intent = an_intent(**ELSEWHERE)
    answers = [authorize(conn, intent)[0] for _ in range(2)]
    assert [(a["decision"], a["code"], a["repeated"]) for a in answers] == [
        ("denied", "TR351", False),
        ("denied", "TR351", True),
    ]
    assert "account_enrolled" in {check["limit_kind"] for check in answers[0]["checks"]}
    assert scalar(conn, "select count(*) from risk.reservations") == 0


def test_an_enrolled_account_is_authorised_once_and_reserves_in_its_own_book(conn: Any) -> None:
    use(conn, a_pack(enrolled=BOTH))
    intent = an_intent(**ELSEWHERE)
    first, again = authorize(conn, intent)[0], authorize(conn, intent)[0]
    assert (first["decision"], again["decision"], again["repeated"]) == (
        "authorized",
        "authorized",
        True,
    )
    assert scalar(conn, "select string_agg(account_id, ',') from risk.reservations") == "paper-2"
    # Its own account stays, and the enrolment is the strategy's alone.
    assert authorize_one(conn)["decision"] == "authorized"
    assert authorize_one(conn, strategy_id="tv-two")["code"] == "TR351"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("update public.accounts set mode = 'shadow' where account_id = 'paper-2'", "TR323"),
        ("update public.accounts set state = 'halted' where account_id = 'paper-2'", "TR305"),
        ("update public.venues set state = 'closed' where venue_id = 'mt5-other'", "TR331"),
        ("update public.strategies set state = 'paused' where strategy_id = 'tv-smc'", "TR330"),
        (
            "insert into public.organizations (org_id, name, base_currency)"
            " values ('theirs', 'theirs', 'USD');"
            " update public.accounts set org_id = 'theirs' where account_id = 'paper-2'",
            "TR304",
        ),
    ],
)
def test_enrolment_opens_no_other_door(conn: Any, change: str, code: str) -> None:
    use(conn, a_pack(enrolled=BOTH))
    conn.execute("set local session_replication_role = replica")
    for statement in change.split(";"):
        conn.execute(statement.encode())
    assert authorize_one(conn, **ELSEWHERE)["code"] == code


def test_the_venue_of_another_account_is_not_its_own(conn: Any) -> None:
    use(conn, a_pack(enrolled=BOTH))
    answer = authorize_one(conn, **(ELSEWHERE | {"venue_id": "mt5-paper"}))
    assert answer["decision"] == "denied"


def test_enrolling_waits_for_votes_and_taking_back_does_not(conn: Any) -> None:
    use(conn, a_pack())
    asked = as_operator(conn, a_pack(enrolled=BOTH))
    assert (asked.changed, asked.proposal_id is not None) == (False, True)
    assert authorize_one(conn, **ELSEWHERE)["code"] == "TR351"
    use(conn, a_pack(enrolled={"tv-smc": ("paper-2",), "tv-two": ("paper-1",)}))
    fewer = as_operator(conn, a_pack(enrolled=BOTH))
    assert {(d["path"], d["effect"]) for d in fewer.differences} == {
        ("venues.accounts.tv-two", "tightens")
    }
    assert fewer.changed
    none = as_operator(conn, a_pack())
    assert {d["effect"] for d in none.differences} == {"tightens"}
    assert none.changed
    assert authorize_one(conn, **ELSEWHERE)["code"] == "TR351"


def test_another_account_for_one_that_goes_is_looser(conn: Any) -> None:
    use(conn, a_pack(enrolled={"tv-smc": ("paper-2",)}))
    assert not as_operator(conn, a_pack(enrolled={"tv-smc": ("paper-3",)})).changed


def test_a_pack_from_before_venues_were_known_says_the_same_as_one_without_them(conn: Any) -> None:
    pack = a_pack().canonical
    assert '"venues":null' in pack
    found = conn.execute(
        "select count(*) from risk.compare_policies(%s::jsonb - 'venues', %s::jsonb)", (pack, pack)
    ).fetchone()
    assert found == (0,)


@pytest.mark.parametrize(
    ("kind", "limit", "left"),
    [
        # Of 2 lots, 1.5 are held elsewhere; a lot is 110,010 at these quotes.
        ("position_quantity", "2", "0.5"),
        ("position_notional", "220020", "0.5"),
        ("gross_exposure", "220020", "0.5"),
        ("net_exposure", "220020", "0.5"),
    ],
)
def test_a_strategys_limits_hold_over_all_of_its_accounts(
    conn: Any, kind: str, limit: str, left: str
) -> None:
    limits = {"strategy": {"tv-smc": {kind: limit}}}
    hold(conn, "EURUSD", "1.5", account_id="paper-2")
    use(conn, a_pack(limits))
    assert Decimal(authorize_one(conn)["authorized_quantity"]) == 1
    conn.execute("delete from risk.reservations")
    use(conn, a_pack(limits, enrolled=BOTH))
    assert Decimal(authorize_one(conn)["authorized_quantity"]) == Decimal(left)


def test_orders_of_a_strategy_are_counted_over_all_of_its_accounts(conn: Any) -> None:
    use(conn, a_pack({"strategy": {"tv-smc": {"open_orders": "2"}}}, enrolled=BOTH))
    answers = authorize(
        conn, an_intent(**ELSEWHERE), an_intent(), an_intent(**ELSEWHERE), an_intent()
    )
    assert [answer["code"] for answer in answers] == [None, None, "TR316", "TR316"]


def test_two_accounts_racing_for_a_strategys_budget_never_exceed_it() -> None:
    with money_database() as database:
        with psycopg.connect(database.superuser_url) as conn:
            second_venue(conn)
            limits = {"strategy": {"tv-smc": {"position_quantity": "5"}}}
            use(conn, a_pack(limits, enrolled=BOTH))

        def take(number: int, ready: Ready) -> Decimal:
            with psycopg.connect(database.role_url("risk_agent"), autocommit=True) as own:
                ready()
                where = ELSEWHERE if number % 2 else {}
                answers = [authorize_one(own, **where) for _ in range(3)]
                return sum((Decimal(a["authorized_quantity"]) for a in answers), Decimal(0))

        assert sum(at_once(range(4), take)) == 5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"probability_min": "0.5"}, "least chance"),
        ({"exploration_orders_share": "1.2"}, "0 to 1"),
        ({"draws": 1}, "draws"),
        ({"accounts": {"tv-smc": ["paper-2", "paper-2"]}}, "once"),
        ({"accounts": {"tv-smc": []}}, "once"),
        ({"accounts": {}}, "accounts"),
        ({"depth_assumed": "0"}, "depth_assumed"),
    ],
)
def test_a_pack_whose_bounds_make_no_sense_is_refused(wrong: dict[str, Any], said: str) -> None:
    from backend.policies import parse_pack
    from tests.kit.money import VENUES

    table = a_pack().model_dump(mode="json")
    table["venues"] = {**VENUES, "accounts": {"tv-smc": ["paper-2"]}, **wrong}
    with pytest.raises(DeskError, match=said):
        parse_pack(table, "tests")


@pytest.mark.parametrize("kind", ["position_quantity", "gross_exposure", "open_orders"])
def test_how_full_a_strategys_limit_is_counts_all_of_its_accounts(conn: Any, kind: str) -> None:
    use(conn, a_pack({"strategy": {"tv-smc": {kind: "1000000"}}}, enrolled=BOTH))
    first, last = authorize(conn, an_intent(**ELSEWHERE), an_intent(quantity="2"))
    assert (first["code"], last["code"]) == (None, None)
    (judged,) = conn.execute(
        "select projected from public.risk_checks"
        " where intent_id = %s and limit_kind = %s and scope = 'strategy'",
        (last["intent_id"], kind),
    ).fetchone()
    shown = conn.execute(
        "select used from risk.utilization where kind = %s and scope = 'strategy'", (kind,)
    ).fetchall()
    assert shown == [(judged,)]
