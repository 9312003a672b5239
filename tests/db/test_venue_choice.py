"""Alerts through the real agents, a strategy with two accounts at two venues: chosen, learned."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from backend.bootstrap import declare
from backend.contracts.message import decode
from backend.db.gateway import connect
from backend.db.master_data import add_source
from backend.keys import load_key
from backend.ports import SystemClock
from tests.kit.governance import a_vote, as_voter, open_proposal, people
from tests.kit.money import a_pack, call, hold, money_database, use
from tests.kit.postgres import Database
from tests.kit.trading_desk import BOOK, TOKEN, post
from workers.agent import Context, load
from workers.agents import strategy_router
from workers.declare import declarations
from workers.host import Host
from workers.jobs.venue_model import learn_now
from workers.replaying import replay
from workers.venue_choice import read_choice

CHAIN = (
    "intake", "normalizer", "rationale_scorer", "strategy_analyst", "strategy_router",
    "portfolio", "risk", "policy_guard", "order",
)  # fmt: skip
ENROLLED = {"tv-smc": ("paper-2",)}
WAIT_S = 30
LOGGED = 2_000

pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True)
class Venues:
    """A desk whose agents run, up to the orders that they open."""

    database: Database
    keys: Path

    @contextmanager
    def behind(self) -> Generator[Connection[Any]]:
        """Lend a superuser's session that nothing hinders."""
        with psycopg.connect(self.database.superuser_url, autocommit=True) as conn:
            conn.execute("set session_replication_role = replica")
            yield conn

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Read as the superuser."""
        with (
            psycopg.connect(self.database.superuser_url) as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(query.encode(), parameters).fetchall()

    def refresh(self) -> None:
        """Let quotes and money be of this moment, and the overseer see it."""
        with self.behind() as conn:
            conn.execute("update public.latest_quotes set received_at = clock_timestamp()")
            conn.execute("update risk.account_state set as_of = clock_timestamp()")
            conn.execute("update treasury.balances set as_of = clock_timestamp()")
        done = threading.Event()
        for _ in range(WAIT_S * 20):
            if not self.rows(
                "select 1 from public.latest_quotes q left join execution.venue_health h"
                " on h.venue_id = q.venue_id and h.symbol = q.symbol"
                " where q.symbol = 'EURUSD' and (h.fill_confidence > 0.5) is not true"
            ):
                return
            done.wait(0.05)
        raise AssertionError("no venue became healthy")

    def decided(self) -> dict[str, Any]:
        """Post an alert and return the router's trace once the alert is an order, or ended."""
        self.refresh()
        body = json.dumps({"ticker": "EURUSD", "action": "buy", "interval": "15",
                           "id": str(uuid4())}).encode()  # fmt: skip
        with psycopg.connect(self.database.role_url("desk_api"), autocommit=True) as conn:
            alert_id = post(conn, body)["alert_id"]
            conn.execute("select bus.wake(array['intake'])")
        done = threading.Event()
        for _ in range(WAIT_S * 20):
            if self.rows(
                "select 1 from public.orders where correlation_id = %s union all"
                " select 1 from public.alert_outcomes where correlation_id = %s",
                alert_id,
                alert_id,
            ):
                return self.rows(
                    "select * from public.decision_traces"
                    " where agent = 'strategy_router' and correlation_id = %s",
                    alert_id,
                )[0]
            done.wait(0.05)
        told = self.rows("select agent, outcome, explanation from public.decision_traces"
                         " where correlation_id = %s order by decided_at", alert_id)  # fmt: skip
        raise AssertionError(f"the alert did not get on: {told}")

    def event(self, trace: dict[str, Any]) -> dict[str, Any] | None:
        """Return the message that a trace decided on."""
        found = self.rows("select * from bus.events where msg_id = %s", trace["msg_id"])
        return found[0] if found else None


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Venues]:
    keys = tmp_path_factory.mktemp("desk") / "keys"
    with money_database() as database, people(database, "alice"):
        with psycopg.connect(database.superuser_url) as conn:
            second_venue(conn)
            conn.execute("set local role desk_owner")
            add_source(conn, "tv", BOOK, TOKEN, 6_000, 300_000)
        with psycopg.connect(database.owner_url, autocommit=True) as conn:
            declare(conn, keys, declarations(), SystemClock().now())
        names = (*CHAIN, "execution_overseer")
        urls = {f"{name}_agent": database.role_url(f"{name}_agent") for name in names}
        host = Host(
            [load(name) for name in names],
            {name: load_key(keys, name) for name in names},
            lambda role: connect(urls[role]),
            SystemClock(),
            None,
            "test",
        )
        host.start()
        try:
            yield Venues(database, keys)
        finally:
            host.stop()


