"""The order agent cuts what was authorised into children, and opens nothing that is refused."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backend.contracts.denials import Code
from backend.contracts.orders import PlaceCommand
from backend.policies import PACKS
from backend.values import FinalOutcome, format_instant
from tests.kit.messages import a_route_intent
from tests.kit.signals import NOW, a_context, a_message
from workers.agents import order

PACK = tomllib.loads((PACKS / "default.toml").read_text())
CONTEXT = a_context("order")
ROUTE = a_route_intent()


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "intent": {
            "state": "authorized",
            "authorized_quantity": str(ROUTE.quantity),
            "expires_at": format_instant(NOW + timedelta(seconds=30)),
            "policy_hash": ROUTE.policy_hash,
            "side": ROUTE.side.value,
            "symbol": ROUTE.symbol,
            "venue_id": ROUTE.routing_plan[0].venue_id,
            "account_id": ROUTE.account_id,
            "kind": "allocate",
        },
        "instrument": {"volume_min": "0.01", "volume_max": "100", "volume_step": "0.01"},
        "refusal": None,
        "ordered": 0,
        "slicing": PACK["slicing"],
        "execution": PACK["execution"],
        "policy_hash": ROUTE.policy_hash,
    } | changes


def decide(known: dict[str, Any], **route: Any) -> Any:
    return order.handle(a_message(a_route_intent(**route)), known, CONTEXT)


def test_a_routed_intent_becomes_one_order_with_its_stop() -> None:
    decision = decide(facts())
    (emission,), (effect,) = decision.emissions, decision.effects
    command = emission.payload
    assert isinstance(command, PlaceCommand)
    assert (command.quantity, command.stop_loss) == (ROUTE.quantity, ROUTE.stop_loss)
    assert effect.procedure == "execution.open_orders"
    (child,) = effect.item["children"]
    assert child["order_id"] == str(command.order_id)
    assert command.expires_at == NOW + timedelta(seconds=PACK["slicing"]["child_ttl_s"])


def test_what_exceeds_the_venues_maximum_is_cut_into_children_that_sum_up() -> None:
    small = {"volume_min": "0.01", "volume_max": "0.08", "volume_step": "0.01"}
    decision = decide(facts(instrument=small))
    quantities = [emission.payload.quantity for emission in decision.emissions]
    assert len(quantities) == 3
    assert sum(quantities) == ROUTE.quantity
    assert max(quantities) <= Decimal("0.08")
    assert len({emission.payload.order_id for emission in decision.emissions}) == 3


def test_a_repeated_message_makes_the_same_orders() -> None:
    assert decide(facts()) == decide(facts())
    assert decide(facts(ordered=1)).outcome == "repeated"


@pytest.mark.parametrize("code", [Code.HALTED, Code.PRICE_STALE, Code.POLICY_HASH_MISMATCH])
def test_a_refusal_of_the_database_denies_with_its_code(code: Code) -> None:
    decision = decide(facts(refusal=code.value))
    assert (decision.code, decision.final) == (code, FinalOutcome.DENIED)
    (effect,) = decision.effects
    assert effect.procedure == "risk.refuse_intents"
    assert effect.item == {"intent_id": str(ROUTE.intent_id), "code": code.value}
    assert not decision.emissions


def test_what_holds_nothing_any_more_is_not_given_back() -> None:
    over = facts()["intent"] | {"state": "expired"}
    assert not decide(facts(intent=over, refusal="TR401")).effects


def test_an_authorisation_that_is_over_expires_the_alert() -> None:
    assert decide(facts(refusal="TR408")).final is FinalOutcome.EXPIRED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"side": "SELL"}, Code.ORDER_NOT_AUTHORIZED),
        ({"symbol": "GBPUSD"}, Code.ORDER_NOT_AUTHORIZED),
        ({"account_id": "paper-9"}, Code.ORDER_NOT_AUTHORIZED),
        ({"venue_id": "elsewhere"}, Code.VENUE_UNKNOWN),
        ({"authorized_quantity": "0.01"}, Code.CHILDREN_EXCEED_INTENT),
        ({"policy_hash": "0" * 64}, Code.POLICY_HASH_MISMATCH),
    ],
)
def test_a_message_that_differs_from_the_record_opens_nothing(
    change: dict[str, Any], code: Code
) -> None:
    decision = decide(facts(intent=facts()["intent"] | change))
    assert decision.code is code
    assert [effect.procedure for effect in decision.effects] == ["risk.refuse_intents"]
    assert not decision.emissions


def test_what_the_instrument_cannot_say_is_denied() -> None:
    coarse = {"volume_min": "1", "volume_max": "100", "volume_step": "1"}
    assert decide(facts(instrument=coarse)).code is Code.ORDER_NOT_EXPRESSIBLE


def test_an_unknown_intent_or_pack_denies() -> None:
    assert decide(facts(intent=None)).code is Code.ORDER_NOT_AUTHORIZED
    assert decide(facts(slicing=None)).code is Code.POLICY_MISSING
