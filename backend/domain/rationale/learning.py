"""Learn the score's weights from outcomes, and show how far its probabilities hold.

Logistic regression drawn towards the weights in force (a Gaussian prior): few outcomes move
little, many decide. It is judged on the latest quarter, which it did not see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from backend.domain.numbers import decimal_from_float
from backend.domain.rationale.axes import FEATURE_NAMES, FEATURES
from backend.domain.rationale.weights import Weights
from backend.values import Side

FloatArray = NDArray[np.float64]

OUTCOMES_MIN = 200
"""Fewer outcomes than this teach nothing that holds."""
PULL = 20.0
"""How strongly weights are held to what was believed: the precision of the prior."""
_WEIGHT_MAX = 5.0
_HELD_OUT = 0.25
_BINS = 10
_STEPS_MAX = 50


@dataclass(frozen=True, slots=True)
class Case:
    """A scored signal with its outcome. features: as seen from the market, by name."""

    features: Mapping[str, Decimal]
    side: Side
    won: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Scores of one tenth: what they promised on average and what came of it."""

    count: int
    promised: float
    happened: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well probabilities held on outcomes that were not learned from; lower is better."""

    count: int
    brier: float
    log_loss: float
    error: float
    """Mean distance between promised and happened over the bins, weighed by count."""
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """Weights learned from outcomes, beside those in force on the same held-out quarter."""

    weights: Weights
    learned: Calibration
    before: Calibration
    outcomes: int

    @property
    def better(self) -> bool:
        """True if the learned weights would have promised more truly."""
        return self.learned.log_loss < self.before.log_loss


def fit_weights(cases: Sequence[Case], before: Weights, version: str) -> Fit:
    """Learn from cases in the order of time. Raises ValueError on fewer than OUTCOMES_MIN."""
    if len(cases) < OUTCOMES_MIN:
        raise ValueError(f"{len(cases)} outcomes are fewer than {OUTCOMES_MIN}")
    features = np.array([_row(case) for case in cases])
    won = np.array([case.won for case in cases], dtype=np.float64)
    prior = _coefficients(before)
    split = int(len(cases) * (1 - _HELD_OUT))
    seen = _fit(features[:split], won[:split], prior)
    return Fit(
        weights=_weights(_fit(features, won, prior), version),
        learned=calibrate(_probabilities(features[split:], seen), won[split:]),
        before=calibrate(_probabilities(features[split:], prior), won[split:]),
        outcomes=len(cases),
    )


def calibrate(promised: FloatArray, happened: FloatArray) -> Calibration:
    """Compare probabilities with what happened. Both of shape (n,)."""
    bounded = np.clip(promised, 1e-9, 1 - 1e-9)
    losses = happened * np.log(bounded) + (1 - happened) * np.log1p(-bounded)
    places = np.minimum((promised * _BINS).astype(int), _BINS - 1)
    bins = tuple(
        Bin(int(mask.sum()), float(promised[mask].mean()), float(happened[mask].mean()))
        for mask in (places == place for place in range(_BINS))
        if mask.any()
    )
    error = sum(one.count * abs(one.promised - one.happened) for one in bins) / len(promised)
    return Calibration(
        count=len(promised),
        brier=float(np.mean((promised - happened) ** 2)),
        log_loss=float(-np.mean(losses)),
        error=float(error),
        bins=bins,
    )


def _row(case: Case) -> list[float]:
    row = [1.0]
    for name, feature in FEATURES.items():
        value = float(case.features.get(name, 0))
        row.append(value * case.side.sign if feature.directional else value)
    return row


def _fit(features: FloatArray, won: FloatArray, prior: FloatArray) -> FloatArray:
    """Maximise the posterior by Newton's method; it is concave, so there is one summit."""
    # What every signal has in common is not what anybody believed: the intercept is free.
    pull = np.full(len(prior), PULL)
    pull[0] = 1e-3
    found = prior.copy()
    for _ in range(_STEPS_MAX):
        expected = _probabilities(features, found)
        slope = features.T @ (won - expected) - pull * (found - prior)
        weight = expected * (1 - expected)
        curve = (features * weight[:, None]).T @ features + np.diag(pull)
        step = np.linalg.solve(curve, slope)
        found = found + np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) < 1e-10:
            break
    return np.clip(found, -_WEIGHT_MAX, _WEIGHT_MAX)


def _probabilities(features: FloatArray, coefficients: FloatArray) -> FloatArray:
    return 1.0 / (1.0 + np.exp(-(features @ coefficients)))


def _coefficients(weights: Weights) -> FloatArray:
    named = [float(weights.log_odds.get(name, 0)) for name in FEATURE_NAMES]
    return np.array([float(weights.intercept), *named])


def _weights(coefficients: FloatArray, version: str) -> Weights:
    exact = [decimal_from_float(float(value), 4) for value in coefficients]
    return Weights(
        version, exact[0], MappingProxyType(dict(zip(FEATURE_NAMES, exact[1:], strict=True)))
    )