@pytest.fixture
def desk(running: Venues) -> Venues:
    """Lend the desk with fresh quotes and money, nothing held, and both accounts enrolled."""
    with running.behind() as conn:
        conn.execute("truncate public.positions, risk.reservations, governance.halts cascade")
        for model in running.rows("select model from execution.venue_models"):
            conn.execute("delete from execution.venue_models where model = %s", (model["model"],))
    with psycopg.connect(running.database.superuser_url) as conn:
        use(conn, a_pack(enrolled=ENROLLED))
    return running


def second_venue(conn: Connection[Any]) -> None:
    """Let paper-2 lie at a venue of its own, where crossing costs twice as much."""
    conn.execute("insert into public.venues (venue_id, kind, name) values ('mt5-dear','mt5','b')")
    conn.execute("set local session_replication_role = replica")
    conn.execute("update public.accounts set venue_id = 'mt5-dear' where account_id = 'paper-2'")
    conn.execute(
        "insert into public.latest_quotes (venue_id, symbol, bid, ask, quoted_at, received_at)"
        " select 'mt5-dear', symbol, bid - (ask - bid) / 2, ask + (ask - bid) / 2, quoted_at,"
        " received_at from public.latest_quotes"
    )
    conn.execute(
        "insert into risk.volatilities (symbol, sigma, good_until)"
        " values ('EURUSD', 0.006, now() + interval '1 day')"
        " on conflict (symbol) do update set sigma = excluded.sigma,"
        " good_until = excluded.good_until"
    )
    conn.execute("set local session_replication_role = origin")


def chosen(trace: dict[str, Any]) -> dict[str, str]:
    return {
        name.removeprefix("venue."): told
        for name, told in trace["decision"]["features"].items()
        if name.startswith("venue.")
    }


def assert_replayed(desk: Venues, trace: dict[str, Any]) -> None:
    """Decide every step of the alert again and compare, bit for bit."""
    traces = desk.rows(
        "select * from public.decision_traces where correlation_id = %s", trace["correlation_id"]
    )
    assert {one["agent"] for one in traces} <= set(CHAIN)
    assert all(replay(one, desk.event(one)).same for one in traces)


def test_a_choice_is_drawn_recorded_explained_and_replays_bit_for_bit(desk: Venues) -> None:
    trace = desk.decided()
    told = chosen(trace)
    # Nothing is known of either venue yet: the first by name, and no budget to explore.
    assert told | {"quantity": "", "notional": ""} == {
        "chosen": "mt5-dear",
        "best": "mt5-dear",
        "propensity": "1",
        "explored": "false",
        "model": "initial",
        "quantity": "",
        "notional": "",
        "accounts": "mt5-paper=paper-1,mt5-dear=paper-2",
        "at.mt5-dear": "1",
        "at.mt5-paper": "0",
    }
    assert (
        "Venue mt5-dear was drawn as the cheapest expected by model initial"
        in (trace["explanation"])
    )
    correlation = trace["correlation_id"]
    (order,) = desk.rows("select * from public.orders where correlation_id = %s", correlation)
    assert (order["account_id"], order["venue_id"]) == ("paper-2", "mt5-dear")
    assert order["quantity"] <= float(told["quantity"])
    (kept,) = desk.rows("select * from public.opportunities where correlation_id = %s", correlation)
    assert (kept["account_id"], kept["propensity"], kept["explored"]) == ("paper-2", 1, False)
    assert_replayed(desk, trace)


