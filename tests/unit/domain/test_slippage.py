"""What orders will slip by: calibrated out of time, better than the formula, kept as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from backend.domain.slippage import (
    LEVELS,
    SlippageModel,
    SlippageOrder,
    calibration_of,
    features_of,
    fit_slippage,
    forecast,
    pinball_loss,
    predict,
    scale_of,
)


def fills(count: int, seed: int) -> tuple[list[SlippageOrder], Any]:
    """Make orders whose slippage has a tail that grows with latency and volatility."""
    dice = np.random.default_rng(seed)
    spread = dice.lognormal(0.0, 0.4, count)
    sigma = dice.lognormal(4.0, 0.4, count)
    share = dice.lognormal(-9.0, 1.0, count)
    latency = dice.choice([0.1, 0.5, 2.0], count)
    orders = [
        SlippageOrder(float(a), float(b), float(c), float(d), float(k % 24))
        for k, (a, b, c, d) in enumerate(zip(spread, sigma, share, latency, strict=True))
    ]
    travel = sigma * np.sqrt(latency / 86_400)
    slipped = spread / 2 + 0.8 * sigma * np.sqrt(share) + travel * dice.standard_t(4, count)
    return orders, slipped


@pytest.fixture(scope="module")
def fitted() -> SlippageModel:
    pytest.importorskip("sklearn")
    return fit_slippage(*fills(4_000, 1), seed=7)


def pinball(levels: Sequence[float], slipped: Any, quantiles: Any) -> float:
    return float(np.mean([pinball_loss(q, slipped, quantiles[:, k]) for k, q in enumerate(levels)]))


def test_quantiles_hold_out_of_sample_and_beat_the_formula(fitted: SlippageModel) -> None:
    orders, slipped = fills(6_000, 2)
    rows = features_of(orders, fitted.impact_factor)
    found = predict(fitted, rows)
    for one in calibration_of(LEVELS, slipped, found):
        assert abs(one.covered - one.level) < 0.02, one
    earlier, known = fills(4_000, 1)
    plain = scale_of(features_of(earlier, fitted.impact_factor))
    null = scale_of(rows)[:, None] + np.quantile(known - plain, LEVELS)
    assert pinball(LEVELS, slipped, found) < 0.97 * pinball(LEVELS, slipped, null)
    assert (np.diff(found, axis=1) >= 0).all()


def test_what_was_shown_of_the_calibration_is_of_rows_that_no_tree_saw(
    fitted: SlippageModel,
) -> None:
    assert {one.level for one in fitted.calibration} == set(LEVELS)
    assert {one.rows for one in fitted.calibration} == {600}


def test_a_slower_venue_has_the_worse_worst_case_and_nearly_the_same_expectation(
    fitted: SlippageModel,
) -> None:
    quick = forecast(fitted, SlippageOrder(1.0, 60.0, 1e-4, 0.1, 12.0))
    slow = forecast(fitted, SlippageOrder(1.0, 60.0, 1e-4, 2.0, 12.0))
    assert slow.worst_bps > quick.worst_bps + 0.2
    assert slow.expected_bps == pytest.approx(quick.expected_bps, abs=0.2)
    assert quick.worst_bps > quick.expected_bps > 0.5


def test_a_model_read_back_says_the_same_under_the_same_name(fitted: SlippageModel) -> None:
    again = SlippageModel.from_numbers(fitted.as_numbers())
    rows = features_of(fills(200, 3)[0], fitted.impact_factor)
    assert again.version == fitted.version
    assert (predict(again, rows) == predict(fitted, rows)).all()


def test_the_trees_taken_out_predict_what_the_library_predicts() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    from backend.domain.slippage import fitting

    orders, slipped = fills(600, 4)
    rows = features_of(orders, 1.0)
    own = fitting._grow(rows, slipped, 5, loss="quantile", quantile=0.75)
    library = ensemble.HistGradientBoostingRegressor(
        random_state=5, loss="quantile", quantile=0.75, **fitting._SETTINGS
    ).fit(rows, slipped)
    assert own.predict(rows) == pytest.approx(library.predict(rows), abs=1e-9)


def test_too_few_fills_or_a_slippage_that_is_no_number_fit_nothing() -> None:
    orders, slipped = fills(250, 6)
    with pytest.raises(ValueError, match="finite"):
        fit_slippage(orders[:100], slipped[:100])
    slipped[3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        fit_slippage(orders, slipped)
