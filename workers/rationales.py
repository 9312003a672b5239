"""A rationale as it is scored once, recorded and published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from backend.contracts.base import Attribution
from backend.contracts.message import Message
from backend.contracts.signals import NormalizedSignal, RationaleAxes, RationaleSignal
from backend.domain.rationale import (
    Precedent,
    Rationale,
    RationaleFeatures,
    feature_vector,
    load_weights,
    score,
)
from backend.values import Side, format_decimal, format_instant
from workers.agent import RowMessage
from workers.readings import vector_text

Heard = Message[NormalizedSignal] | RowMessage


@dataclass(frozen=True, slots=True)
class Market:
    """What the market looks like to one signal. Prices in quote currency."""

    features: RationaleFeatures
    said: dict[str, str]
    """The known features as text."""
    reference_price: Decimal
    atr: Decimal
    bars: str
    """Which bars were read: timeframe and the newest one's opening."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A rationale with its words for the record and for the message, which are never changed."""

    rationale: Rationale
    recorded: Mapping[str, Any]
    published: Mapping[str, Any]


@lru_cache(maxsize=4096)
def score_once(
    features: RationaleFeatures,
    side: Side,
    weights: str,
    precedents: tuple[Precedent, ...],
    moment: tuple[str | None, ...],
) -> Scored:
    """Score, once for all signals that see the same market. Raises ValueError like `score`.

    Alerts come in bursts, when a bar closes: many of them ask the same of the same moment.
    moment: its features as text. Equal numbers of different text (0.5, 0.50) are two decisions.
    """
    rationale = score(features, side, load_weights(weights), precedents)
    axes = rationale.axes
    return Scored(
        rationale=rationale,
        recorded={
            # As text at once: an item is written twice, for the database and for its hash.
            "score": format_decimal(rationale.score),
            "confidence": format_decimal(rationale.confidence),
            "axes": {
                "smc_confluence": format_decimal(axes.smc_confluence),
                "regime_fit": format_decimal(axes.regime_fit),
                "flow_alignment": format_decimal(axes.flow_alignment),
                "flow_known": axes.flow_known,
            },
            "feature_vector": vector_text(feature_vector(features, side)),
            "contributions": [
                {
                    "feature": c.feature,
                    "axis": c.axis,
                    "value": format_decimal(c.value),
                    "weight": format_decimal(c.weight),
                }
                for c in rationale.contributions
            ],
            "conflicts": list(rationale.conflicts),
            "unknown": list(rationale.unknown),
            "precedents": [str(precedent.rationale_id) for precedent in precedents],
            "sentence": rationale.sentence,
            "weights_version": rationale.weights_version,
        },
        published={
            "score": rationale.score,
            "confidence": rationale.confidence,
            "axes": RationaleAxes(
                smc_confluence=axes.smc_confluence,
                regime_fit=axes.regime_fit,
                flow_alignment=axes.flow_alignment,
                flow_known=axes.flow_known,
            ),
            "top_contributions": tuple(
                Attribution(feature=c.feature, weight=c.weight) for c in rationale.top
            ),
            "conflicts": rationale.conflicts,
            "precedents": tuple(precedent.rationale_id for precedent in precedents),
            "sentence": rationale.sentence,
            "weights_version": rationale.weights_version,
        },
    )


def record(
    message: Heard,
    signal: NormalizedSignal,
    rationale_id: UUID,
    scored: Scored,
    market: Market,
    threshold: Decimal,
    now: datetime,
) -> dict[str, Any]:
    """Return the item of `intake.record_rationales`."""
    return {
        **scored.recorded,
        "rationale_id": str(rationale_id),
        "signal_id": str(signal.signal_id),
        "correlation_id": str(message.correlation_id),
        "org_id": message.org_id,
        "symbol": signal.symbol,
        "side": signal.side,
        "features": market.said
        | {"reference_price": format_decimal(market.reference_price), "bars": market.bars},
        "threshold": format_decimal(threshold),
        "scored_at": format_instant(now),
    }


def payload(
    signal: NormalizedSignal, rationale_id: UUID, scored: Scored, market: Market
) -> RationaleSignal:
    """Return what is published of a rationale."""
    return RationaleSignal(
        rationale_id=rationale_id, **scored.published, **_carried(signal, market)
    )


def recorded_payload(
    prior: Mapping[str, Any], signal: NormalizedSignal, market: Market
) -> RationaleSignal:
    """Return what is published of a rationale that is on record, with the market as it is now."""
    return RationaleSignal(
        rationale_id=UUID(prior["rationale_id"]),
        score=Decimal(prior["score"]),
        confidence=Decimal(prior["confidence"]),
        axes=RationaleAxes.model_validate(prior["axes"]),
        top_contributions=tuple(
            Attribution(feature=c["feature"], weight=c["weight"])
            for c in prior["contributions"][:3]
        ),
        conflicts=tuple(prior["conflicts"]),
        precedents=tuple(UUID(precedent) for precedent in prior["precedents"]),
        sentence=prior["sentence"],
        weights_version=prior["weights_version"],
        **_carried(signal, market),
    )


def _carried(signal: NormalizedSignal, market: Market) -> dict[str, Any]:
    return {
        "signal_id": signal.signal_id,
        "symbol": signal.symbol,
        "side": signal.side,
        "order_type": signal.order_type,
        "reference_price": market.reference_price,
        "atr": market.atr,
        "stop_loss": signal.stop_loss,
        "take_profit": signal.take_profit,
        "quantity": signal.quantity,
        "timeframe": signal.timeframe,
        "strategy_id": signal.strategy_id,
        "mode": signal.mode,
    }
