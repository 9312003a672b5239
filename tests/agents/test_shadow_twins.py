"""A strategy's twin hears the same alerts, fills in the desk alone, and is compared."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg
import pytest
from psycopg import Connection

from backend.db.bus import dump
from backend.db.master_data import add_source
from backend.ports import SystemClock
from backend.settings import load_settings
from backend.venues.model import VenueUnavailable
from tests.kit.governance import open_proposal, pass_proposal
from tests.kit.money import (
    a_pack,
    authorize_one,
    call,
    hold,
    money_database,
    quote_all,
    scalar,
    use,
)
from tests.kit.order_flow import a_fill, a_report, an_order, new_id, open_attempt, record
from tests.kit.postgres import Database
from tests.kit.signals import a_message, a_row
from tests.kit.trading_desk import BOOK, TOKEN, ask, post, rows
from workers.agent import Context, Decision, Heard, RowMessage, load
from workers.bridge.shadow import ShadowBridge
from workers.outside import Outside

CHAIN = (
    "intake", "normalizer", "rationale_scorer", "strategy_analyst", "strategy_router",
    "portfolio", "risk", "policy_guard", "order", "execution",
)  # fmt: skip
WORKER = UUID("019b0000-0000-7000-8000-0000000000d9")
As = Callable[[str], Connection[Any]]
SHADOW = "shadow-paper-1"


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database:
        with psycopg.connect(database.superuser_url) as conn:
            use(conn, a_pack(modes=("paper", "shadow", "live")))
            conn.execute("set local role desk_owner")
            add_source(conn, "tv", BOOK, TOKEN, 6_000, 300_000)
        yield database


@pytest.fixture
def inside(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def as_role(desk: Database) -> Generator[As]:
    with ExitStack() as stack:
        held: dict[str, Connection[Any]] = {}

        def session(role: str) -> Connection[Any]:
            if role not in held:
                url = desk.role_url(role)
                held[role] = stack.enter_context(psycopg.connect(url, autocommit=True))
            return held[role]

        yield session


@pytest.fixture
def outside(desk: Database, tmp_path: Path) -> Generator[Outside]:
    settings = load_settings({"DESK_HOME": str(tmp_path / "home")})
    url = desk.role_url("execution_agent")
    built = Outside(settings, SystemClock(), lambda _role: psycopg.connect(url, autocommit=True))
    yield built
    built.close()


@pytest.fixture
def twin(as_role: As, inside: Connection[Any]) -> dict[str, Any]:
    """Have the desk's strategy run in its own shadow, and show it the market."""
    quote_all(inside)
    item = {"strategy_id": "tv-smc", "terms": {"slippage_bps": "0.5", "commission_per_lot": "3"}}
    (answer,) = ask(as_role("desk_operator"), "execution.add_shadows", item)
    show(as_role, inside, "1.10000", "1.10020")
    for agent in ("execution_overseer", "execution"):
        tick(as_role, inside, agent)
    return answer


def show(as_role: As, inside: Connection[Any], bid: str, ask_: str) -> None:
    """Quote EURUSD at the venue, as the market data agent does."""
    ((now,),) = rows(inside, "select clock_timestamp()")
    quote = {"venue_id": "mt5-paper", "symbol": "EURUSD", "bid": bid, "ask": ask_}
    quote |= {"quoted_at": now, "received_at": now}
    ask(as_role("market_data_agent"), "ops.record_quotes", quote)


def context_of(inside: Connection[Any], agent: str, heard: Heard) -> Context:
    ((now,),) = rows(inside, "select clock_timestamp()")
    return Context(agent, now, 1, heard.msg_id, heard.created_at)


def cause(as_role: As, agent: str, decision: Decision) -> None:
    for effect in decision.effects:
        item = orjson.loads(dump(effect.item))
        ask(as_role(f"{agent}_agent"), effect.procedure, item)


def tick(as_role: As, inside: Connection[Any], agent: str) -> None:
    module = load(agent).module
    (facts,) = ask(
        as_role(f"{agent}_agent"),
        load(agent).tick_facts or "",
        module.ask_tick(None) if hasattr(module, "ask_tick") else {},
    )
    context = context_of(inside, agent, a_row("tick", uuid4()))
    cause(as_role, agent, module.handle_tick(facts, context))


