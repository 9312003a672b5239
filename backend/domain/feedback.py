"""Compare what a closed order was expected to do with what it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from backend.domain.numbers import MICRO, ONE, ZERO


class ClosedBy(StrEnum):
    """How a trade ended."""

    TARGET = "target"
    STOP = "stop"
    OTHER = "other"
    NOT_FILLED = "not_filled"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was expected when the order was decided."""

    probability: Decimal
    reward_to_risk: Decimal
    slippage_bps: Decimal
    latency_ms: int | None
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. Money in account currency; `pnl` after all costs."""

    filled_quantity: Decimal
    slippage_bps: Decimal | None
    latency_ms: int | None
    pnl: Decimal
    risk_amount: Decimal
    """Loss at the stop as sized."""
    closed_by: ClosedBy
    decided_at: datetime
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class DecisionDelta:
    """Realised less predicted; None where there is nothing to compare."""

    predicted_r: Decimal
    realized_r: Decimal | None
    delta_r: Decimal | None
    brier: Decimal | None
    """Squared error of the probability: 0 best, 1 worst; only for target and stop."""
    slippage_delta_bps: Decimal | None
    latency_delta_ms: int | None
    fill_ratio: Decimal
    held_s: int
    label: str
    """`win`, `loss`, `flat` or `not_filled`."""


def compare(prediction: Prediction, outcome: Outcome) -> DecisionDelta:
    """Return the differences of one closed order."""
    predicted = prediction.probability * prediction.reward_to_risk - (ONE - prediction.probability)
    filled = outcome.filled_quantity > 0
    realized: Decimal | None = None
    if filled and outcome.risk_amount > 0:
        realized = (outcome.pnl / outcome.risk_amount).quantize(MICRO)
    hit = {ClosedBy.TARGET: ONE, ClosedBy.STOP: ZERO}.get(outcome.closed_by)
    slippage: Decimal | None = None
    if filled and outcome.slippage_bps is not None:
        slippage = outcome.slippage_bps - prediction.slippage_bps
    latency: int | None = None
    if outcome.latency_ms is not None and prediction.latency_ms is not None:
        latency = outcome.latency_ms - prediction.latency_ms
    ratio = outcome.filled_quantity / prediction.quantity if prediction.quantity > 0 else ZERO
    return DecisionDelta(
        predicted_r=predicted.quantize(MICRO),
        realized_r=realized,
        delta_r=None if realized is None else (realized - predicted).quantize(MICRO),
        brier=None if hit is None else ((prediction.probability - hit) ** 2).quantize(MICRO),
        slippage_delta_bps=slippage,
        latency_delta_ms=latency,
        fill_ratio=ratio.quantize(MICRO),
        held_s=max(0, int((outcome.closed_at - outcome.decided_at) / timedelta(seconds=1))),
        label=_label(filled, outcome.pnl),
    )


def _label(filled: bool, pnl: Decimal) -> str:
    if not filled:
        return "not_filled"
    if pnl == 0:
        return "flat"
    return "win" if pnl > 0 else "loss"
