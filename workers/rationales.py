"""A rationale as it is recorded and as it is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.base import Attribution
from backend.contracts.message import Message
from backend.contracts.signals import NormalizedSignal, RationaleAxes, RationaleSignal
from backend.domain.rationale import Precedent, Rationale, RationaleFeatures, feature_vector
from backend.values import format_decimal, format_instant
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


def record(
    message: Heard,
    signal: NormalizedSignal,
    rationale_id: UUID,
    rationale: Rationale,
    market: Market,
    precedents: tuple[Precedent, ...],
    threshold: Decimal,
    now: datetime,
) -> dict[str, Any]:
    """Return the item of `intake.record_rationales`."""
    axes = rationale.axes
    return {
        "rationale_id": rationale_id,
        "signal_id": signal.signal_id,
        "correlation_id": message.correlation_id,
        "org_id": message.org_id,
        "symbol": signal.symbol,
        "side": signal.side,
        # As text at once: an item is written twice, for the database and for its hash.
        "score": format_decimal(rationale.score),
        "confidence": format_decimal(rationale.confidence),
        "axes": {
            "smc_confluence": format_decimal(axes.smc_confluence),
            "regime_fit": format_decimal(axes.regime_fit),
            "flow_alignment": format_decimal(axes.flow_alignment),
            "flow_known": axes.flow_known,
        },
        "features": market.said
        | {"reference_price": format_decimal(market.reference_price), "bars": market.bars},
        "feature_vector": vector_text(feature_vector(market.features, signal.side)),
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
        "precedents": [precedent.rationale_id for precedent in precedents],
        "sentence": rationale.sentence,
        "weights_version": rationale.weights_version,
        "threshold": threshold,
        "scored_at": format_instant(now),
    }


def payload(
    signal: NormalizedSignal,
    rationale_id: UUID,
    rationale: Rationale,
    market: Market,
    precedents: tuple[Precedent, ...],
) -> RationaleSignal:
    """Return what is published of a rationale."""
    return RationaleSignal(
        rationale_id=rationale_id,
        score=rationale.score,
        confidence=rationale.confidence,
        axes=_axes(rationale),
        top_contributions=tuple(
            Attribution(feature=c.feature, weight=c.weight) for c in rationale.top
        ),
        conflicts=rationale.conflicts,
        precedents=tuple(precedent.rationale_id for precedent in precedents),
        sentence=rationale.sentence,
        weights_version=rationale.weights_version,
        **_carried(signal, market),
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


def _axes(rationale: Rationale) -> RationaleAxes:
    axes = rationale.axes
    return RationaleAxes(
        smc_confluence=axes.smc_confluence,
        regime_fit=axes.regime_fit,
        flow_alignment=axes.flow_alignment,
        flow_known=axes.flow_known,
    )