def run(as_role: As, inside: Connection[Any], outside: Outside, agent: str, heard: Heard) -> Any:
    """Decide and cause as the runtime does; execution prepares, calls and records."""
    module, conn = load(agent).module, as_role(f"{agent}_agent")
    context = context_of(inside, agent, heard)
    if agent == "execution":
        (opening,) = module.prepare(heard, {}, context).effects
        item = {"worker_id": str(WORKER), **opening.item}
        (prepared,) = ask(conn, opening.procedure, orjson.loads(dump(item)))
        said = module.call(heard, prepared, outside)()
        decision: Decision = module.record(heard, prepared, said, context)
    else:
        facts: dict[str, Any] = {}
        if module.FACTS is not None:
            (facts,) = ask(conn, module.FACTS, orjson.loads(dump(module.ask(heard))))
        if hasattr(module, "digest"):
            facts = module.digest(heard, facts)
        decision = module.handle(heard, facts, context)
    cause(as_role, agent, decision)
    if decision.final is not None:
        inside.execute(
            "select ops.record_outcome(%s, 'demo', %s, %s, %s, clock_timestamp())",
            (
                heard.correlation_id,
                decision.final.value,
                None if decision.code is None else decision.code.value,
                agent,
            ),
        )
    return decision


def carry(as_role: As, inside: Connection[Any], outside: Outside, heard: Heard) -> list[Any]:
    """Carry an alert down the chain; production's order stops before its venue."""
    waiting: list[tuple[str, Heard]] = [("intake", heard)]
    sent: list[Any] = []
    while waiting:
        agent, message = waiting.pop(0)
        decision = run(as_role, inside, outside, agent, message)
        print(f"{agent}: {decision.explanation}")
        for emission in decision.emissions:
            correlation_id = emission.correlation_id or message.correlation_id
            following = replace(a_message(emission.payload), correlation_id=correlation_id)
            following = replace(following, msg_id=new_id())
            hearing = [a for a in CHAIN if emission.payload.TYPE in load(a).hears]
            if hearing == ["execution"] and emission.payload.mode != "shadow":
                sent.append(emission.payload)
            else:
                waiting += [(a, following) for a in hearing]
    return sent


def an_alert(as_role: As) -> RowMessage:
    body = b'{"ticker": "OANDA:EURUSD", "action": "buy", "interval": "15", "id": "%s"}'
    alert_id = UUID(post(as_role("desk_api"), body % str(uuid4()).encode())["alert_id"])
    return replace(a_row("alert", alert_id), correlation_id=alert_id)


def test_a_twin_trades_the_same_alert_in_books_of_its_own_and_is_compared(
    as_role: As, inside: Connection[Any], outside: Outside, twin: dict[str, Any]
) -> None:
    alert = an_alert(as_role)
    (command,) = carry(as_role, inside, outside, alert)

    # The twin filled at the ask seen, half a basis point worse, and nothing else of it exists.
    ((quantity, price, commission, venue),) = rows(
        inside,
        "select quantity, price, commission, venue_id from public.fills where account_id = %s",
        (SHADOW,),
    )
    assert (price, venue) == (Decimal("1.10026"), "shadow-mt5-paper")
    assert commission == quantity * 3
    assert rows(inside, "select account_id, quantity from public.positions") == [(SHADOW, quantity)]
    assert scalar(inside, "select count(*) from ledger.entries") > 0
    assert outside._bridges == {}

    # The alert is production's alone: its end is not the twin's.
    assert rows(inside, "select correlation_id from public.alert_outcomes") == []
    attempt = open_attempt(as_role("execution_agent"), command.order_id)
    fill = a_fill(str(command.quantity), "1.10020", slippage_bps="0")
    record(as_role("execution_agent"), attempt, a_report("filled", fill))
    assert rows(inside, "select correlation_id, outcome from public.alert_outcomes") == [
        (alert.correlation_id, "filled")
    ]
    ask(as_role("strategy_router_agent"), "execution.compare_shadows", {})
    ((correlation_id, verdict, outcome, own, theirs, difference),) = rows(
        inside,
        "select correlation_id, verdict, shadow_outcome, production_quantity, shadow_quantity,"
        " slippage_difference_bps > 0 from public.shadow_comparisons",
    )
    assert (correlation_id, verdict, outcome) == (alert.correlation_id, "agree", "filled")
    assert (own, theirs, difference) == (command.quantity, quantity, True)

    # The stop is carried out by a tick through it, once, and the account is worth less.
    stop = scalar(inside, "select stop_loss from public.orders where account_id = %s", SHADOW)
    show(as_role, inside, str(stop - Decimal("0.0010")), str(stop - Decimal("0.0008")))
    show(as_role, inside, "1.10000", "1.10020")
    for _ in range(2):
        tick(as_role, inside, "execution")
    assert rows(
        inside,
        "select p.quantity, count(f.*), min(f.price) < %s, z.equity < 100000"
        " from public.positions p join public.fills f using (account_id)"
        " join risk.account_state z using (account_id) where account_id = %s"
        " group by p.quantity, z.equity",
        (stop, SHADOW),
    ) == [(0, 2, True, True)]
    invariants = scalar(inside, "select ops.check_invariants()")
    assert [one for one in invariants if one["violations"] != 0] == []


