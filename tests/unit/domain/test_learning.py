"""Weights are learned from outcomes: many decide, few move little, and calibration is shown."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from backend.domain.rationale import FEATURE_NAMES, FEATURES, PRIOR
from backend.domain.rationale.learning import OUTCOMES_MIN, Case, calibrate, fit_weights
from backend.values import Side

TRUTH = {"structure_break": 1.2, "volatility_fit": 0.8, "range_position": -0.9}


def cases(count: int, seed: int = 3) -> list[Case]:
    """Give signals whose odds follow TRUTH, as the side sees them."""
    random = np.random.default_rng(seed)
    found: list[Case] = []
    for _ in range(count):
        values = {name: Decimal(str(round(random.uniform(-1, 1), 4))) for name in FEATURE_NAMES}
        side = Side.BUY if random.random() < 0.5 else Side.SELL
        odds = -0.4 + sum(
            weight * float(values[name]) * (side.sign if FEATURES[name].directional else 1)
            for name, weight in TRUTH.items()
        )
        found.append(Case(values, side, bool(random.random() < 1 / (1 + np.exp(-odds)))))
    return found


def test_many_outcomes_find_what_decides():
    fit = fit_weights(cases(8_000), PRIOR, "learned")
    for name, weight in TRUTH.items():
        assert float(fit.weights.log_odds[name]) == pytest.approx(weight, abs=0.15)
    assert float(fit.weights.intercept) == pytest.approx(-0.4, abs=0.1)
    assert abs(fit.weights.log_odds["session_fit"]) < Decimal("0.1")
    assert fit.better
    assert fit.learned.error < 0.05
    assert sum(one.count for one in fit.learned.bins) == fit.learned.count == 2_000


def test_few_outcomes_move_little():
    few = fit_weights(cases(OUTCOMES_MIN), PRIOR, "few").weights
    many = fit_weights(cases(8_000), PRIOR, "many").weights
    moved = [
        abs(w.log_odds["structure_break"] - PRIOR.log_odds["structure_break"]) for w in (few, many)
    ]
    assert moved[0] < moved[1]


def test_too_few_outcomes_teach_nothing():
    with pytest.raises(ValueError, match="fewer than"):
        fit_weights(cases(OUTCOMES_MIN - 1), PRIOR, "none")


def test_same_outcomes_teach_the_same():
    assert (
        fit_weights(cases(500), PRIOR, "a").weights == fit_weights(cases(500), PRIOR, "a").weights
    )


def test_calibration_of_what_always_holds_is_perfect():
    happened = np.array([0.0, 1.0, 1.0, 0.0])
    assert calibrate(happened, happened).brier == 0
    coin = calibrate(np.full(4, 0.5), happened)
    assert (coin.brier, coin.error) == (0.25, 0)
