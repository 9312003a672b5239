"""Rationale Scorer: says how good a signal is, and of what that verdict is made.

Mission: a score that explains itself, on evidence that is fresh. Observes finished bars, the
last quote, threshold and weights in force, precedents. SLO 5/25 ms. Failover: stateless but
for a cache of what bars say, which any worker fills again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.signals import NormalizedSignal, RationaleSignal
from backend.domain.market.quality import is_fresh
from backend.domain.rationale import (
    MOMENTARY,
    Conviction,
    FlowFacts,
    Precedent,
)
from backend.domain.timeframe import timeframe_seconds
from backend.values import OrderType, Side, read_instant
from workers import rationales
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts, RowMessage
from workers.rationales import Market
from workers.readings import (
    READINGS,
    Held,
    Precedents,
    features_of,
    features_said,
)
from workers.reviews import OPEN_REVIEWS, denied, to_review
from workers.sections import read_section

CANVAS = Canvas(
    mission="Score signals on structure, regime and flow so that a person can follow.",
    observations="Up to 200 finished bars, what readers make of their structures, the last "
    "quote, precedents, what a person approved.",
    actions="Records strategy_rationales; publishes signals.rationale.v1; opens reviews.",
    beliefs="Readings of bars per symbol and timeframe, until a newer bar is finished.",
    policy="Below the pack's threshold, or without fresh bars, a person looks and nothing "
    "further happens.",
    slo_p50_ms=5,
    slo_p95_ms=25,
    failover="Any worker reads the bars again; shards move when the lease ends.",
)
HEARS = (NormalizedSignal.TYPE,)
HEARS_ROWS = ("review",)
EMITS = (RationaleSignal.TYPE,)
READS_AHEAD = True
FACTS = "intake.scoring_facts"
MORE_FACTS = "intake.precedent_facts"
EFFECTS = ("intake.record_rationales", OPEN_REVIEWS)
MAY_CALL = (
    "intake.open_reviews",
    "intake.precedent_facts",
    "intake.record_rationales",
    "intake.scoring_facts",
)

CONVICTION_BEHIND_MAX = 2
"""Bars. Readers vote within a minute or so of a bar's close: further behind, they stalled."""

Heard = Message[NormalizedSignal] | RowMessage


@dataclass(frozen=True, slots=True)
class ScoringPolicy:
    """What the pack's section `scoring` says."""

    threshold: Decimal
    bars_min: int
    bars_age_max: int
    """Age of the newest finished bar, in bars of its timeframe."""
    quote_age_ms_max: int


def ask(message: Heard) -> dict[str, Any]:
    """Ask for bars (naming those already read), quote and precedents."""
    if isinstance(message, RowMessage):
        return {"review_id": str(message.row_id)}
    signal = message.payload
    held = READINGS.held(signal.symbol, signal.timeframe)
    if held is None:
        return {"signal_id": str(signal.signal_id)}
    item = {"signal_id": str(signal.signal_id), "have": held.ref}
    if _kept(held, message) is None:
        item["vector"] = held.vector(signal.session, signal.side)
    return item


def digest(message: Heard, facts: Facts) -> dict[str, Any]:
    """Put what the bars say in place of the bars. Raises LookupError if both are gone."""
    signal = facts["signal"]
    if isinstance(message, RowMessage):
        symbol, timeframe = (signal["symbol"], signal["timeframe"]) if signal else ("", "")
    else:
        symbol, timeframe = message.payload.symbol, message.payload.timeframe
    reading = READINGS.read(symbol, timeframe, facts["bars_ref"], facts["bars"])
    kept = {name: value for name, value in facts.items() if name not in ("i", "bars", "bars_ref")}
    held = READINGS.held(symbol, timeframe)
    if held is not None and not isinstance(message, RowMessage):
        if kept["precedents"] is None:
            kept["precedents"] = _kept(held, message)
        else:
            signal = message.payload
            held.keep(
                message.org_id, signal.session, signal.side, signal.received_at, kept["precedents"]
            )
    return {**kept, "reading": reading}


