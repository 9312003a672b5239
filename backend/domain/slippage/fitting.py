"""Fit a model of slippage: boosted quantiles, then a shift per level on newer rows.

Of the earlier rows, two blocks of time of every three grow the trees and the third shifts each
level until it holds there (split conformal): so both have seen all hours and moods. The newest
rows, which neither saw, say how well it holds; then they shift the levels too. Source: Romano,
Patterson & Candès 2019, Conformalized quantile regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from backend.domain.market.bars import FloatArray
from backend.domain.slippage.model import (
    FEATURES,
    Ensemble,
    SlippageModel,
    SlippageOrder,
    calibration_of,
    features_of,
    predict,
    scale_of,
)
from backend.domain.trees import join_trees

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
ROWS_MIN = 200
_SHOWN_SHARE = 0.15
_BLOCKS = 24
_SETTINGS: dict[str, Any] = {
    "max_iter": 80,
    "learning_rate": 0.06,
    "max_leaf_nodes": 12,
    "min_samples_leaf": 40,
    "l2_regularization": 1.0,
    "early_stopping": False,
}
_FACTORS = np.linspace(0.0, 3.0, 61)


def fit_slippage(
    orders: Sequence[SlippageOrder], slipped_bps: FloatArray, seed: int = 0
) -> SlippageModel:
    """Fit on orders in the order of time and what they slipped by, in basis points.

    Raises ModuleNotFoundError without sklearn, ValueError on too few rows or a slippage that is
    not finite.
    """
    if len(orders) < ROWS_MIN or not np.isfinite(slipped_bps).all():
        raise ValueError(f"{ROWS_MIN} finite slippages are needed")
    earlier = len(orders) - int(len(orders) * _SHOWN_SHARE)
    block = np.arange(earlier) * _BLOCKS // earlier
    grows, shifts = np.flatnonzero(block % 3 != 2), np.flatnonzero(block % 3 == 2)
    factor = fit_impact([orders[at] for at in grows.tolist()], slipped_bps[grows])
    rows = features_of(orders, factor)
    multiples = slipped_bps / scale_of(rows)
    # What is beyond belief must not bend the mean; quantiles do not mind.
    low, high = np.quantile(multiples[grows], (0.001, 0.999))
    grown = tuple(
        _grow(rows[grows], multiples[grows], seed, loss="quantile", quantile=level)
        for level in LEVELS
    )
    model = SlippageModel(
        features=FEATURES,
        levels=LEVELS,
        quantiles=grown,
        shifts=_shifts(grown, rows[shifts], multiples[shifts]),
        mean=_grow(rows[grows], multiples[grows].clip(low, high), seed, loss="squared_error"),
        impact_factor=factor,
        rows=len(orders),
    )
    newest = predict(model, rows[earlier:])
    held = calibration_of(LEVELS, slipped_bps[earlier:], newest)
    every = np.concatenate([shifts, np.arange(earlier, len(orders))])
    return replace(model, shifts=_shifts(grown, rows[every], multiples[every]), calibration=held)


def fit_impact(orders: Sequence[SlippageOrder], slipped_bps: FloatArray) -> float:
    """Return the Y of half spread plus Y·σ·√(Q/V) that errs least in absolute terms."""
    rows = features_of(orders, 1.0)
    errors = [np.abs(slipped_bps - rows[:, 0] - y * rows[:, 1]).mean() for y in _FACTORS]
    return float(_FACTORS[int(np.argmin(errors))])


def _shifts(
    grown: Sequence[Ensemble], rows: FloatArray, multiples: FloatArray
) -> tuple[float, ...]:
    """Return what must be added to each level for it to hold on these rows."""
    return tuple(
        float(np.quantile(multiples - ensemble.predict(rows), level))
        for level, ensemble in zip(LEVELS, grown, strict=True)
    )


def _grow(rows: FloatArray, multiples: FloatArray, seed: int, **loss: Any) -> Ensemble:
    """Grow one ensemble and take its numbers out of the library's own form."""
    # Half a second to load, and only whoever fits needs it.
    from sklearn.ensemble import (  # pyright: ignore[reportMissingTypeStubs]
        HistGradientBoostingRegressor,
    )
    from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

    # The library names no types.
    untyped: Any = HistGradientBoostingRegressor
    # A few thousand rows: threads would wait for one another longer than they work.
    with threadpool_limits(1):
        fitted: Any = untyped(random_state=seed, **_SETTINGS, **loss).fit(rows, multiples)
    grown = [predictor.nodes for (predictor,) in fitted._predictors]
    return Ensemble(
        base=float(np.ravel(fitted._baseline_prediction)[0]),
        trees=join_trees(_columns(nodes) for nodes in grown),
        value=np.concatenate([nodes["value"] for nodes in grown]),
    )


def _columns(nodes: Any) -> tuple[np.ndarray, FloatArray, np.ndarray, np.ndarray]:
    leaf = nodes["is_leaf"].astype(bool)
    return (
        np.where(leaf, -1, nodes["feature_idx"]),
        np.where(leaf, 0.0, nodes["num_threshold"]),
        np.where(leaf, 0, nodes["left"].astype(int)),
        np.where(leaf, 0, nodes["right"].astype(int)),
    )