def test_nothing_of_a_shadow_reaches_a_venue_whoever_asks(
    as_role: As, inside: Connection[Any], outside: Outside, twin: dict[str, Any]
) -> None:
    def code_of(**changes: Any) -> str | None:
        order_id = an_order(inside, **changes)
        item = {"order_id": order_id, "attempt_id": new_id(), "worker_id": WORKER}
        (answer,) = ask(as_role("execution_agent"), "execution.open_attempts", item)
        attempts = "select count(*) from execution.attempts where order_id = %s"
        assert scalar(inside, attempts, order_id) == (1 if answer["code"] is None else 0)
        return answer["code"]

    shadow = {"account_id": SHADOW, "strategy_id": "tv-smc-shadow", "mode": "shadow"}
    assert code_of(**shadow) == "TR409"
    assert code_of(**shadow, venue_id="shadow-mt5-paper") is None
    # Even where somebody moved the account to the venue itself.
    inside.execute("update accounts set venue_id = 'mt5-paper' where account_id = %s", (SHADOW,))
    assert code_of(**shadow) == "TR323"
    inside.execute(
        "update accounts set venue_id = 'shadow-mt5-paper' where account_id = %s", (SHADOW,)
    )
    assert code_of(**shadow | {"mode": "paper"}, venue_id="shadow-mt5-paper") == "TR323"
    with pytest.raises(VenueUnavailable):
        outside.feed(SHADOW, "execution_agent")
    assert isinstance(outside.bridge(SHADOW, "shadow"), ShadowBridge)


def test_neither_side_spends_the_others_budgets(
    inside: Connection[Any], twin: dict[str, Any]
) -> None:
    limits = {"organization": {"*": {"gross_exposure": "200000"}}}
    shadow = {
        "account_id": SHADOW,
        "strategy_id": "tv-smc-shadow",
        "venue_id": "shadow-mt5-paper",
        "mode": "shadow",
    }
    with inside.transaction(force_rollback=True):
        use(inside, a_pack(limits, modes=("paper", "shadow", "live")))
        inside.execute("delete from risk.reservations")
        inside.execute("delete from public.positions")
        hold(inside, "EURUSD", "1.5", SHADOW)
        assert authorize_one(inside, **shadow)["decision"] == "trimmed"
        for _ in range(2):
            assert authorize_one(inside, quantity="0.5")["code"] is None
        assert authorize_one(inside, quantity="1")["decision"] != "authorized"


def test_going_live_out_of_the_shadow_takes_what_the_database_saw(
    inside: Connection[Any], twin: dict[str, Any]
) -> None:
    with inside.transaction(force_rollback=True):
        for nr in range(120):
            inside.execute(
                "insert into shadow_comparisons (shadow_correlation_id, correlation_id, org_id,"
                " strategy_id, account_id, shadow_strategy_id, shadow_account_id, symbol, side,"
                " verdict, slippage_difference_bps, compared_at) values (%s, %s, 'demo',"
                " 'tv-smc', 'paper-1', 'tv-smc-shadow', %s, 'EURUSD', 'BUY', %s, %s, now())",
                (uuid4(), uuid4(), SHADOW, "takes" if nr % 10 == 0 else "agree", nr % 3),
            )
            if nr == 0:
                first = open_proposal(inside, "go_live", SHADOW, evidence={"enough": True})
                told = evidence_of(inside, first)
                assert told["enough"] is False
                assert told["needed"] > told["traded"]
                checks = scalar(
                    inside,
                    "select governance.check_automatically(p) from proposals p"
                    " where proposal_id = %s",
                    first,
                )
                assert checks["evidence_enough"] is False
        evidence = scalar(inside, "select execution.twin_evidence(%s, 'demo')", SHADOW)
        assert evidence["enough"] is True
        shares = {one["name"]: one for one in evidence["measures"]}
        slipped = shares["slippage_difference_bps"]
        assert Decimal(slipped["low"]) < Decimal(slipped["mean"]) < Decimal(slipped["high"])
        assert Decimal(shares["same_decision"]["low"]) < Decimal("0.95")
        proposal_id = pass_proposal(inside, "go_live", SHADOW, evidence=evidence)
        inside.execute("delete from risk.reservations")
        inside.execute("update positions set quantity = 0, average_price = null")
        call(inside, "governance.execute_proposals", {"proposal_id": proposal_id})
        assert rows(
            inside,
            "select a.mode, a.venue_id, a.connection, s.mode, s.shadow_of from accounts a"
            " join strategies s using (account_id) where account_id = %s",
            (SHADOW,),
        ) == [("live", "mt5-paper", {}, "live", None)]


def evidence_of(inside: Connection[Any], proposal_id: str) -> Any:
    return scalar(inside, "select evidence from proposals where proposal_id = %s", proposal_id)