def _kept(held: Held, message: Message[NormalizedSignal]) -> Precedents | None:
    signal = message.payload
    return held.kept(message.org_id, signal.session, signal.side, signal.received_at)


def ask_more(message: Heard, facts: Facts) -> dict[str, Any] | None:
    """Ask for precedents where the bars were read only now: what they say was not known before."""
    if facts["precedents"] is not None or facts["reading"] is None:
        return None
    if isinstance(message, RowMessage):
        # What was scored before keeps its precedents.
        if facts["prior"] is not None or facts["signal"] is None:
            return None
        signal = NormalizedSignal.model_validate(facts["signal"])
    else:
        signal = message.payload
    held = READINGS.held(signal.symbol, signal.timeframe)
    if held is None or held.reading.get("atr") is None:
        return None
    return {
        "signal_id": str(signal.signal_id),
        "vector": held.vector(signal.session, signal.side),
    }


def handle(message: Heard, facts: Facts, context: Context) -> Decision:
    """Score one signal, or send on one that a person approved."""
    policy_hash, prior = facts["policy_hash"], facts["prior"]
    approved = isinstance(message, RowMessage)
    signal = _signal_of(message, facts)
    if prior is not None and not approved:
        return Decision("repeated", f"already scored as rationale {prior['rationale_id']}")
    policy = read_section(ScoringPolicy, facts["policy"])
    if policy is None:
        return denied(Code.POLICY_MISSING, "no active pack says what score is enough", policy_hash)
    market = _market(signal, facts, policy, context.now)
    if isinstance(market, tuple):
        return to_review(
            message, context, "signal", signal.signal_id, *market, policy_hash=policy_hash
        )
    if market.atr <= 0:
        return denied(Code.ATR_NOT_POSITIVE, Code.ATR_NOT_POSITIVE.meaning, policy_hash)
    if prior is not None:
        return _send_on(signal, prior, market, policy_hash)
    if facts["weights"] is None:
        return denied(Code.POLICY_MISSING, "no weights are in force", policy_hash)
    moment = tuple(market.said.get(name) for name in MOMENTARY)
    scored = rationales.score_once(
        market.features, signal.side, facts["weights"], _precedents(facts), moment
    )
    rationale = scored.rationale
    rationale_id = context.new_id("rationale")
    kept = Effect(
        "intake.record_rationales",
        rationales.record(
            message, signal, rationale_id, scored, market, policy.threshold, context.now
        ),
    )
    if rationale.score < policy.threshold and not approved:
        detail = f"{rationale.score} is below the threshold {policy.threshold}. "
        return to_review(
            message,
            context,
            "signal",
            signal.signal_id,
            Code.SCORE_BELOW_THRESHOLD,
            detail + rationale.sentence,
            before=(kept,),
            features=market.said,
            policy_hash=policy_hash,
        )
    emission = rationales.payload(signal, rationale_id, scored, market)
    reached = "a person approved it unscored" if approved else f"threshold {policy.threshold}"
    return Decision(
        outcome="scored",
        explanation=f"{rationale.sentence} Sent on: {reached}.",
        effects=(kept,),
        emissions=(Emission(emission, signal.symbol),),
        features=market.said,
        policy_hash=policy_hash,
    )


def _signal_of(message: Heard, facts: Facts) -> NormalizedSignal:
    if not isinstance(message, RowMessage):
        return message.payload
    if facts["signal"] is None:
        raise LookupError(f"review {message.row_id} leads to no signal")
    return NormalizedSignal.model_validate(facts["signal"])


