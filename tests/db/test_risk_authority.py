"""Authority under repetition, in batches, under races, and in whose name."""

from __future__ import annotations

import threading
from collections.abc import Generator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from tests.kit import money_sessions
from tests.kit.money import (
    ACCOUNTS,
    a_pack,
    an_intent,
    authorize,
    authorize_one,
    call,
    hold,
    money_database,
    quote_all,
    scalar,
    use,
)
from tests.kit.postgres import Database

desk, conn = money_sessions.desk, money_sessions.conn


@pytest.fixture
def fresh() -> Generator[Database]:
    with money_database() as database:
        yield database


def test_repeating_an_intent_gives_the_recorded_answer_and_reserves_once(conn: Any) -> None:
    intent = an_intent(quantity="2")
    use(conn, a_pack({"order_quantity": "1"}))
    first, second = authorize(conn, intent)[0], authorize(conn, intent)[0]
    assert (first["repeated"], second["repeated"]) == (False, True)
    for key in ("decision", "authorized_quantity", "trimmed_by", "risk_level", "policy_hash"):
        assert first[key] == second[key]
    assert scalar(conn, "select count(*) from risk.reservations") == 1


def test_the_same_intent_twice_in_one_batch_is_judged_once(conn: Any) -> None:
    intent = an_intent()
    answers = authorize(conn, intent, intent)
    assert [answer["repeated"] for answer in answers] == [False, True]
    assert scalar(conn, "select sum(quantity) from risk.reservations") == 1


def test_a_denied_intent_stays_denied_when_the_limits_loosen(conn: Any) -> None:
    intent = an_intent()
    use(conn, a_pack({"spread_bps": "0"}))
    assert authorize(conn, intent)[0]["code"] == "TR319"
    use(conn, a_pack())
    again = authorize(conn, intent)[0]
    assert (again["decision"], again["code"], again["repeated"]) == ("denied", "TR319", True)


def test_the_id_of_another_intent_is_refused(conn: Any) -> None:
    intent = an_intent()
    authorize(conn, intent)
    assert authorize(conn, {**intent, "quantity": "3"})[0]["code"] == "TR337"
    assert scalar(conn, "select count(*) from risk.reservations") == 1


def test_intents_of_one_batch_see_one_another(conn: Any) -> None:
    use(conn, a_pack({"position_quantity": "2.5"}))
    answers = authorize(conn, *(an_intent() for _ in range(4)))
    assert [answer["authorized_quantity"] for answer in answers] == ["1.00", "1.00", "0.50", "0"]
    assert [answer["code"] for answer in answers] == [None, None, None, "TR310"]


def test_rates_count_within_a_batch_and_before_it(conn: Any) -> None:
    use(conn, a_pack({"account": {"*": {"order_rate_per_minute": "3"}}}))
    assert authorize_one(conn)["code"] is None
    answers = authorize(
        conn, an_intent(), an_intent(account_id="paper-2"), an_intent(), an_intent()
    )
    assert [answer["code"] for answer in answers] == [None, None, None, "TR317"]


def test_reservations_on_both_sides_do_not_cancel_out(conn: Any) -> None:
    use(conn, a_pack({"position_quantity": "2"}))
    answers = authorize(
        conn, an_intent(quantity="2"), an_intent(side="SELL", quantity="2"), an_intent(side="SELL")
    )
    assert [answer["code"] for answer in answers] == [None, None, "TR310"]