def test_what_is_learned_is_judged_voted_on_and_chooses_the_cheaper_venue(
    desk: Venues, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_choices(desk, desk.decided())
    desk.database.role_url("housekeeping_agent")
    secret = desk.database.handle.home.secret("kit-housekeeping_agent")
    (desk.keys / "passwords.json").write_text(json.dumps({"housekeeping_agent": secret}))
    monkeypatch.setenv("DATABASE_URL", desk.database.superuser_url)
    monkeypatch.setenv("DESK_HOME", str(desk.keys.parent))
    monkeypatch.setenv("DESK_KEYS", str(desk.keys))
    assert learn_now().endswith(f"{LOGGED // 2} choices: better")
    (model,) = desk.rows("select * from execution.venue_models")
    gain = model["evaluation"]["off_policy_bps"]["gain"]
    assert 0 < gain["low"] < gain["value"]
    assert model["state"] == "candidate"
    # Until the voters say so, it chooses nothing.
    assert chosen(desk.decided())["model"] == "initial"
    with psycopg.connect(desk.database.superuser_url) as conn:
        assert vote_for(conn, desk, model["model"]) == "executed"
    trace = desk.decided()
    told = chosen(trace)
    assert (told["best"], told["model"]) == ("mt5-paper", model["model"])
    assert told["chosen"] == "mt5-paper"
    assert_replayed(desk, trace)
    (order,) = desk.rows(
        "select account_id from public.orders where correlation_id = %s", trace["correlation_id"]
    )
    assert order["account_id"] == "paper-1"


def vote_for(conn: Connection[Any], desk: Venues, model: str, **changes: Any) -> str:
    """Ask the voters, let those who must approve, return what became of it."""
    as_voter(conn, "desk_operator")
    proposal_id = open_proposal(conn, "venue_model", model, **changes)
    for voter in ("risk_sentinel_agent", "strategy_analyst_agent", f"alice_{desk.database.name}"):
        conn.execute("reset session authorization")
        as_voter(conn, voter)
        call(conn, "governance.cast_votes", a_vote(proposal_id))
    conn.execute("reset session authorization")
    row = conn.execute(
        "select state from public.proposals where proposal_id = %s", (proposal_id,)
    ).fetchone()
    assert row is not None
    return row[0]


def log_choices(desk: Venues, trace: dict[str, Any]) -> None:
    """Let the router decide many times over what it saw once, and record what that cost."""
    event = desk.event(trace)
    assert event is not None
    message = decode(event)
    dice = np.random.default_rng(5)
    counted = {"orders": 0, "explored_orders": 0}
    notional = {"notional": 0.0, "explored_notional": 0.0}
    traces: list[tuple[Any, ...]] = []
    for number in range(LOGGED):
        facts = json.loads(json.dumps(trace["facts"]))
        facts["venues"]["explored"] = {**counted, **{k: f"{v:.2f}" for k, v in notional.items()}}
        spreads = dice.uniform(0.5, 4, 2).round(4)
        for one, spread in zip(facts["venues"]["candidates"], spreads, strict=True):
            one["health"]["spread_bps"] = str(spread)
        context = Context(
            "strategy_router", trace["clock"], number, UUID(int=number), trace["clock"]
        )
        decision = strategy_router.handle(message, facts, context)
        features = dict(decision.features)
        explored, most = features["venue.explored"] == "true", float(features["venue.notional"])
        counted["orders"] += 1
        counted["explored_orders"] += explored
        notional["notional"] += most
        notional["explored_notional"] += most * explored
        dear = features["venue.chosen"] == "mt5-dear"
        cost = spreads[int(dear)] / 2 + 4 * dear + dice.normal(0, 1)
        traces.append((uuid4(), Jsonb(facts), Jsonb({"features": features}), round(cost, 4),
                       dear and number % 50 == 0, number))  # fmt: skip
        case = read_choice(facts["venues"], features, -cost)
        assert case is not None
        assert str(case.chances[case.venue_id]) == features["venue.propensity"]
    keep_choices(desk, traces)


def keep_choices(desk: Venues, traces: list[tuple[Any, ...]]) -> None:
    with desk.behind() as conn:
        conn.execute(
            "create temporary table log (id uuid, facts jsonb, decision jsonb, cost numeric,"
            " refused boolean, nr int)"
        )
        with conn.cursor() as cursor:
            cursor.executemany("insert into log values (%s, %s, %s, %s, %s, %s)", traces)
        for statement in _RECORD:
            conn.execute(statement.encode())


_AT = f"clock_timestamp() - ({LOGGED} - nr) * interval '1 ms' - interval '3 seconds'"
_RECORD = (
    "insert into public.decision_traces (decided_at, trace_id, correlation_id, org_id, agent,"
    " facts, clock, outcome, explanation, decision, latency_us)"
    f" select {_AT}, id, id, 'demo', 'strategy_router', facts, now(), 'selected', 'e', decision, 1"
    " from log",
    "insert into public.intents (intent_id, correlation_id, org_id, account_id, strategy_id,"
    " venue_id, symbol, side, order_type, mode, kind, requested_quantity, authorized_quantity,"
    " notional, reference_price, state, policy_hash, expires_at)"
    " select id, id, 'demo', 'paper-1', 'tv-smc', 'mt5-paper', 'EURUSD', 'BUY', 'market', 'paper',"
    " 'allocate', 1, 1, 1, 1.1, 'ordered', 'p', now() from log",
    "insert into public.orders (order_id, intent_id, child_index, correlation_id, org_id,"
    " account_id, strategy_id, venue_id, symbol, side, order_type, quantity, reference_price,"
    " time_in_force, algorithm, latency_class, mode, status, policy_hash)"
    " select id, id, 0, id, 'demo', 'paper-1', 'tv-smc', 'mt5-paper', 'EURUSD', 'BUY', 'market',"
    " 1, 1.1, 'IOC', 'immediate', 'immediate', 'paper',"
    " case when refused then 'rejected' else 'filled' end, 'p' from log",
    "insert into public.decision_deltas (order_id, correlation_id, org_id, closed_at)"
    " select id, id, 'demo', now() from log",
    "insert into public.fills (fill_id, order_id, intent_id, correlation_id, org_id, account_id,"
    " strategy_id, venue_id, venue_trade_id, symbol, side, quantity, price, slippage_bps,"
    " commission, value_per_point, filled_at)"
    " select id, id, id, id, 'demo', 'paper-1', 'tv-smc', 'mt5-paper', nr::text, 'EURUSD', 'BUY',"
    " 1, 1.1, cost, 0, 100000, now() from log where not refused",
)


def test_a_counterparty_over_its_share_is_refused_and_the_other_venue_takes_the_order(
    desk: Venues,
) -> None:
    with desk.behind() as conn:
        hold(conn, "EURUSD", "10", account_id="paper-2")
    trace = desk.decided()
    told = chosen(trace)
    assert (told["chosen"], told["at.mt5-dear"]) == ("mt5-paper", "refused CONCENTRATION")
    assert_replayed(desk, trace)


def test_where_no_counterparty_has_room_nothing_is_routed(desk: Venues) -> None:
    with desk.behind() as conn:
        hold(conn, "EURUSD", "100", account_id="paper-1")
        hold(conn, "EURUSD", "100", account_id="paper-2")
    trace = desk.decided()
    assert (trace["outcome"], trace["code"]) == ("not_selected", "TR623")
    assert "CONCENTRATION" in trace["explanation"]
    assert_replayed(desk, trace)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (
            "insert into governance.halts (halt_id, scope, scope_id, reason, requested_by)"
            " values (gen_random_uuid(), 'venue', 'mt5-dear', 'test', 'test')",
            "refused HALTED",
        ),
        ("delete from public.latest_quotes where venue_id = 'mt5-dear'", "refused "),
        (
            "update public.accounts set state = 'halted' where account_id = 'paper-2'",
            "refused ACCOUNT_NOT_TRADING",
        ),
        (
            "update public.accounts set currency = 'EUR' where account_id = 'paper-2'",
            "refused CONVERSION_RATE_MISSING",
        ),
    ],
)
def test_a_venue_that_may_not_be_used_leaves_the_other(
    desk: Venues, statement: str, why: str
) -> None:
    quotes = desk.rows("select * from public.latest_quotes where venue_id = 'mt5-dear'")
    with desk.behind() as conn:
        conn.execute(statement.encode())
        try:
            told = chosen(desk.decided())
        finally:
            conn.execute("update public.accounts set state = 'active', currency = 'USD'")
            conn.execute("truncate governance.halts cascade")
            for q in quotes:
                conn.execute(
                    "insert into public.latest_quotes (venue_id, symbol, bid, ask, quoted_at,"
                    " received_at) values (%(venue_id)s, %(symbol)s, %(bid)s, %(ask)s,"
                    " %(quoted_at)s, clock_timestamp()) on conflict do nothing",
                    q,
                )
    assert (told["chosen"], told["propensity"]) == ("mt5-paper", "1")
    assert told["at.mt5-dear"].startswith(why)


