"""Normalizer: puts a signal into the desk's own words, or says what it cannot place.

Mission: one spelling per symbol, timeframe, session and price. Observes the instrument
registry, the source's age limit and the pack. SLO 5/20 ms. Failover: stateless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson

from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.normalization import RULES
from backend.contracts.signals import NormalizedSignal, RawSignal
from backend.domain.instruments import InstrumentRegistry
from backend.domain.intake.wire import decode_distance
from backend.domain.normalization_wire import decode_instrument, decode_quote
from backend.domain.normalize import (
    NormalizeCode,
    Normalized,
    NormalizePolicy,
    NotNormalized,
    SignalFacts,
    normalize,
)
from backend.values import format_instant
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts
from workers.reviews import OPEN_REVIEWS, denied, to_review
from workers.sections import read_section

CANVAS = Canvas(
    mission="Say what an alert means in the desk's own words, and never guess.",
    observations="Instruments that a spelling may mean, quotes for distances without a price, "
    "the source's age limit, the pack.",
    actions="Records signals_normalized; publishes signals.normalized.v1; opens reviews.",
    beliefs="None: every fact is read afresh.",
    policy="Unknown or ambiguous symbol, unreadable timeframe, wrong-sided stop, old alert: "
    "a person looks. Instrument not open for trading or market closed: denied.",
    slo_p50_ms=5,
    slo_p95_ms=20,
    failover="Stateless; shards move to another worker when the lease ends.",
)
HEARS = (RawSignal.TYPE,)
EMITS = (NormalizedSignal.TYPE,)
FACTS = "intake.normalization_facts"
EFFECTS = ("intake.record_normalized", OPEN_REVIEWS)
MAY_CALL = ("intake.normalization_facts", "intake.record_normalized", "intake.open_reviews")

_CODES = {code: Code.__members__.get(code.name, Code.NOT_UNDERSTOOD) for code in NormalizeCode}
# Risk has a PRICE_MISSING of its own, which means that the market has no quote.
_CODES[NormalizeCode.PRICE_MISSING] = Code.ORDER_PRICE_MISSING
_ANY_AGE_S = 100 * 366 * 86_400


def ask(message: Message[RawSignal]) -> dict[str, Any]:
    """Ask for the instruments that the spelling may mean."""
    payload = message.payload
    return {
        "alert_id": str(payload.alert_id),
        "symbol_raw": payload.symbol_raw,
        "exchange": payload.exchange,
    }


def handle(message: Message[RawSignal], facts: Facts, context: Context) -> Decision:
    """Normalise one signal."""
    signal, policy_hash = message.payload, facts["policy_hash"]
    if facts["signal_id"] is not None:
        # One alert makes one signal, however often it is announced.
        return Decision("repeated", f"already normalised as signal {facts['signal_id']}")
    policy = _policy(facts)
    if policy is None:
        return denied(Code.POLICY_MISSING, "no active pack says how to read alerts", policy_hash)
    registry = _registry(facts["instruments"])
    found = normalize(_signal_facts(signal, facts, registry), registry, policy)
    if isinstance(found, NotNormalized):
        code = _CODES[found.code]
        detail = f"{code.meaning} ({found.detail})"
        if not found.needs_person:
            return denied(code, detail, policy_hash)
        return to_review(
            message, context, "alert", signal.alert_id, code, detail, policy_hash=policy_hash
        )
    return _normalized(message, found, context, policy_hash)


def _normalized(
    message: Message[RawSignal], found: Normalized, context: Context, policy_hash: str | None
) -> Decision:
    raw = message.payload
    signal = NormalizedSignal(
        signal_id=context.new_id("signal"),
        alert_id=raw.alert_id,
        symbol=found.instrument.symbol,
        symbol_class=found.instrument.symbol_class,
        side=found.side,
        order_type=found.order_type,
        price=found.price,
        stop_loss=found.stop_loss,
        take_profit=found.take_profit,
        quantity=raw.quantity,
        timeframe=found.timeframe,
        session=found.session,
        source_time=found.source_time,
        received_at=found.received_at,
        strategy_id=raw.strategy_id,
        mode=raw.mode,
    )
    item = signal.model_dump(mode="json") | {
        "correlation_id": str(message.correlation_id),
        "org_id": message.org_id,
        "normalized_at": format_instant(context.now),
        "session_tags": list(found.session_tags),
    }
    notes = "".join(f" Note: {note}." for note in found.notes)
    return Decision(
        outcome="normalized",
        explanation=f"{raw.symbol_raw} is {signal.symbol}: {signal.side.value} "
        f"{signal.order_type.value} on {signal.timeframe}, session {signal.session}.{notes}",
        effects=(Effect("intake.record_normalized", item),),
        emissions=(Emission(signal, signal.symbol),),
        features={"session_tags": ",".join(found.session_tags), "rules": str(RULES.version)},
        policy_hash=policy_hash,
    )


def _policy(facts: Facts) -> NormalizePolicy | None:
    policy, source_age_ms = read_section(NormalizePolicy, facts["policy"]), facts["max_age_ms"]
    if policy is None or source_age_ms is None:
        return None
    if Code.ALERT_TOO_OLD in facts["approved"]:
        # A person looked at this alert's age and sent it on.
        return replace(policy, source_age_s_max=_ANY_AGE_S)
    age_s_max = min(policy.source_age_s_max, int(source_age_ms) // 1000)
    return replace(policy, source_age_s_max=age_s_max)


def _signal_facts(signal: RawSignal, facts: Facts, registry: InstrumentRegistry) -> SignalFacts:
    distances, quotes = facts["distances"], facts["quotes"]
    quote = None
    if quotes is not None:
        named = registry.resolve(signal.symbol_raw, signal.exchange)
        quote = None if named is None else decode_quote(quotes.get(named.symbol))
    return SignalFacts(
        symbol_raw=signal.symbol_raw,
        exchange=signal.exchange,
        side=signal.side,
        order_type=signal.order_type,
        price=signal.price,
        stop_loss=signal.stop_loss,
        take_profit=signal.take_profit,
        timeframe=signal.timeframe,
        source_time=signal.source_time,
        received_at=signal.received_at,
        stop_distance=decode_distance(distances["stop"]),
        take_distance=decode_distance(distances["take"]),
        quote=quote,
    )


def _registry(rows: list[Mapping[str, Any]]) -> InstrumentRegistry:
    return _registry_of(orjson.dumps(rows))


@lru_cache(maxsize=512)
def _registry_of(rows: bytes) -> InstrumentRegistry:
    return InstrumentRegistry.of(decode_instrument(row) for row in orjson.loads(rows))