def test_the_risk_agent_may_authorise_and_nobody_else(desk: Database) -> None:
    with psycopg.connect(desk.role_url("risk_agent")) as mine:
        assert authorize_one(mine)["decision"] == "authorized"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            mine.execute("insert into risk.reservations select * from risk.reservations")
        mine.rollback()
    for role in ("portfolio_agent", "order_agent", "execution_agent", "desk_api"):
        with (
            psycopg.connect(desk.role_url(role)) as other,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            authorize_one(other)


def test_a_message_cannot_claim_that_it_was_approved(conn: Any) -> None:
    intent = an_intent(reason_codes=["BOUND_BY_RISK", "proposal:1234"])
    authorize(conn, intent)
    codes = scalar(conn, "select reason_codes from public.intents")
    assert codes == ["BOUND_BY_RISK"]


@pytest.mark.parametrize("scope", ["account", "organization"])
def test_two_that_race_for_the_last_of_a_budget_never_both_get_it(
    fresh: Database, scope: str
) -> None:
    accounts = ("paper-1", "paper-1") if scope == "account" else ACCOUNTS
    limit = {scope: {"*": {"gross_exposure": "120000"}}}
    with psycopg.connect(fresh.superuser_url) as owner:
        use(owner, a_pack(limit, trim=False))
    started = threading.Event()
    second: dict[str, Any] = {}

    def race() -> None:
        with psycopg.connect(fresh.role_url("risk_agent")) as other:
            started.set()
            second.update(authorize_one(other, account_id=accounts[1]))

    with psycopg.connect(fresh.role_url("risk_agent")) as one:
        first = authorize_one(one, account_id=accounts[0])
        thread = threading.Thread(target=race)
        thread.start()
        started.wait()
        # Only a commit lets the other one look.
        thread.join(0.2)
        assert not second
        one.commit()
        thread.join()
    assert (first["code"], second["code"]) == (None, "TR311")


def test_accounts_whose_wide_budgets_are_unlimited_do_not_wait_for_one_another(
    fresh: Database,
) -> None:
    narrow = ("gross_exposure", "net_exposure", "open_orders", "order_rate_per_minute")
    per_account = dict.fromkeys(narrow, "1000000")
    with psycopg.connect(fresh.superuser_url) as owner:
        use(owner, a_pack({"account": {"*": per_account}}, without=narrow))
    with (
        psycopg.connect(fresh.role_url("risk_agent")) as one,
        psycopg.connect(fresh.role_url("risk_agent")) as two,
    ):
        two.execute("set lock_timeout = '2s'")
        assert authorize_one(one, account_id="paper-1")["code"] is None
        assert authorize_one(two, account_id="paper-2")["code"] is None


def test_expired_intents_give_their_budget_back_exactly_once(conn: Any) -> None:
    authorize_one(conn)
    conn.execute("update public.intents set expires_at = clock_timestamp()")
    assert call(conn, "risk.expire_intents", {})[0]["expired"] == 1
    assert call(conn, "risk.expire_intents", {})[0]["expired"] == 0
    assert scalar(conn, "select state from public.intents") == "expired"
    assert scalar(conn, "select released_by from risk.reservations") == "expiry"
    outcome = "select outcome || ' ' || code from public.alert_outcomes"
    assert scalar(conn, outcome) == "expired TR408"


def test_sizing_facts_count_what_is_reserved_already(conn: Any) -> None:
    hold(conn, "EURUSD", "-1")
    authorize_one(conn, quantity="3")
    (facts,) = call(
        conn,
        "risk.sizing_facts",
        {"symbol": "EURUSD", "account_id": "paper-1", "hypothesis_id": an_intent()["intent_id"]},
    )
    assert Decimal(facts["current_quantity"]) == 2
    assert Decimal(facts["gross_exposure"]) == 220_020
    assert facts["rate"] == "1"
    assert facts["balances"][0]["currency"] == "USD"


POSITION, GROSS = Decimal(3), Decimal(500_000)
_PRICES = {"EURUSD": Decimal("1.1001"), "USDJPY": Decimal(150)}
_STEP = st.tuples(
    st.sampled_from(["authorize", "fill", "release"]),
    st.sampled_from(["EURUSD", "USDJPY"]),
    st.sampled_from(["BUY", "SELL"]),
    st.integers(1, 400),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(_STEP, min_size=1, max_size=14))
def test_no_sequence_of_intents_fills_and_releases_exceeds_a_limit(
    conn: Connection[Any], steps: list[tuple[str, str, str, int]]
) -> None:
    conn.rollback()
    quote_all(conn)
    use(conn, a_pack({"position_quantity": str(POSITION), "gross_exposure": str(GROSS)}))
    for action, symbol, side, cents in steps:
        if action == "authorize":
            price = _PRICES[symbol]
            sign = 1 if side == "BUY" else -1
            authorize_one(
                conn,
                symbol=symbol,
                side=side,
                quantity=str(Decimal(cents) / 100),
                reference_price=str(price),
                stop_loss=str(price * (1 - sign * Decimal("0.01"))),
                take_profit=str(price * (1 + sign * Decimal("0.02"))),
            )
        elif action == "fill":
            _fill_oldest(conn, Decimal(cents) / 100)
        else:
            conn.execute(
                "select risk.release_reservation(intent_id, 'test') from risk.reservations"
                " where released_at is null order by created_at limit 1"
            )
        _assert_within_limits(conn)


def _fill_oldest(conn: Connection[Any], quantity: Decimal) -> None:
    """Move (part of) the oldest reservation into the position, as a fill does."""
    conn.execute(
        "with r as (select intent_id, symbol, side, least(remaining_quantity, %s) as filled"
        "  from risk.reservations where released_at is null order by created_at limit 1),"
        " u as (update risk.reservations k set remaining_quantity = remaining_quantity - r.filled,"
        "  released_at = case when remaining_quantity = r.filled then clock_timestamp() end"
        "  from r where k.intent_id = r.intent_id)"
        " insert into public.positions as p (account_id, symbol, org_id, quantity, average_price)"
        " select 'paper-1', symbol, 'demo', case side when 'BUY' then filled else -filled end, 1"
        "  from r on conflict (account_id, symbol) do update set"
        "  quantity = p.quantity + excluded.quantity,"
        "  average_price = case when p.quantity + excluded.quantity <> 0 then 1 end",
        (quantity,),
    )


def _assert_within_limits(conn: Connection[Any]) -> None:
    rows = conn.execute(
        "select symbol, quantity, buys, sells from ("
        " select s.symbol,"
        "  coalesce((select quantity from public.positions p where p.symbol = s.symbol), 0)"
        "   as quantity,"
        "  coalesce(sum(r.remaining_quantity) filter (where r.side = 'BUY'), 0) as buys,"
        "  coalesce(sum(r.remaining_quantity) filter (where r.side = 'SELL'), 0) as sells"
        " from public.instruments s left join risk.reservations r"
        "  on r.symbol = s.symbol and r.released_at is null group by s.symbol) t"
    ).fetchall()
    values = {"EURUSD": Decimal(110_010), "USDJPY": Decimal(100_000), "EURJPY": Decimal(0)}
    gross = Decimal(0)
    for symbol, quantity, buys, sells in rows:
        worst = max(quantity + buys, sells - quantity)
        assert worst <= POSITION
        gross += worst * values[symbol]
    assert gross <= GROSS + 1
    reserved = scalar(
        conn, "select coalesce(sum(quantity), 0) from risk.reservations where released_at is null"
    )
    authorised = scalar(
        conn,
        "select coalesce(sum(n.authorized_quantity), 0) from public.intents n"
        " join risk.reservations r using (intent_id) where r.released_at is null",
    )
    assert reserved == authorised