def _market(
    signal: NormalizedSignal, facts: Facts, policy: ScoringPolicy, now: datetime
) -> Market | tuple[Code, str]:
    reading: Mapping[str, str] | None = facts["reading"]
    if reading is None:
        return Code.BARS_MISSING, f"there are no bars of {signal.symbol}"
    if reading.get("atr") is None or int(reading["bars"]) < policy.bars_min:
        return Code.BARS_MISSING, f"{reading['bars']} bars of {signal.symbol} are too few"
    opened_at = read_instant(reading["last_opened_at"])
    if not is_fresh(opened_at, reading["timeframe"], now, policy.bars_age_max):
        return Code.BARS_STALE, f"the last {reading['timeframe']} bar opened at {opened_at}"
    quote = _fresh_quote(facts["quote"], policy, now)
    typical = reading.get("typical_spread")
    flow = _flow(facts["quote"], quote, typical)
    # Decisions recorded before readers were asked know of none.
    conviction = _conviction(facts.get("conviction"), reading["timeframe"], opened_at)
    features = features_of(reading, signal.session, flow, conviction)
    return Market(
        features=features,
        said=features_said(reading, features),
        reference_price=_reference_price(signal, quote, Decimal(reading["close"])),
        atr=Decimal(reading["atr"]),
        bars=f"{reading['timeframe']}@{reading['last_opened_at']}",
    )


def _fresh_quote(
    quote: Mapping[str, str] | None, policy: ScoringPolicy, now: datetime
) -> tuple[Decimal, Decimal] | None:
    """Return bid and ask, or None: an old spread says nothing about the other side now."""
    if quote is None:
        return None
    age = now - read_instant(quote["received_at"])
    bid, ask = Decimal(quote["bid"]), Decimal(quote["ask"])
    if age > timedelta(milliseconds=policy.quote_age_ms_max) or not 0 < bid <= ask:
        return None
    return bid, ask


def _flow(
    row: Mapping[str, str | None] | None,
    quote: tuple[Decimal, Decimal] | None,
    typical: str | None,
) -> FlowFacts:
    """Say what the other side does, as far as the feed tells and only while it is fresh."""
    if row is None or quote is None:
        return FlowFacts(typical_spread=_decimal(typical))
    return FlowFacts(
        spread=quote[1] - quote[0],
        typical_spread=_decimal(typical),
        volume_delta=_decimal(row.get("volume_delta")),
        depth_imbalance=_decimal(row.get("depth_imbalance")),
    )


def _conviction(
    row: Mapping[str, Any] | None, timeframe: str, scored_at: datetime
) -> Conviction | None:
    """Return what readers make of the bar that is scored, or None if they fell behind it.

    scored_at: when that bar opened.
    """
    if row is None:
        return None
    behind = scored_at - read_instant(row["opened_at"])
    if behind > CONVICTION_BEHIND_MAX * timedelta(seconds=timeframe_seconds(timeframe)):
        return None
    return Conviction(
        up=Decimal(row["up"]),
        down=Decimal(row["down"]),
        high_up=row["high_up"],
        high_down=row["high_down"],
        odd_up=row["outlier_up"],
        odd_down=row["outlier_down"],
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _reference_price(
    signal: NormalizedSignal, quote: tuple[Decimal, Decimal] | None, close: Decimal
) -> Decimal:
    if signal.order_type is not OrderType.MARKET and signal.price is not None:
        return signal.price
    if quote is None:
        return close
    return quote[1] if signal.side is Side.BUY else quote[0]


def _send_on(
    signal: NormalizedSignal, prior: Mapping[str, Any], market: Market, policy_hash: str | None
) -> Decision:
    """Announce the score that a person approved, against the market of this moment."""
    return Decision(
        outcome="approved",
        explanation=f"A person approved it at score {prior['score']}; price and range are of now.",
        emissions=(Emission(rationales.recorded_payload(prior, signal, market), signal.symbol),),
        features=market.said,
        policy_hash=policy_hash,
    )


def _precedents(facts: Facts) -> tuple[Precedent, ...]:
    return tuple(
        _precedent(p["rationale_id"], p["distance"], p["outcome_r"])
        for p in facts["precedents"] or ()
    )


@lru_cache(maxsize=4096)
def _precedent(rationale_id: str, distance: str, outcome_r: str) -> Precedent:
    # Signals of one bar look alike: their precedents are the same few.
    return Precedent(UUID(rationale_id), Decimal(distance), Decimal(outcome_r))
