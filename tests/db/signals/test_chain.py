"""The six agents with their own procedures: an alert becomes an opportunity, or rests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from psycopg import Connection

from backend.db.bus import dump
from backend.values import FinalOutcome
from tests.kit.signal_rows import As
from tests.kit.signals import a_message, a_row
from tests.kit.trading_desk import add_bars, add_quote, ask, clear, post, rows
from workers.agent import Context, Decision, Heard, RowMessage, load
from workers.agents import rationale_scorer
from workers.readings import Readings

CHAIN = ("intake", "normalizer", "rationale_scorer", "strategy_analyst", "strategy_router")
BUY = b'{"ticker": "OANDA:EURUSD", "action": "buy", "interval": "15", "id": "a-1"}'


@pytest.fixture(autouse=True)
def _market(inside: Connection[Any], as_role: As, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rationale_scorer, "READINGS", Readings())
    add_bars(inside)
    add_quote(inside)
    run_tick(as_role, inside)


def clock(inside: Connection[Any]) -> datetime:
    ((now,),) = rows(inside, "select clock_timestamp()")
    return now


def cause(as_role: As, agent: str, decision: Decision) -> None:
    """Call every effect's procedure under the agent's own login."""
    for effect in decision.effects:
        ask(as_role(f"{agent}_agent"), effect.procedure, orjson.loads(dump(effect.item)))


def run_tick(as_role: As, inside: Connection[Any]) -> Decision:
    module = load("execution_overseer").module
    (facts,) = ask(as_role("execution_overseer_agent"), module.FACTS, {})
    context = Context("execution_overseer", clock(inside), 1, UUID(int=1), clock(inside))
    decision = module.handle_tick(facts, context)
    cause(as_role, "execution_overseer", decision)
    return decision


def run(as_role: As, inside: Connection[Any], agent: str, heard: Heard) -> Decision:
    """Ask, decide and cause, the way the runtime does; a replay must decide the same."""
    module = load(agent).module
    (facts,) = ask(as_role(f"{agent}_agent"), module.FACTS, module.ask(heard))
    if hasattr(module, "digest"):
        facts = module.digest(heard, facts)
    context = Context(agent, clock(inside), 1, heard.msg_id, heard.created_at)
    decision = module.handle(heard, facts, context)
    assert module.handle(heard, orjson.loads(orjson.dumps(facts)), context) == decision
    cause(as_role, agent, decision)
    return decision


def follow(
    as_role: As, inside: Connection[Any], heard: Heard, start: str = "intake"
) -> Iterator[Decision]:
    """Carry a row or message down the chain until it ends or rests."""
    for agent in CHAIN[CHAIN.index(start) :]:
        decision = run(as_role, inside, agent, heard)
        yield decision
        if not decision.emissions:
            return
        payload = decision.emissions[0].payload
        heard = replace(a_message(payload), correlation_id=heard.correlation_id)


def alert_row(as_role: As, body: bytes = BUY) -> RowMessage:
    alert_id = UUID(post(as_role("desk_api"), body)["alert_id"])
    return replace(a_row("alert", alert_id), correlation_id=alert_id)


def review_row(as_role: As, inside: Connection[Any]) -> RowMessage:
    """Approve the one open review and give the row that its approval hands on."""
    ((review_id, correlation_id),) = rows(
        inside, "select review_id, correlation_id from review_queue where state = 'open'"
    )
    as_role("desk_operator").execute(
        "select intake.decide_review(%s, 'approved', 'looks right')", (review_id,)
    )
    return replace(a_row("review", review_id), correlation_id=correlation_id)


def test_alert_becomes_an_opportunity(as_role: As, inside: Connection[Any]):
    decisions = list(follow(as_role, inside, alert_row(as_role)))
    outcomes = [decision.outcome for decision in decisions]
    assert outcomes == ["understood", "normalized", "scored", "expected", "selected"]
    assert rows(
        inside,
        "select n.symbol, r.passed, h.probability > 0.3, o.selected, o.venue_id"
        " from signals_raw a join signals_normalized n using (correlation_id)"
        " join strategy_rationales r using (correlation_id)"
        " join hypotheses h using (correlation_id) join opportunities o using (correlation_id)",
    ) == [("EURUSD", True, True, True, "mt5-paper")]
    assert all(decision.explanation for decision in decisions)


def test_every_repetition_of_a_message_makes_nothing_new(as_role: As, inside: Connection[Any]):
    row = alert_row(as_role)
    first = run(as_role, inside, "intake", row)
    raw = replace(a_message(first.emissions[0].payload), correlation_id=row.correlation_id)
    assert len(list(follow(as_role, inside, raw, "normalizer"))) == 4
    again = list(follow(as_role, inside, raw, "normalizer"))
    assert [decision.outcome for decision in again] == ["repeated"]
    assert rows(inside, "select count(*) from opportunities") == [(1,)]


def test_signal_below_the_threshold_rests_and_goes_on_with_a_persons_word(
    as_role: As, inside: Connection[Any]
):
    inside.execute(
        # A pack keeps its words; only a superuser has others.
        "set session_replication_role = replica;"
        " update risk.policies set body = jsonb_set(body, '{scoring,threshold}', '\"0.99\"');"
        " set session_replication_role = origin"
    )
    decisions = list(follow(as_role, inside, alert_row(as_role)))
    assert decisions[-1].final is FinalOutcome.IN_REVIEW
    assert rows(inside, "select passed from strategy_rationales") == [(False,)]
    row = review_row(as_role, inside)
    outcomes = [d.outcome for d in follow(as_role, inside, row, "rationale_scorer")]
    assert outcomes == ["approved", "expected", "selected"]
    assert rows(inside, "select count(*) from strategy_rationales") == [(1,)]


def test_unknown_symbol_rests_until_somebody_names_it(as_role: As, inside: Connection[Any]):
    body = b'{"ticker": "FIBER", "action": "buy", "interval": "15", "id": "a-2"}'
    decisions = list(follow(as_role, inside, alert_row(as_role, body)))
    assert (decisions[-1].outcome, decisions[-1].code) == ("in_review", "TR221")
    inside.execute("insert into instrument_aliases (alias, symbol) values ('FIBER', 'EURUSD')")
    outcomes = [d.outcome for d in follow(as_role, inside, review_row(as_role, inside))]
    assert outcomes == ["understood", "normalized", "scored", "expected", "selected"]
    inside.execute("delete from instrument_aliases where alias = 'FIBER'")


def test_old_alert_rests_and_goes_on_with_a_persons_word(as_role: As, inside: Connection[Any]):
    body = b'{"ticker": "EURUSD", "action": "buy", "time": "2026-01-05T10:00:00Z"}'
    decisions = list(follow(as_role, inside, alert_row(as_role, body)))
    assert decisions[-1].code == "TR228"
    outcomes = [d.outcome for d in follow(as_role, inside, review_row(as_role, inside))]
    assert outcomes[-1] == "selected"


def test_halt_stops_the_chain_at_the_router(as_role: As, inside: Connection[Any]):
    inside.execute(
        "insert into governance.halts (halt_id, scope, scope_id, reason, requested_by)"
        " values (gen_random_uuid(), 'account', 'paper-1', 'test', 'test')"
    )
    last = list(follow(as_role, inside, alert_row(as_role)))[-1]
    assert (last.final, last.code) == (FinalOutcome.NOT_SELECTED, "TR403")


def test_without_an_active_pack_nothing_gets_past_the_normalizer(
    as_role: As, inside: Connection[Any]
):
    inside.execute("update risk.policies set active = false")
    last = list(follow(as_role, inside, alert_row(as_role)))[-1]
    assert (last.final, last.code) == (FinalOutcome.DENIED, "TR306")


def test_without_the_overseer_nothing_is_routed(as_role: As, inside: Connection[Any]):
    clear(inside)
    add_bars(inside)
    last = list(follow(as_role, inside, alert_row(as_role)))[-1]
    assert last.code == "TR603"
