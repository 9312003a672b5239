"""What was filled beyond an order is covered through authority; what was meant is left alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.portfolio import CoverEvent, CoverIntent
from backend.values import Side
from tests.kit.messages import a_fill
from tests.kit.signals import POLICY_HASH, a_context, a_message, a_row
from workers.agent import Decision
from workers.agents import hedger

INSTRUMENT = {
    "notional_per_lot": "110000",
    "bid": "1.0999",
    "ask": "1.1001",
    "volume_min": "0.01",
    "volume_max": "100",
    "volume_step": "0.01",
}


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "equity": "100000",
        "currency": "USD",
        "venue_id": "mt5-paper",
        "mode": "paper",
        "exposures": {"EURUSD": "220000"},
        "unvalued": [],
        "instruments": {"EURUSD": INSTRUMENT},
        "excess": "0",
        "halted": False,
        "covers": False,
        "policy": {"residual_max": "0.01", "residual_target": "0.005"},
        "policy_hash": POLICY_HASH,
        **changes,
    }


def handle(**changes: Any) -> Any:
    fill = a_fill(symbol="EURUSD", side="BUY", account_id="paper-1")
    return hedger.handle(a_message(fill), facts(**changes), a_context("hedger"))


def only_event(decision: Any) -> CoverEvent:
    (emission,) = decision.emissions
    assert isinstance(emission.payload, CoverEvent)
    return emission.payload


def test_position_that_was_authorised_is_not_covered():
    decision = handle()
    event = only_event(decision)
    assert (decision.outcome, event.action, event.reason_code) == ("none", "none", "WITHIN_LIMIT")
    assert event.residual_before == 0


def test_lots_beyond_the_order_are_covered_by_an_intent_that_asks_for_authority():
    decision = handle(excess="0.2")
    intent, event = (emission.payload for emission in decision.emissions)
    assert isinstance(intent, CoverIntent)
    assert isinstance(event, CoverEvent)
    assert (intent.side, intent.quantity, intent.reduce_only) == (Side.SELL, Decimal("0.19"), True)
    assert intent.reference_price == Decimal("1.0999")
    assert event.cover_intent_id == intent.intent_id
    assert event.residual_before == intent.residual_exposure == Decimal(22_000)
    assert abs(event.residual_after) < Decimal(2_000)


def test_repeated_fill_proposes_the_same_intent():
    first, again = (handle(excess="0.2").emissions[0].payload for _ in range(2))
    assert first == again


def test_cover_of_a_cover_is_not_proposed():
    assert only_event(handle(covers=True, excess="0.2")).reason_code == "IS_COVER"


def test_halt_leaves_the_residual_open_and_says_so():
    event = only_event(handle(excess="0.2", halted=True))
    assert (event.reason_code, event.residual_after) == ("HALTED", Decimal(22_000))


def test_missing_facts_propose_nothing():
    assert only_event(handle(policy=None)).reason_code == "POLICY_MISSING"
    assert only_event(handle(equity=None)).reason_code == "ACCOUNT_MISSING"
    assert only_event(handle(instruments={}, excess="0.2")).residual_before != 0
    no_quote = {"EURUSD": {**INSTRUMENT, "notional_per_lot": None, "bid": None, "ask": None}}
    event = only_event(handle(instruments=no_quote, excess="5000"))
    assert event.reason_code == "PRICE_MISSING"


def test_basket_of_the_pack_is_covered_as_a_whole():
    basket = {"name": "dollar", "hedge_symbol": "EURUSD", "betas": {"EURUSD": "1", "GBPUSD": "0.9"}}
    policy = {"residual_max": "0.5", "residual_target": "0.1", "baskets": [basket]}
    decision = handle(policy=policy, exposures={"EURUSD": "50000", "GBPUSD": "100000"})
    intent = decision.emissions[0].payload
    assert intent.residual_exposure == Decimal(140_000)
    assert (intent.side, intent.quantity) == (Side.SELL, Decimal("1.18"))


DOLLAR = {"name": "dollar", "hedge_symbol": "EURUSD", "betas": {"EURUSD": "1", "GBPUSD": "0.9"}}
POLICY = {
    "residual_max": "0.5",
    "residual_target": "0.1",
    "betas": "measured",
    "correlation_min": "0.6",
    "beta_max": "3",
    "stop_sigmas": "2",
    "take_sigmas": "4",
    "tries_max": 3,
    "tries_window_s": 120,
    "retry_after_s": 5,
    "baskets": [DOLLAR],
}
BOOK = {"EURUSD": "50000", "GBPUSD": "100000"}
QUOTED = {"EURUSD": {**INSTRUMENT, "tick_size": "0.00001", "sigma": "0.005"}}


def test_measured_beta_sizes_the_cover_and_one_that_opens_carries_a_stop():
    measures = {"EURUSD": {"GBPUSD": {"correlation": "-0.8", "sigma": "0.01"}}}
    measures["EURUSD"]["GBPUSD"]["hedge_sigma"] = "0.005"
    opening = {"EURUSD": "0", "GBPUSD": "100000"}
    decision = handle(policy=POLICY, exposures=opening, measures=measures, instruments=QUOTED)
    intent = decision.emissions[0].payload
    assert (intent.side, intent.residual_exposure) == (Side.BUY, Decimal(-160_000))
    assert (intent.stop_loss, intent.take_profit) == (Decimal("1.08910"), Decimal("1.12210"))
    (kept,) = decision.effects
    assert kept.item["cover_id"] == kept.item["intent_id"] == str(intent.intent_id)
    unknown = {"EURUSD": {**QUOTED["EURUSD"], "sigma": None}}
    refused = handle(policy=POLICY, exposures=opening, measures=measures, instruments=unknown)
    assert only_event(refused).reason_code == "VOLATILITY_MISSING"


def test_of_fills_that_share_a_book_only_the_last_asks_for_the_cover():
    shared = {"policy": POLICY, "exposures": BOOK, "instruments": QUOTED, "last": {"GBPUSD": 1}}
    assert only_event(handle(**shared, nr=0)).reason_code == "LATER_FILL"
    assert handle(**shared, nr=1).outcome == "cover"
    assert handle(**{**shared, "last": {"USDJPY": 9}}, nr=0).outcome == "cover"


def test_residual_that_stands_is_covered_after_its_newest_fill_under_an_id_of_its_own():
    fill = a_fill(symbol="GBPUSD", account_id="paper-1").model_dump(mode="json")
    told = {
        **{key: fill[key] for key in ("fill_id", "order_id", "account_id", "strategy_id")},
        "symbol": "GBPUSD",
        "mode": "paper",
        "quantity": "1",
        "price": "1.27",
    }
    row = a_row("residual")
    asked = facts(policy=POLICY, exposures=BOOK, instruments=QUOTED, covers=True, fill=told)
    decision = hedger.handle(row, asked, a_context("hedger"))
    assert decision.emissions[0].payload.covers_fill_id == UUID(fill["fill_id"])
    assert decision.effects[0].item["cover_id"] == str(row.row_id)
    calm = hedger.handle(row, asked | {"exposures": {}}, a_context("hedger"))
    assert (calm.outcome, calm.emissions, calm.effects) == ("none", (), ())


def tick(told: Any = (), **changes: Any) -> Decision:
    account = {
        "account_id": "paper-1",
        "equity": "100000",
        "exposures": BOOK,
        "instruments": QUOTED,
        "pending": [],
        "asked": {},
        **changes,
    }
    found = {"accounts": [account], "measures": None, "policy": POLICY, "policy_hash": POLICY_HASH}
    return hedger.handle_tick(found | {"told": told}, a_context("hedger"))


def test_tick_asks_again_for_what_stands_open_and_is_quiet_otherwise():
    (effect,) = tick().effects
    assert effect.procedure == "execution.renew_covers"
    assert (effect.item["symbol"], effect.item["symbols"]) == ("EURUSD", ["EURUSD", "GBPUSD"])
    assert tick(asked={"EURUSD": {"tries": 2, "age_s": "6"}}).effects[0].item["tries"] == 2
    for quiet in (
        tick(pending=["EURUSD"]),
        tick(asked={"EURUSD": {"tries": 1, "age_s": "2"}}),
        tick(exposures={"EURUSD": "50000"}),
        tick(instruments={}),
    ):
        assert (quiet.effects, quiet.quiet) == ((), True)


SPENT = {"EURUSD": {"tries": 3, "age_s": "60"}}
KNOWN = {"account_id": "paper-1", "symbol": "EURUSD", "settled": True}


def test_tries_that_are_spent_are_told_once_and_their_end_too():
    decision = tick(asked=SPENT)
    (effect,) = decision.effects
    assert effect.procedure == "execution.tell_uncovered"
    assert (effect.item["residual"], effect.item["bound"]) == ("140000.00", "50000.00")
    assert (effect.item["covered"], decision.quiet, decision.outcome) == (False, False, "told")
    assert tick([KNOWN], asked=SPENT).effects == ()
    (over,) = tick([KNOWN], exposures={"EURUSD": "50000"}).effects
    assert over.item == {"account_id": "paper-1", "symbol": "EURUSD", "covered": True}
    # What is on its way may be refused yet; what has no price is not known to be covered.
    assert tick([KNOWN | {"settled": False}], exposures={"EURUSD": "50000"}).effects == ()
