"""A worked order states its plan, draws on its reservation, and goes on from its rows."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from backend.contracts.denials import Code
from backend.policies import PolicyPack, parse_pack
from backend.values import LatencyClass, OrderType, Side
from tests.kit.messages import a_route_intent
from tests.kit.money import a_pack, authorize_one, call, money_database, quote_all, scalar, use
from tests.kit.postgres import Database
from tests.kit.signals import a_context, a_message, a_row
from workers.agent import Decision
from workers.agents import order
from workers.jobs.volume_curves import curve_items

SLICING = {
    "immediate_up_to": "0.5",
    "algorithm": "twap",
    "algorithm_parked": "passive",
    "duration_s": 300,
    "child_ttl_s": 20,
    "interval_s": 70,
    "defer_s_max": 0,
    "jitter_share": "0",
}


def working_pack(limits: dict[str, Any] | None = None, **slicing: Any) -> PolicyPack:
    pack = a_pack(limits).model_dump(mode="json", exclude_none=True)
    pack["slicing"] |= SLICING | slicing
    return parse_pack(pack, "tests")


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database:
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url) as connection:
        use(connection, working_pack())
        quote_all(connection)
        yield connection
        connection.rollback()


def route_of(conn: Connection[Any], intent_id: str, quantity: str, latency: LatencyClass) -> Any:
    policy_hash = scalar(conn, "select policy_hash from risk.policies where active")
    return a_route_intent(
        intent_id=UUID(intent_id),
        symbol="EURUSD",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=Decimal(quantity),
        price_limit=None,
        reference_price=Decimal("1.1001"),
        latency_class=latency,
        policy_hash=policy_hash,
        account_id="paper-1",
        strategy_id="tv-smc",
    )


def now_of(conn: Connection[Any]) -> datetime:
    return scalar(conn, "select clock_timestamp()")


def decide(conn: Connection[Any], message: Any, now: datetime) -> Decision:
    """Let the agent see what the database says, and make true what it decides."""
    (facts,) = call(conn, order.FACTS, order.ask(message))
    more = order.ask_more(message, facts)
    if more is not None:
        (told,) = call(conn, order.MORE_FACTS, more)
        facts |= told
    context = replace(a_context("order", now), origin=uuid4())
    decision = order.handle(message, facts, context)
    for effect in decision.effects:
        call(conn, effect.procedure, effect.item)
    return decision


def start(
    conn: Connection[Any], quantity: str = "3", latency: LatencyClass = LatencyClass.DEFER
) -> tuple[str, Decision]:
    intent_id = authorize_one(conn, quantity=quantity, latency_class=latency.value)["intent_id"]
    message = a_message(route_of(conn, intent_id, quantity, latency))
    return intent_id, decide(conn, message, now_of(conn))


def look(conn: Connection[Any], intent_id: str, later_s: float = 0) -> Decision:
    """Have the parent looked at, as its tick would, a while after now."""
    conn.execute("delete from bus.deliveries where agent = 'order'")
    call(conn, "execution.ask_slices", {"intent_id": intent_id})
    slice_id = scalar(
        conn, "select slice_id from execution.parents where intent_id = %s", intent_id
    )
    row = a_row("slice", slice_id)
    return decide(conn, row, now_of(conn) + timedelta(seconds=later_s))


def fill(conn: Connection[Any], share: str = "1") -> None:
    """End every open child, filled by a share at the ask."""
    rows = conn.execute(
        "update public.orders set filled_quantity = quantity * %(share)s,"
        " average_price = case when %(share)s > 0 then 1.1003 end,"
        " status = case when %(share)s = 1 then 'filled' else 'canceled' end"
        " where status = 'initialized' returning order_id, intent_id, filled_quantity",
        {"share": Decimal(share)},
    ).fetchall()
    for order_id, intent_id, quantity in rows:
        if quantity > 0:
            conn.execute(
                "insert into public.fills (fill_id, order_id, intent_id, correlation_id, org_id,"
                " account_id, strategy_id, venue_id, venue_trade_id, symbol, side, quantity, price,"
                " filled_at) values (gen_random_uuid(), %s, %s, gen_random_uuid(), 'demo',"
                " 'paper-1', 'tv-smc', 'mt5-paper', %s, 'EURUSD', 'BUY', %s, 1.1003,"
                " clock_timestamp())",
                (order_id, intent_id, uuid4().hex, quantity),
            )
    conn.execute(
        "select execution.close_orders(%s, '[]', 'execution', clock_timestamp())",
        ([row[0] for row in rows],),
    )


def parent_of(conn: Connection[Any], intent_id: str) -> dict[str, Any]:
    with conn.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        row = cursor.execute(
            "select * from execution.parents where intent_id = %s", (intent_id,)
        ).fetchone()
    assert row is not None
    return row


def held(conn: Connection[Any], intent_id: str) -> Any:
    return conn.execute(
        "select remaining_quantity, released_at is not null from risk.reservations"
        " where intent_id = %s",
        (intent_id,),
    ).fetchone()


def outcome(conn: Connection[Any], intent_id: str) -> Any:
    return scalar(
        conn,
        "select o.outcome from public.alert_outcomes o join public.intents n"
        " using (correlation_id) where n.intent_id = %s",
        intent_id,
    )


def test_an_immediate_order_never_asks_for_more_than_it_did(conn: Any) -> None:
    intent_id, decision = start(conn, latency=LatencyClass.IMMEDIATE)
    assert [effect.procedure for effect in decision.effects] == ["execution.open_orders"]
    route = route_of(conn, intent_id, "3", LatencyClass.IMMEDIATE)
    assert order.ask_more(a_message(route), {"ordered": 0, "refusal": None}) is None


def see_book(conn: Connection[Any], bid_depth: str, ask_depth: str) -> None:
    """Have the market reader tell of a quote with what waits at its touch, later than any."""
    at = now_of(conn) + timedelta(milliseconds=100)
    quote = {"venue_id": "mt5-paper", "symbol": "EURUSD", "bid": "1.1", "ask": "1.1001"}
    times = {"quoted_at": at.isoformat(), "received_at": at.isoformat()}
    depth = {"bid_depth": bid_depth, "ask_depth": ask_depth}
    call(conn, "ops.record_quotes", quote | times | depth)


@pytest.mark.parametrize(("ask_depth", "child"), [("1.2", "0.30"), ("100", "3")])
def test_an_adaptive_child_takes_no_more_than_a_share_of_what_is_offered(
    conn: Any, ask_depth: str, child: str
) -> None:
    use(conn, working_pack(algorithm="adaptive", interval_s=300, depth_share="0.25"))
    see_book(conn, "0.1", ask_depth)
    _, decision = start(conn)
    assert decision.emissions[0].payload.quantity == Decimal(child)


def test_a_passive_child_waits_at_the_touch_only_where_its_queue_is_short(conn: Any) -> None:
    use(conn, working_pack(algorithm="passive", duration_s=300))
    conn.execute(
        "insert into public.market_bars (symbol, timeframe, opened_at, open, high, low, close,"
        " volume, source) select 'EURUSD', 'M1', date_trunc('minute', clock_timestamp())"
        " - g * interval '1 minute', 1.1, 1.1, 1.1, 1.1, 60, 'tests' from generate_series(1, 60) g"
    )
    prices: list[Decimal | None] = []
    for queue in ("0.5", "100000"):
        see_book(conn, queue, "1")
        prices.append(start(conn)[1].emissions[0].payload.limit_price)
    assert prices[0] == Decimal("1.1")
    assert prices[1] is not None
    assert prices[1] > prices[0]


def test_the_plan_stands_before_the_children_and_is_compared_with_at_the_end(conn: Any) -> None:
    intent_id, decision = start(conn)
    assert decision.outcome == "sliced"
    planned = parent_of(conn, intent_id)
    assert (planned["algorithm"], planned["state"]) == ("twap", "working")
    assert [total for _, total in planned["schedule"]] == ["0.6", "1.2", "1.8", "2.4", "3.0"]
    assert [e.payload.quantity for e in decision.emissions] == [Decimal("0.60")]
    for later in (0, 71, 141, 211, 281):
        fill(conn)
        assert outcome(conn, intent_id) == "partially_filled"
        look(conn, intent_id, later)
        assert parent_of(conn, intent_id)["schedule"] == planned["schedule"]
    fill(conn)
    assert (outcome(conn, intent_id), held(conn, intent_id)) == ("filled", (0, False))
    assert look(conn, intent_id, 282).outcome == "finished"
    done = parent_of(conn, intent_id)
    assert (done["state"], done["filled_quantity"]) == ("done", 3)
    parts = ("delay_bps", "impact_bps", "spread_bps", "opportunity_bps")
    assert sum(done[part] for part in parts) == done["total_bps"] > 0
    assert done["opportunity_bps"] == 0
    assert held(conn, intent_id) == (0, True)
    view = "select total_bps from execution.shortfalls where intent_id = %s"
    assert scalar(conn, view, intent_id) == done["total_bps"]


def test_what_a_child_did_not_get_is_asked_for_again_and_never_more_than_all(conn: Any) -> None:
    intent_id, _ = start(conn)
    fill(conn, "0.5")
    assert held(conn, intent_id) == (Decimal("2.7"), False)
    (emission,) = look(conn, intent_id, 71).emissions
    assert emission.payload.quantity == Decimal("0.90")
    child = {
        "order_id": str(uuid4()), "child_index": 9, "quantity": "2", "order_type": "market",
        "time_in_force": "IOC", "deviation_points": 1, "why": "test", "due_quantity": "3",
        "bid": "1.1", "ask": "1.1", "expires_at": (now_of(conn) + timedelta(seconds=5)).isoformat(),
    }  # fmt: skip
    slice_id = scalar(conn, "select slice_id from execution.parents")
    greedy = {"intent_id": intent_id, "slice_id": str(slice_id), "children": [child]}
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        call(conn, "execution.work_orders", greedy)
    assert caught.value.sqlstate == Code.CHILDREN_EXCEED_INTENT.value


def test_a_look_that_another_overtook_changes_nothing(conn: Any) -> None:
    intent_id, _ = start(conn)
    stale = {"intent_id": intent_id, "slice_id": str(uuid4()), "children": [], "look_at": None}
    before = parent_of(conn, intent_id)
    call(conn, "execution.work_orders", stale | {"finish": {"why": "stale"}})
    assert parent_of(conn, intent_id) == before


def test_the_time_that_is_over_ends_it_with_what_was_missed(conn: Any) -> None:
    intent_id, _ = start(conn)
    fill(conn)
    assert look(conn, intent_id, 301).outcome == "finished"
    done = parent_of(conn, intent_id)
    assert (done["finished_why"], done["filled_quantity"]) == ("out of time", Decimal("0.6"))
    assert held(conn, intent_id) == (0, True)
    assert outcome(conn, intent_id) == "partially_filled"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("update public.latest_quotes set received_at = received_at - interval '1 hour'", "TR303"),
        ("update public.latest_quotes set bid = bid * 1.2, ask = ask * 1.2", "TR318"),
        ("update public.accounts set state = 'halted'", "TR305"),
        ("select risk.release_reservation(intent_id, 'test') from execution.parents", "TR401"),
    ],
)
def test_a_child_is_judged_anew_when_it_is_opened(conn: Any, change: str, code: str) -> None:
    intent_id, _ = start(conn)
    fill(conn)
    conn.execute(change)
    decision = look(conn, intent_id, 71)
    assert not decision.emissions
    ends = code in ("TR305", "TR401")
    assert decision.outcome == ("finished" if ends else "waiting")
    assert scalar(conn, "select count(*) from public.orders") == 1
    assert decision.code is (Code(code) if ends else None)


def test_a_halt_ends_a_worked_order_and_the_rate_only_holds_it_up(conn: Any) -> None:
    intent_id, _ = start(conn)
    fill(conn)
    halt = {"halt_id": str(uuid4()), "scope": "account", "scope_id": "paper-1", "reason": "test"}
    with conn.transaction(force_rollback=True):
        call(conn, "governance.record_halts", halt)
        assert look(conn, intent_id, 71).code is Code.HALTED
    pack = working_pack({"order_rate_per_minute": "0"})
    with conn.transaction(force_rollback=True):
        use(conn, pack)
        conn.execute("update public.intents set policy_hash = %s", (pack.policy_hash,))
        decision = look(conn, intent_id, 71)
        assert (decision.outcome, decision.emissions) == ("waiting", ())
        assert "TR317" in decision.explanation


def test_a_child_is_judged_anew_when_it_is_sent(conn: Any) -> None:
    start(conn)
    conn.execute("update public.latest_quotes set bid = bid * 1.2, ask = ask * 1.2")
    asked = [{"i": 0, "order_id": str(scalar(conn, "select order_id from public.orders")),
              "attempt_id": str(uuid4()), "worker_id": str(uuid4())}]  # fmt: skip
    (verdict,) = scalar(
        conn,
        "select execution.judge_attempts(%s, clock_timestamp())",
        psycopg.types.json.Jsonb(asked),
    )
    assert (verdict["code"], verdict["to_status"]) == ("TR318", "denied")


def test_a_parked_order_waits_for_the_market_and_is_due_when_it_said(conn: Any) -> None:
    use(conn, working_pack(park_s_max=60))
    intent_id, decision = start(conn, latency=LatencyClass.PARK)
    assert (decision.outcome, decision.emissions) == ("waiting", ())
    assert scalar(conn, "select state from public.intents") == "ordered"
    again = a_message(route_of(conn, intent_id, "3", LatencyClass.PARK))
    assert decide(conn, again, now_of(conn)).outcome == "repeated"
    (due,) = call(conn, "execution.due_slices", {})
    assert due["parents"] == []
    conn.execute("update execution.parents set look_at = clock_timestamp()")
    (due,) = call(conn, "execution.due_slices", {})
    assert due["parents"] == [intent_id]
    tick = order.handle_tick(due, a_context("order"))
    assert [effect.item for effect in tick.effects] == [{"intent_id": intent_id}]
    assert look(conn, intent_id, 61).outcome == "finished"
    assert (outcome(conn, intent_id), held(conn, intent_id)) == ("expired", (0, True))


def test_a_pack_that_says_nonsense_or_an_unknown_algorithm_opens_nothing(conn: Any) -> None:
    for slicing in ({"algorithm": "sniper"}, {"participation": "1"}, {"child_ttl_s": 400}):
        with pytest.raises(Exception, match=r"slicing|algorithm|share|children|participation"):
            working_pack(**slicing)


def test_curves_are_learned_from_bars_and_move_what_goes_by_volume(conn: Any) -> None:
    use(conn, working_pack(algorithm="vwap"))
    conn.execute(
        "insert into public.market_bars (symbol, timeframe, opened_at, open, high, low, close,"
        " volume, source) select 'EURUSD', 'M15', t, 1.1, 1.1, 1.1, 1.1, 100, 'test'"
        " from generate_series(date_trunc('day', clock_timestamp()) - interval '14 days',"
        " clock_timestamp(), interval '15 minutes') t on conflict do nothing"
    )
    (facts,) = call(conn, "execution.volume_facts", {"timeframe": "M15", "days": 30})
    items = curve_items(facts["bars"])
    assert {item["session"] for item in items} >= {"asia", "london", "overlap", "new_york"}
    call(conn, "execution.record_volume_curves", *items)
    intent_id, _ = start(conn)
    assert parent_of(conn, intent_id)["algorithm"] == "vwap"
    conn.execute("delete from execution.volume_curves")
    use(conn, working_pack(algorithm="vwap"))
    intent_id, _ = start(conn)
    planned = parent_of(conn, intent_id)
    assert (planned["algorithm"], "no volume curve" in planned["why"]) == ("twap", True)


def test_children_are_as_far_apart_as_their_venue_needs(conn: Any) -> None:
    conn.execute(
        "insert into execution.latency_baselines (venue_id, route, order_type, span, starts_at,"
        " attempts, answered, unanswered, rejected, p99_ms) values ('mt5-paper', 'paper-1',"
        " 'market', 'week', 'epoch', 300, 300, 0, 0, 50000)"
    )
    intent_id, decision = start(conn)
    assert decision.features["pace_s"] == "100"
    assert decision.features["baseline"].startswith("mt5-paper/paper-1/market p99 50000 ms")
    assert "at least 100 s apart" in decision.explanation
    parent = parent_of(conn, intent_id)
    assert (parent["terms"]["pace_s"], parent["terms"]["child_ttl_s"]) == (100, 200)
    # The window grew by what its last child needs more, and has fewer, larger children.
    assert parent["ends_at"] - parent["starts_at"] == timedelta(seconds=300 + 180)
    instants = [datetime.fromisoformat(at) for at, _ in parent["schedule"]]
    gaps = {later - earlier for earlier, later in pairwise(instants)}
    assert min(gaps) >= timedelta(seconds=100)
    fill(conn)
    soon = look(conn, intent_id, 60)
    assert (soon.outcome, soon.features["pace_s"]) == ("waiting", "100")
    conn.execute("update execution.latency_baselines set rolled_at = now() - interval '2 hours'")
    _, later = start(conn)
    assert (later.features["pace_s"], later.features["baseline"]) == ("0", "no baseline")
