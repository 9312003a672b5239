"""How full each limit is: the figures that authority judges by, per scope, account and symbol."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection

from backend.policies import LIMIT_KINDS, PACKS, apply_pack, load_pack
from tests.kit import money_sessions
from tests.kit.conditions import WORST, measured, scenarios
from tests.kit.governance import as_voter, people
from tests.kit.money import a_pack, authorize_one, hold, use
from tests.kit.postgres import Database

desk, conn = money_sessions.desk, money_sessions.conn


def full(conn: Connection[Any], kind: str, scope: str = "platform") -> dict[str, Any]:
    rows = conn.execute(
        "select subject, used, utilization from risk.utilization where kind = %s and scope = %s",
        (kind, scope),
    ).fetchall()
    return {subject: (used, utilization) for subject, used, utilization in rows}


@pytest.mark.parametrize(
    ("kind", "limit", "used"),
    [
        ("gross_exposure", "440040", "220020"),
        ("open_orders", "4", "1"),
        ("order_rate_per_minute", "10", "1"),
    ],
)
def test_wide_budgets_add_up(conn: Any, kind: str, limit: str, used: str) -> None:
    use(conn, a_pack({kind: limit, "organization": {"*": {kind: limit}}}))
    hold(conn, "EURUSD", "1", account_id="paper-2")
    authorize_one(conn)
    expected = (Decimal(used), Decimal(used) / Decimal(limit))
    assert full(conn, kind) == {"*": expected}
    assert full(conn, kind, "organization") == {"demo": expected}


@pytest.mark.parametrize(
    ("kind", "limit", "subject"),
    [
        ("position_quantity", "4", "EURUSD"),
        ("position_notional", "1000000", "EURUSD"),
        ("concentration_pct", "500", "EURUSD"),
        ("leverage", "5", "paper-1"),
        ("margin_used_pct", "10", "paper-1"),
        ("var_pct", "200", "paper-1"),
        ("scenario_var_pct", "5", "paper-1"),
        ("expected_shortfall_pct", "15", "paper-1"),
        ("open_positions", "4", "paper-1"),
    ],
)
def test_the_figure_is_the_one_that_the_last_order_was_judged_by(
    conn: Any, kind: str, limit: str, subject: str
) -> None:
    scenarios(conn, {"EURUSD": WORST})
    use(conn, a_pack({"account": {"*": {kind: limit}}}))
    answer = authorize_one(conn, quantity="2")
    assert answer["code"] is None
    projected = conn.execute(
        "select projected from public.risk_checks where intent_id = %s and limit_kind = %s"
        " and scope = 'account'",
        (answer["intent_id"], kind),
    ).fetchone()[0]
    used, utilization = full(conn, kind, "account")[subject]
    assert used == pytest.approx(projected, abs=Decimal("0.000001"))
    assert utilization == pytest.approx(projected / Decimal(limit), abs=Decimal("0.000001"))


def test_losses_fill_their_limits(conn: Any) -> None:
    conn.execute("update risk.account_state set equity = 98000 where account_id = 'paper-1'")
    use(conn, a_pack({"daily_loss_hard_pct": "4", "drawdown_pct": "10"}))
    assert full(conn, "daily_loss_hard_pct")["paper-1"] == (2, Decimal("0.5"))
    assert full(conn, "drawdown_pct")["paper-1"] == (2, Decimal("0.2"))


def test_brakes_and_money_with_a_venue_show(conn: Any) -> None:
    measured(conn, "rejection_rate_pct", "venue", "mt5-paper", "5")
    limits = {"rejection_rate_pct": "10", "counterparty_equity": "400000"}
    use(conn, a_pack({"venue": {"*": limits}}))
    assert full(conn, "rejection_rate_pct", "venue") == {"mt5-paper": (5, Decimal("0.5"))}
    assert full(conn, "counterparty_equity", "venue") == {"mt5-paper": (200000, Decimal("0.5"))}


def test_every_limit_of_the_desks_own_pack_is_there(conn: Any) -> None:
    pack = load_pack(PACKS / "default.toml")
    apply_pack(conn, pack, applied_by="tests")
    conn.execute("select risk.renew_measurements('[{\"i\": 0}]')")
    hold(conn, "EURUSD", "1")
    hold(conn, "USDJPY", "1")
    shown = {row[0] for row in conn.execute("select distinct kind from risk.utilization")}
    assert shown == {row["kind"] for row in pack.rows()}
    assert shown <= set(LIMIT_KINDS)


def test_people_see_their_organisations_accounts_only(desk: Database, conn: Any) -> None:
    with people(desk, "ada", org_id=None) as logins:
        as_voter(conn, logins["ada"])
        accounts = "select count(account_id) from risk.utilization"
        assert conn.execute(accounts).fetchone() == (0,)
        conn.rollback()
    with people(desk, "bob") as logins:
        as_voter(conn, logins["bob"])
        assert conn.execute(accounts).fetchone()[0] > 0
        conn.rollback()
