"""Risk announces what the database decided, in words that name the limits."""

from __future__ import annotations

from typing import Any

from backend.contracts.denials import Code
from backend.contracts.risk import RiskContext
from backend.values import FinalOutcome
from tests.kit.messages import a_cover_intent, an_allocation
from tests.kit.signals import POLICY_HASH, a_context, a_message, a_row
from workers.agents import risk

CONTEXT = a_context("risk")


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "decision": "authorized",
        "code": None,
        "intent": None,
        "requested_quantity": "0.20",
        "authorized_quantity": "0.20",
        "notional": "21700",
        "trimmed_by": [],
        "breach_flags": [],
        "risk_level": "LOW",
        "highest_utilization": "0.22",
        "portfolio_var": "182.4",
        "daily_drawdown_pct": "0",
        "treasury_utilization": "0.1",
        "volatility": "0.006",
        "policy_hash": POLICY_HASH,
        "checks": [],
    } | changes


DENIAL = facts(
    decision="denied",
    code="TR310",
    authorized_quantity="0",
    checks=[
        {
            "limit_kind": "position_quantity",
            "scope": "instrument",
            "scope_id": "EURUSD",
            "limit_value": "8",
            "projected": "9.2",
            "outcome": "denied",
            "code": "TR310",
        }
    ],
)


def test_an_authorised_intent_goes_on_with_its_risk_state() -> None:
    decision = risk.handle(a_message(an_allocation()), facts(), CONTEXT)
    (emission,) = decision.emissions
    assert decision.outcome == "authorized"
    assert decision.final is None
    assert isinstance(emission.payload, RiskContext)
    assert emission.payload.policy_hash == decision.policy_hash == POLICY_HASH
    assert emission.ordering_key == "paper-1"


def test_a_trim_names_the_limits_that_cut() -> None:
    trimmed = facts(
        decision="trimmed", authorized_quantity="0.10", trimmed_by=["account.order_notional"]
    )
    decision = risk.handle(a_message(an_allocation()), trimmed, CONTEXT)
    assert decision.outcome == "trimmed"
    assert "0.10 of 0.20" in decision.explanation
    assert "account.order_notional" in decision.explanation


def test_a_denial_ends_the_alert_and_names_limit_and_figure() -> None:
    decision = risk.handle(a_message(an_allocation()), DENIAL, CONTEXT)
    assert (decision.code, decision.final) == (Code.POSITION_EXCEEDED, FinalOutcome.DENIED)
    assert "instrument EURUSD position_quantity at 9.2 against 8" in decision.explanation
    assert not decision.emissions


def test_a_denied_cover_ends_nobodys_alert() -> None:
    decision = risk.handle(a_message(a_cover_intent()), DENIAL, CONTEXT)
    assert decision.outcome == "denied"
    assert decision.final is None


def test_it_asks_with_the_whole_intent() -> None:
    item = risk.ask(a_message(an_allocation()))
    assert (item["kind"], item["org_id"], item["quantity"]) == ("allocate", "demo", "0.20")
    assert risk.ask(a_message(a_cover_intent()))["kind"] == "cover"


def test_an_intent_that_its_vote_approved_is_asked_for_as_a_new_one() -> None:
    row = a_row("approved")
    item = risk.ask(row)
    assert item == risk.ask(row)
    assert item["proposal_id"] == str(row.row_id)
    body = risk.ask(a_message(an_allocation())) | {"intent_id": item["intent_id"]}
    decision = risk.handle(row, facts(intent=body), CONTEXT)
    assert str(decision.emissions[0].payload.intent_id) == item["intent_id"]


def test_an_approved_intent_that_is_gone_is_denied() -> None:
    row = a_row("approved")
    gone = facts(decision="denied", code="TR304", intent=risk.ask(row))
    assert risk.handle(row, gone, CONTEXT).final is FinalOutcome.DENIED