def test_a_strategy_with_one_account_chooses_nothing(desk: Venues) -> None:
    with psycopg.connect(desk.database.superuser_url) as conn:
        use(conn, a_pack())
    trace = desk.decided()
    assert trace["facts"]["venues"] is None
    assert chosen(trace) == {}
    (kept,) = desk.rows(
        "select account_id, propensity from public.opportunities where correlation_id = %s",
        trace["correlation_id"],
    )
    assert (kept["account_id"], kept["propensity"]) == ("paper-1", None)


def a_model(desk: Venues, name: str, **evaluation: Any) -> str:
    told = {"active": None, "verdict": "better", "enough": True} | evaluation
    item = {"model": name, "body": {}, "rows": 1, "evaluation": told}
    with psycopg.connect(desk.database.role_url("housekeeping_agent")) as conn:
        call(conn, "execution.record_venue_models", item)
    return name


@pytest.mark.parametrize(
    "evaluation",
    [{"verdict": "no_decision", "enough": False}, {"active": "another"}, {"enough": None}],
)
def test_nobody_brings_other_evidence_for_a_model_than_its_own(
    desk: Venues, evaluation: dict[str, Any]
) -> None:
    model = a_model(desk, "thin", **evaluation)
    with psycopg.connect(desk.database.superuser_url) as conn:
        told = {"enough": True, "active": None}
        assert vote_for(conn, desk, model, evidence=told) not in ("approved", "executed")
        assert vote_for(conn, desk, "unheard", evidence=told) not in ("approved", "executed")
    assert desk.rows("select state from execution.venue_models") == [{"state": "candidate"}]


def test_a_model_judged_beside_another_one_than_is_in_force_stays_out(desk: Venues) -> None:
    first, second = a_model(desk, "first"), a_model(desk, "second")
    with psycopg.connect(desk.database.superuser_url) as conn:
        assert vote_for(conn, desk, first) == "executed"
        assert vote_for(conn, desk, second) not in ("approved", "executed")
    found = desk.rows("select model, state from execution.venue_models order by 1")
    assert [(m["model"], m["state"]) for m in found] == [
        ("first", "active"),
        ("second", "candidate"),
    ]
    with (
        psycopg.connect(desk.database.superuser_url) as conn,
        pytest.raises(psycopg.errors.FeatureNotSupported),
    ):
        conn.execute("update execution.venue_models set evaluation = '{}'")
