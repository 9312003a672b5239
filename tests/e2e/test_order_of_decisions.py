"""Alerts of one symbol are decided in the order in which they were accepted, by two workers."""

from __future__ import annotations

import json
from collections.abc import Generator
from uuid import uuid4

import pytest

from research.load.market import market_states
from tests.kit.desk_run import DeskRun, standing_desk

CHAIN = (
    "intake",
    "normalizer",
    "rationale_scorer",
    "strategy_analyst",
    "strategy_router",
    "portfolio",
    "risk",
    "policy_guard",
    "order",
    "execution",
)
ALERTS = 60

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def desk() -> Generator[DeskRun]:
    with standing_desk() as standing:
        with standing.session() as conn:
            market_states(conn)
        yield standing


def an_alert(symbol: str) -> bytes:
    """Write an alert of which nothing but the id changes."""
    return json.dumps({"id": f"t-{uuid4()}", "symbol": symbol, "side": "buy"}).encode()


def symbols_of_both_workers(desk: DeskRun) -> list[str]:
    """Name tradable symbols whose shards fall to different workers."""
    found = desk.ask(
        "select (array_agg(symbol))[1] from public.instruments where state = 'tradable'"
        " group by bus.shard_of(symbol) %% 2"
    )
    return [symbol for (symbol,) in found]


def assert_decided_in_order(desk: DeskRun, accepted: dict[str, list[str]]) -> None:
    """Compare, for every agent of the chain, what it decided with what was accepted."""
    for symbol, alerts in accepted.items():
        for agent in CHAIN:
            decided = [
                str(row[0])
                for row in desk.ask(
                    "select t.correlation_id from public.decision_traces t"
                    " where t.agent = %s and t.correlation_id = any (%s::uuid[])"
                    " order by t.decided_at",
                    (agent, alerts),
                )
            ]
            wanted = [alert for alert in alerts if alert in set(decided)]
            assert list(dict.fromkeys(decided)) == wanted, f"{agent} of {symbol}"


def test_alerts_of_a_symbol_are_decided_in_their_order_by_two_workers(desk: DeskRun):
    symbols = symbols_of_both_workers(desk)
    assert len(symbols) == 2
    accepted: dict[str, list[str]] = {symbol: [] for symbol in symbols}
    for number in range(ALERTS):
        symbol = symbols[number % 2]
        accepted[symbol].append(desk.post(an_alert(symbol)))
    desk.settles()
    assert_decided_in_order(desk, accepted)
    processes = desk.ask(
        "select distinct w.process_id from public.decision_traces t"
        "  join bus.workers w on w.worker_id = t.worker_id"
        " where t.agent = 'intake' and t.message_type <> 'tick'"
    )
    assert len(processes) == 2


def test_the_order_holds_while_one_worker_takes_over_from_a_killed_one(desk: DeskRun):
    symbols = symbols_of_both_workers(desk)
    accepted: dict[str, list[str]] = {symbol: [] for symbol in symbols}
    for number in range(ALERTS):
        if number == ALERTS // 3:
            killed = desk.kill("worker-1")
        symbol = symbols[number % 2]
        accepted[symbol].append(desk.post(an_alert(symbol)))
    desk.settles()
    assert_decided_in_order(desk, accepted)
    desk.returned(killed)
