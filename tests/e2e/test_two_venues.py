"""A strategy with two accounts at two paper terminals: both fill, what it cost can be read back."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Generator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from psycopg.rows import dict_row

from backend.bootstrap import DEMO_BOOK, TERMINAL_UTC_OFFSET_HOURS
from backend.db.master_data import add_book
from backend.domain.market.alerts import MarketState, plan_alerts, write_alert
from backend.policies import PACKS, apply_pack, parse_pack
from backend.ports import SystemClock
from backend.settings import CHECKOUT
from research.load.market import market_states
from tests.kit.desk_run import DeskRun, standing_desk
from tests.kit.homes import environment_for, until
from tests.kit.money import VENUES, call
from workers.replaying import replay
from workers.venue_choice import read_choice

ALERTS = 40
SECOND = replace(DEMO_BOOK, account_id="paper-second", venue_id="second", login=10_002)
BOUNDS = VENUES | {
    "counterparty_notional_free": "50000000",
    "counterparty_notional_max": "90000000",
    "exploration_orders_share": "0.5",
    "exploration_notional_share": "0.6",
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@contextlib.contextmanager
def second_terminal(desk: DeskRun) -> Generator[int]:
    """Run another terminal beside the desk's own; its port."""
    home = desk.home / "terminal" / "second"
    home.mkdir(parents=True)
    argv = [sys.executable, "-m", "backend.paper_terminal", "--home", str(home), "--port", "0"]
    argv += ["--account-login", str(SECOND.login), "--margin-mode", "netting", "--leverage", "500"]
    argv += ["--server-utc-offset-hours", str(TERMINAL_UTC_OFFSET_HOURS)]
    process = subprocess.Popen(
        argv,
        cwd=CHECKOUT,
        env=environment_for(desk.home),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"]
    finally:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def alone() -> Generator[DeskRun]:
    with standing_desk() as standing:
        yield standing


@pytest.fixture(scope="module")
def markets(alone: DeskRun) -> list[MarketState]:
    with alone.session() as conn:
        return market_states(conn)


@pytest.fixture(scope="module")
def desk(alone: DeskRun, markets: list[MarketState]) -> Generator[DeskRun]:
    with second_terminal(alone) as port:
        table = tomllib.loads((PACKS / "demo.toml").read_text())
        table["venues"] = BOUNDS | {"accounts": {DEMO_BOOK.strategy_id: [SECOND.account_id]}}
        with alone.session() as conn:
            conn.execute("set local role desk_owner")
            connection = {
                "terminal": "paper",
                "host": "127.0.0.1",
                "port": port,
                "server_utc_offset_hours": TERMINAL_UTC_OFFSET_HOURS,
            }
            add_book(conn, replace(SECOND, connection=connection))
            apply_pack(conn, parse_pack(table, "tests"), applied_by="tests")
        until(lambda: _healthy(alone), "both venues are healthy", 90)
        yield alone


def _healthy(desk: DeskRun) -> bool:
    found = desk.ask(
        "select count(*) from execution.venue_health h join risk.account_state s on true"
        " where h.symbol = 'EURUSD' and h.fill_confidence > 0.5"
    )
    return found[0][0] >= 4


def rows(desk: DeskRun, query: str, *parameters: Any) -> list[dict[str, Any]]:
    with desk.session() as conn, conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


def test_orders_are_filled_where_they_were_drawn_to_and_tell_what_it_cost(
    desk: DeskRun, markets: list[MarketState]
) -> None:
    for plan in plan_alerts(7, ALERTS, markets, duplicate_share=0):
        desk.post(write_alert(plan, f"t-{uuid4()}", SystemClock().now()).body)
    desk.settles()
    chosen = rows(
        desk,
        "select o.correlation_id, o.account_id, o.propensity, f.account_id as filled_at"
        "  from public.opportunities o"
        "  join public.fills f on f.correlation_id = o.correlation_id where o.selected",
    )
    filled = len({one["correlation_id"] for one in chosen})
    assert filled > ALERTS / 4
    assert all(one["account_id"] == one["filled_at"] for one in chosen)
    assert {one["account_id"] for one in chosen} == {DEMO_BOOK.account_id, SECOND.account_id}
    assert all(one["propensity"] > 0 for one in chosen)
    assert_told(desk, filled)
    assert_booked(desk)


def assert_told(desk: DeskRun, filled: int) -> None:
    """Read every choice back from its trace with its cost, and decide it again."""

    def read() -> list[dict[str, Any]]:
        with desk.session() as conn:
            (answer,) = call(conn, "execution.venue_choice_rows", {"rows_max": 1_000})
        return answer["rows"]

    # Feedback compares orders a moment after they are closed.
    told = until(lambda: found if len(found := read()) >= filled else None, "all are told", 30)
    assert told is not None
    for row in told:
        cost = None if row["cost_bps"] is None else -float(row["cost_bps"])
        case = read_choice(row["venues"], row["features"], cost)
        assert case is not None
        assert sum(case.chances.values()) == 1
        assert case.chances[case.venue_id] == Decimal(row["features"]["venue.propensity"])
    assert sum(row["cost_bps"] is not None for row in told) == filled
    traces = rows(desk, "select * from public.decision_traces where agent = 'strategy_router'")
    routed = [trace for trace in traces if "venue.chosen" in trace["decision"]["features"]]
    assert len(routed) >= filled
    for trace in routed:
        (event,) = rows(desk, "select * from bus.events where msg_id = %s", trace["msg_id"])
        assert replay(trace, event).same


def assert_booked(desk: DeskRun) -> None:
    """Compare positions with fills, account by account."""
    for row in rows(
        desk,
        "select p.account_id, p.quantity, sum(f.quantity * case f.side when 'BUY' then 1 else -1"
        " end) as filled from public.positions p"
        " join public.fills f on f.account_id = p.account_id and f.symbol = p.symbol"
        " group by p.account_id, p.symbol, p.quantity",
    ):
        assert row["quantity"] == row["filled"]


def test_an_agent_cannot_send_a_strategys_order_to_an_account_that_is_not_enrolled(
    desk: DeskRun,
) -> None:
    with desk.session() as conn:
        conn.execute("set local role desk_owner")
        table = tomllib.loads((PACKS / "demo.toml").read_text())
        apply_pack(conn, parse_pack(table, "tests"), applied_by="tests")
        conn.execute("reset role")
        item = {
            "intent_id": str(uuid4()), "kind": "allocate", "correlation_id": str(uuid4()),
            "org_id": DEMO_BOOK.org_id, "account_id": SECOND.account_id,
            "strategy_id": DEMO_BOOK.strategy_id, "venue_id": SECOND.venue_id,
            "symbol": "EURUSD", "side": "BUY", "order_type": "market", "mode": "paper",
            "quantity": "0.01", "reference_price": "1.1", "stop_loss": "1.09",
            "take_profit": "1.13", "reduce_only": False, "latency_class": "immediate",
            "exposure_deltas": [], "reason_codes": [],
        }  # fmt: skip
        conn.execute("set local session authorization risk_agent")
        (answer,) = call(conn, "risk.authorize_intents", item)
        assert (answer["decision"], "TR351" in json.dumps(answer["checks"])) == ("denied", True)
        conn.execute("reset session authorization")
        conn.rollback()
