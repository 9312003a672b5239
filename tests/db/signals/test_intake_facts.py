"""What intake, normalizer and analyst are told about a signal."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from tests.kit.signal_rows import (
    As,
    a_review,
    decide,
    normalized,
)
from tests.kit.signals import POLICY_HASH
from tests.kit.trading_desk import PACK, add_quote, ask, post, rows


def facts_of(as_role: As, *spellings: str) -> list[dict[str, Any]]:
    items = [{"alert_id": uuid4(), "symbol_raw": spelling} for spelling in spellings]
    return ask(as_role("normalizer_agent"), "intake.normalization_facts", *items)


def hypothesis_facts(as_role: As, signal: dict[str, Any]) -> list[dict[str, Any]]:
    item = {"signal_id": signal["signal_id"], "symbol": signal["symbol"]}
    return ask(as_role("strategy_analyst_agent"), "intake.hypothesis_facts", item)


def test_alert_comes_with_its_source_and_strategy(as_role: As):
    alert_id = post(as_role("desk_api"))["alert_id"]
    (facts,) = ask(as_role("intake_agent"), "intake.alert_facts", {"alert_id": alert_id})
    assert facts["alert"]["parsed"]["symbol_raw"] == "EURUSD"
    assert len(facts["alert"]["body_sha256"]) == 64
    assert facts["source"] == {"state": "active", "max_age_ms": 300_000}
    assert facts["strategy"]["mode"] == "paper"
    assert facts["approved"] is None


def test_unknown_alert_is_answered_too(as_role: As):
    (facts,) = ask(as_role("intake_agent"), "intake.alert_facts", {"alert_id": uuid4()})
    assert facts["alert"] is None


def test_only_an_approved_review_leads_to_its_alert(as_role: As):
    review = a_review("alert", post(as_role("desk_api"))["alert_id"])
    ask(as_role("intake_agent"), "intake.open_reviews", review)
    item = {"review_id": review["review_id"]}
    assert ask(as_role("intake_agent"), "intake.alert_facts", item)[0]["alert"] is None
    decide(as_role, review)
    (facts,) = ask(as_role("intake_agent"), "intake.alert_facts", item)
    assert facts["alert"]["alert_id"] == review["subject_id"]
    assert facts["approved"] == "TR235"


@pytest.mark.parametrize(
    "spelling", ["EURUSD", "eurusd", "EUR/USD", "EURUSD.M", "#EURUSD", "OANDA:EURUSD", "EURO"]
)
def test_every_spelling_finds_its_instrument(as_role: As, spelling: str):
    (facts,) = facts_of(as_role, spelling)
    assert [found["symbol"] for found in facts["instruments"]] == ["EURUSD"]
    assert facts["instruments"][0]["pip_size"] == "0.0001"
    assert facts["instruments"][0]["aliases"] == ["EURO"]


def test_unknown_spelling_finds_nothing(as_role: As):
    assert facts_of(as_role, "NOSUCH")[0]["instruments"] == []


def test_exchange_may_have_a_meaning_of_its_own(as_role: As, inside: Connection[Any]):
    inside.execute("insert into instrument_aliases (alias, symbol) values ('XETR:EURO', 'GBPUSD')")
    items = [
        {"alert_id": uuid4(), "symbol_raw": "EURO", "exchange": exchange}
        for exchange in ("XETR", "XETR_DLY", "OANDA", None)
    ]
    answers = ask(as_role("normalizer_agent"), "intake.normalization_facts", *items)
    inside.execute("delete from instrument_aliases where alias = 'XETR:EURO'")
    found = [[i["symbol"] for i in answer["instruments"]] for answer in answers]
    assert found == [["EURUSD", "GBPUSD"], ["EURUSD", "GBPUSD"], ["EURUSD"], ["EURUSD"]]


def test_quotes_come_along_where_distances_need_one(as_role: As, inside: Connection[Any]):
    add_quote(inside)
    bodies = [
        b'{"ticker": "EURUSD", "action": "buy", "sl_pips": 20, "id": "q-1"}',
        b'{"ticker": "EURUSD", "action": "buy", "sl_pips": 20, "price": 1.1, "id": "q-2"}',
        b'{"ticker": "EURUSD", "action": "buy", "id": "q-3"}',
    ]
    items = [
        {"alert_id": post(as_role("desk_api"), body)["alert_id"], "symbol_raw": "EURUSD"}
        for body in bodies
    ]
    answers = ask(as_role("normalizer_agent"), "intake.normalization_facts", *items)
    assert [answer["quotes"] is not None for answer in answers] == [True, False, False]
    assert answers[0]["quotes"].keys() == {"EURUSD"}


def test_batch_is_answered_item_by_item(as_role: As):
    answers = facts_of(as_role, "EURUSD", "NOSUCH", "GBPUSD", "EURUSD")
    found = [[i["symbol"] for i in answer["instruments"]] for answer in answers]
    assert found == [["EURUSD"], [], ["GBPUSD"], ["EURUSD"]]


def test_distances_age_policy_and_approvals_come_along(as_role: As):
    body = b'{"ticker": "EURUSD", "action": "buy", "sl_pips": 20, "id": "x-1"}'
    review = a_review("alert", post(as_role("desk_api"), body)["alert_id"], "TR228")
    ask(as_role("normalizer_agent"), "intake.open_reviews", review)
    decide(as_role, review)
    item = {"alert_id": review["subject_id"], "symbol_raw": "EURUSD"}
    (facts,) = ask(as_role("normalizer_agent"), "intake.normalization_facts", item)
    assert facts["distances"]["stop"] == {"value": "20", "unit": "pips"}
    assert facts["max_age_ms"] == 300_000
    assert facts["approved"] == ["TR228"]
    assert facts["policy_hash"] == POLICY_HASH
    assert facts["policy"] == PACK["intake"]
    assert facts["signal_id"] is None


def test_without_an_active_pack_there_is_no_policy(as_role: As, inside: Connection[Any]):
    inside.execute("update risk.policies set active = false")
    (facts,) = facts_of(as_role, "EURUSD")
    assert facts["policy"] is None
    assert facts["policy_hash"] is None


def test_normalised_alert_is_recognised(as_role: As):
    signal = normalized(as_role)
    item = {"alert_id": signal["alert_id"], "symbol_raw": "EURUSD"}
    (facts,) = ask(as_role("normalizer_agent"), "intake.normalization_facts", item)
    assert facts["signal_id"] == str(signal["signal_id"])


def test_tick_size_and_instant_come_along(as_role: As):
    signal = normalized(as_role)
    (facts,) = hypothesis_facts(as_role, signal)
    assert facts["tick_size"] == "0.00001"
    assert facts["wanted_at"].startswith("2026-03-04T10:00:00")
    assert facts["policy"] == PACK["hypothesis"]


def test_approval_counts_as_the_instant(as_role: As, inside: Connection[Any]):
    signal = normalized(as_role)
    review = a_review("signal", str(signal["signal_id"]))
    review["correlation_id"] = signal["correlation_id"]
    ask(as_role("rationale_scorer_agent"), "intake.open_reviews", review)
    decide(as_role, review)
    (facts,) = hypothesis_facts(as_role, signal)
    ((decided_at,),) = rows(inside, "select to_jsonb(decided_at) from review_queue")
    assert facts["wanted_at"] == decided_at


def test_outcomes_of_the_named_precedents_are_counted(as_role: As, inside: Connection[Any]):
    signal = normalized(as_role)
    known = [uuid4() for _ in range(3)]
    for precedent, outcome_r in zip(known, ("1.8", "-1", "0.2"), strict=True):
        inside.execute(
            "insert into public.precedents (rationale_id, org_id, symbol_class, symbol, side,"
            " feature_vector, outcome_r, ended, policy_hash, scored_at, closed_at)"
            " values (%s, 'demo', 'fx', 'EURUSD', 'BUY', %s, %s, 'time', 'hash',"
            " now() - interval '2 days', now() - interval '1 day')",
            (precedent, str([0] * 16), outcome_r),
        )
    item = {"signal_id": signal["signal_id"], "symbol": "EURUSD"}
    analyst = as_role("strategy_analyst_agent")
    (facts,) = ask(analyst, "intake.hypothesis_facts", item | {"precedents": [*known[:2], uuid4()]})
    inside.execute("set session_replication_role = replica")
    inside.execute("delete from public.precedents")
    assert (facts["precedents"], facts["precedents_won"]) == (2, 1)


def test_unknown_symbol_has_no_tick(as_role: As):
    (facts,) = hypothesis_facts(as_role, {"signal_id": uuid4(), "symbol": "NOSUCH"})
    assert facts["tick_size"] is None
    assert facts["wanted_at"] is None
