"""The portfolio sizes by the tightest rule, and sizes nothing when it does not know."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from typing import Any

import pytest

from backend.contracts.denials import Code
from backend.contracts.portfolio import AllocateIntent
from backend.policies import PACKS
from backend.values import FinalOutcome, format_instant
from tests.kit.messages import an_opportunity
from tests.kit.signals import NOW, POLICY_HASH, a_context, a_message
from workers.agents import portfolio

PACK = tomllib.loads((PACKS / "default.toml").read_text())
CONTEXT = a_context("portfolio")


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "instrument": {
            "contract_size": "100000",
            "volume_min": "0.01",
            "volume_max": "100",
            "volume_step": "0.01",
            "digits": 5,
        },
        "account": {"equity": "100000", "currency": "USD", "as_of": format_instant(NOW)},
        "quote": {"bid": "1.08490", "ask": "1.08500", "received_at": format_instant(NOW)},
        "rate": "1",
        "current_quantity": "0",
        "gross_exposure": "0",
        "probability": "0.6",
        "sigma": "0.005",
        "trades": 400,
        "losses_in_row": 0,
        "balances": [
            {
                "currency": "USD",
                "cash": "100000",
                "equity": "100000",
                "as_of": format_instant(NOW),
            }
        ],
        "margin_rate": "0.0334",
        "policy": PACK["sizing"],
        "treasury": PACK["treasury"],
        "policy_hash": POLICY_HASH,
    } | changes


def decide(**changes: Any) -> Any:
    return portfolio.handle(a_message(an_opportunity()), facts(**changes), CONTEXT)


def intent_of(decision: Any) -> AllocateIntent:
    (emission,) = decision.emissions
    return emission.payload


def test_an_opportunity_becomes_an_intent_on_the_volume_step() -> None:
    decision = decide()
    intent = intent_of(decision)
    assert decision.outcome == "sized"
    assert intent.quantity > 0
    assert intent.quantity % Decimal("0.01") == 0
    risked = intent.quantity * 100_000 * abs(intent.reference_price - (intent.stop_loss or 0))
    assert risked <= Decimal(750)
    assert decision.emissions[0].ordering_key == intent.account_id
    assert {delta.scope for delta in intent.exposure_deltas} == {
        "organization", "account", "strategy", "instrument", "venue",
    }  # fmt: skip


def test_the_same_opportunity_always_makes_the_same_intent() -> None:
    assert decide() == decide()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instrument": None}, Code.INSTRUMENT_MISSING),
        ({"account": None}, Code.ACCOUNT_MISSING),
        ({"quote": None}, Code.PRICE_MISSING),
        ({"probability": None}, Code.OBSERVATION_MISSING),
        ({"gross_exposure": None}, Code.OBSERVATION_MISSING),
        ({"rate": None}, Code.CONVERSION_RATE_MISSING),
        ({"policy": None}, Code.POLICY_MISSING),
        ({"balances": None}, Code.TREASURY_UNKNOWN),
        ({"treasury": None}, Code.TREASURY_UNKNOWN),
        ({"probability": "0.3"}, Code.NO_EDGE),
        ({"gross_exposure": "3000000"}, Code.NO_ROOM),
    ],
)
def test_what_is_missing_or_unwise_gets_no_size(changes: dict[str, Any], code: Code) -> None:
    decision = decide(**changes)
    assert (decision.outcome, decision.code) == ("denied", code)
    assert decision.final is FinalOutcome.DENIED
    assert not decision.emissions


def test_a_small_account_is_denied_what_it_cannot_afford() -> None:
    account = {"equity": "100", "currency": "USD", "as_of": format_instant(NOW)}
    assert decide(account=account).code is Code.BELOW_MINIMUM


def test_a_thin_cash_buffer_makes_orders_smaller() -> None:
    full = intent_of(decide()).quantity
    thin = intent_of(
        decide(gross_exposure="2000000", policy={**PACK["sizing"], "leverage_max": "50"})
    )
    assert thin.quantity < full
    assert "TREASURY_THROTTLED" in thin.reason_codes
