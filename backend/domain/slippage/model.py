"""A fitted model of slippage as plain numbers, and what it says of an order.

What is predicted is slippage as a multiple of a scale: half the spread plus the square-root
impact. A quantile of the multiple is steadier in time than one of basis points, because calm
and wild markets differ in the scale first of all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import orjson

from backend.domain.market.bars import FloatArray
from backend.domain.trees import Trees

FEATURES = (
    "half_spread_bps",
    "impact_bps",
    "travel_bps",
    "spread_to_impact",
    "size_share",
    "sigma_bps",
    "latency_s",
    "hour",
    "passive",
)
WORST_LEVEL = 0.95
_SCALE_MIN_BPS = 0.01
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class SlippageOrder:
    """What is known of an order before it is sent.

    spread_bps: whole spread. sigma_bps: deviation of the price over a day. size_share: its
    quantity against what is traded in a day. latency_s: how long the venue usually takes. hour:
    UTC, with its fraction. passive: it names a price.
    """

    spread_bps: float
    sigma_bps: float
    size_share: float
    latency_s: float
    hour: float
    passive: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """Boosted trees: a level, and what each leaf adds to it."""

    base: float
    trees: Trees
    value: FloatArray

    def predict(self, rows: FloatArray) -> FloatArray:
        """Return the sum of all trees for each row."""
        total = np.full(len(rows), self.base)
        for leaf in self.trees.leaves_of(rows):
            total += self.value[leaf]
        return total

    def as_numbers(self) -> dict[str, Any]:
        """Return the ensemble as JSON can hold it, without negative zeros."""
        return {
            "base": self.base + 0.0,
            **self.trees.as_numbers(),
            "value": (self.value + 0.0).tolist(),
        }

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, Any]) -> Ensemble:
        """Read an ensemble back. Raises KeyError or ValueError on anything else."""
        return cls(
            float(numbers["base"]),
            Trees.from_numbers(numbers),
            np.array(numbers["value"], dtype=np.float64),
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a level held on rows that no tree saw: the share of slippages at or below it."""

    level: float
    covered: float
    rows: int
    pinball_bps: float


@dataclass(frozen=True, slots=True, eq=False)
class SlippageModel:
    """Quantiles (by level) and a mean of the multiple, with what calibration added to each.

    impact_factor: Y of the square-root law, as fitted. calibration: on the newest rows, unseen.
    """

    features: tuple[str, ...]
    levels: tuple[float, ...]
    quantiles: tuple[Ensemble, ...]
    shifts: tuple[float, ...]
    mean: Ensemble
    impact_factor: float
    rows: int
    calibration: tuple[Calibration, ...] = ()

    @property
    def version(self) -> str:
        """Return a name that changes with any number of the model."""
        return f"slippage-{hashlib.sha256(orjson.dumps(self.as_numbers())).hexdigest()[:12]}"

    def as_numbers(self) -> dict[str, Any]:
        """Return the model as JSON can hold it."""
        return {
            "features": list(self.features),
            "levels": list(self.levels),
            "quantiles": [one.as_numbers() for one in self.quantiles],
            "shifts": [shift + 0.0 for shift in self.shifts],
            "mean": self.mean.as_numbers(),
            "impact_factor": self.impact_factor,
            "rows": self.rows,
            "calibration": [asdict(one) for one in self.calibration],
        }

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, Any]) -> SlippageModel:
        """Read a model back. Raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            tuple(numbers["features"]),
            tuple(float(level) for level in numbers["levels"]),
            tuple(Ensemble.from_numbers(one) for one in numbers["quantiles"]),
            tuple(float(shift) for shift in numbers["shifts"]),
            Ensemble.from_numbers(numbers["mean"]),
            float(numbers["impact_factor"]),
            int(numbers["rows"]),
            tuple(
                Calibration(
                    float(one["level"]),
                    float(one["covered"]),
                    int(one["rows"]),
                    float(one["pinball_bps"]),
                )
                for one in numbers["calibration"]
            ),
        )


@dataclass(frozen=True, slots=True)
class Forecast:
    """Slippage of one order in basis points; positive is worse."""

    expected_bps: float
    worst_bps: float
    """The 95th percentile."""
    quantiles: tuple[tuple[float, float], ...]
    model: str


def features_of(orders: Sequence[SlippageOrder], impact_factor: float) -> FloatArray:
    """Return one row of `FEATURES` per order."""
    rows = np.array(
        [
            (o.spread_bps / 2, o.sigma_bps, o.size_share, o.latency_s, o.hour, o.passive)
            for o in orders
        ],
        dtype=np.float64,
    ).reshape(-1, 6)
    half, sigma, share, latency, hour, passive = rows.T
    impact = impact_factor * sigma * np.sqrt(np.maximum(share, 0))
    travel = sigma * np.sqrt(np.maximum(latency, 0) / _SECONDS_A_DAY)
    ratio = half / np.maximum(impact, _SCALE_MIN_BPS)
    return np.column_stack([half, impact, travel, ratio, share, sigma, latency, hour, passive])


def scale_of(rows: FloatArray) -> FloatArray:
    """Return half the spread plus the impact, in basis points: the plain estimate of slippage."""
    return np.maximum(rows[:, 0] + rows[:, 1], _SCALE_MIN_BPS)


def predict(model: SlippageModel, rows: FloatArray) -> FloatArray:
    """Return quantiles in basis points, shape (rows, levels); they never cross."""
    multiples = np.column_stack(
        [
            ensemble.predict(rows) + shift
            for ensemble, shift in zip(model.quantiles, model.shifts, strict=True)
        ]
    )
    return np.sort(multiples, axis=1) * scale_of(rows)[:, None]


def predict_mean(model: SlippageModel, rows: FloatArray) -> FloatArray:
    """Return the expected slippage in basis points."""
    return model.mean.predict(rows) * scale_of(rows)


def forecast(model: SlippageModel, order: SlippageOrder) -> Forecast:
    """Forecast one order. Raises ValueError if the model was fitted on other features."""
    if model.features != FEATURES:
        raise ValueError("the model was fitted on other features")
    rows = features_of([order], model.impact_factor)
    found = tuple(zip(model.levels, (float(q) for q in predict(model, rows)[0]), strict=True))
    return Forecast(
        expected_bps=float(predict_mean(model, rows)[0]),
        worst_bps=dict(found)[WORST_LEVEL],
        quantiles=found,
        model=model.version,
    )


def pinball_loss(level: float, slipped: FloatArray, quantile: FloatArray) -> float:
    """Return the mean loss that a quantile of that level makes smallest."""
    over = slipped - quantile
    return float(np.maximum(level * over, (level - 1) * over).mean())


def calibration_of(
    levels: Sequence[float], slipped: FloatArray, quantiles: FloatArray
) -> tuple[Calibration, ...]:
    """Say how each level held. Raises ValueError if levels do not ascend."""
    if any(a >= b for a, b in pairwise(levels)):
        raise ValueError("levels must ascend")
    return tuple(
        Calibration(
            level,
            float((slipped <= quantiles[:, at]).mean()),
            len(slipped),
            pinball_loss(level, slipped, quantiles[:, at]),
        )
        for at, level in enumerate(levels)
    )
