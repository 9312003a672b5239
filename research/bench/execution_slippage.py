"""The slippage model out of time, against half the spread plus the square-root impact.

Orders are sent at random seconds of the tape and filled at the tape's price after a latency of
their own, walked through the book and displaced by their size. The model is fitted as the desk fits
it, every so often on all that is known, and judged on what comes after.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np

from backend.domain.slippage import (
    LEVELS,
    SlippageModel,
    SlippageOrder,
    calibration_of,
    features_of,
    fit_slippage,
    pinball_loss,
    predict,
    predict_mean,
    scale_of,
)
from research.bench.bootstrap import draw_anew, interval
from research.bench.execution_simulator import DEPTH_LOTS, IMPACT_FACTOR
from research.bench.execution_sizes import Report, Sizes
from research.bench.execution_tape import Tape

_FIRST_SHARE = 0.5
_FITS = 5
_BEFORE_S = 900
_WITHIN = 0.02
_IMPACT_NOISE = 0.5
_SECONDS_A_DAY = 86_400
_USUAL_LATENCY_S = (0.15, 0.4, 1.0)


def run_slippage(tape: Tape, sizes: Sizes, report: Report) -> dict[str, Any]:
    """Return coverage of each quantile and pinball loss beside the plain formula's."""
    count = 4_000 if sizes.quick else 12_000
    orders, slipped = _orders(tape, count, sizes.seed)
    truth, found, expected, plain, spread, model = _walk_forward(orders, slipped, sizes)
    by_level: dict[str, Any] = {}
    for at, one in enumerate(calibration_of(LEVELS, truth, found)):
        by_level[str(one.level)] = {
            "covered": round(one.covered, 4),
            "off_points": round(100 * abs(one.covered - one.level), 2),
            "pinball_bps": round(one.pinball_bps, 5),
            "formula_pinball_bps": round(pinball_loss(one.level, truth, plain), 5),
            "formula_with_spread_pinball_bps": round(
                pinball_loss(one.level, truth, spread[:, at]), 5
            ),
        }
    losses = {
        name: float(np.mean([one[key] for one in by_level.values()]))
        for name, key in (
            ("model", "pinball_bps"),
            ("formula", "formula_pinball_bps"),
            ("formula_with_spread", "formula_with_spread_pinball_bps"),
        )
    }
    worst = max(one["off_points"] for one in by_level.values())
    report(f"slippage: coverage off by {worst:.2f} points at most, {model.version}")
    return {
        "orders": len(orders),
        "fits": _FITS,
        "judged_on": len(truth),
        "impact_factor": model.impact_factor,
        "model": model.version,
        "by_level": by_level,
        "off_points_max": worst,
        "within_two_points": worst <= 100 * _WITHIN,
        "pinball_bps": {name: round(loss, 5) for name, loss in losses.items()},
        "saved_share": _saved(truth, found, spread, sizes),
        "expected_bps": {
            "mean_slippage": round(float(truth.mean()), 4),
            "mean_expected": round(float(expected.mean()), 4),
            "mean_formula": round(float(plain.mean()), 4),
        },
    }


def slippage_table(figures: dict[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return coverage and losses as people read them."""
    rows = [
        (
            level,
            f"{100 * one['covered']:.2f} %",
            f"{one['pinball_bps']:.4f}",
            f"{one['formula_with_spread_pinball_bps']:.4f}",
            f"{one['formula_pinball_bps']:.4f}",
        )
        for level, one in figures["by_level"].items()
    ]
    return ("level", "covered", "pinball", "formula + spread", "formula"), rows


def _walk_forward(
    orders: list[SlippageOrder], slipped: np.ndarray, sizes: Sizes
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, SlippageModel]:
    """Fit as the job does, now and then, on what was known; judge on what came until the next.

    Returns what slipped, the model's quantiles and mean, the formula, the formula with the
    quantiles of its own errors so far, and the last model.
    """
    edges = np.linspace(int(len(orders) * _FIRST_SHARE), len(orders), _FITS + 1).astype(int)
    parts: list[tuple[np.ndarray, ...]] = []
    model = None
    for known, end in pairwise(edges.tolist()):
        model = fit_slippage(orders[:known], slipped[:known], sizes.seed)
        earlier = features_of(orders[:known], model.impact_factor)
        later = features_of(orders[known:end], model.impact_factor)
        errors = np.quantile(slipped[:known] - scale_of(earlier), LEVELS)
        plain = scale_of(later)
        means = predict_mean(model, later)
        spread = plain[:, None] + errors
        parts.append((slipped[known:end], predict(model, later), means, plain, spread))
    if model is None:
        raise ValueError("no orders")
    truth, found, means, plain, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
    return truth, found, means, plain, spread, model


def _saved(
    truth: np.ndarray,
    found: np.ndarray,
    spread: np.ndarray,
    sizes: Sizes,
) -> dict[str, float]:
    """Return the share of the better formula's loss that is saved; hours are drawn anew."""
    levels = np.array(LEVELS)
    over, null = truth[:, None] - found, truth[:, None] - spread
    ours = np.maximum(levels * over, (levels - 1) * over).mean(axis=1)
    theirs = np.maximum(levels * null, (levels - 1) * null).mean(axis=1)
    # Neighbours in time are alike: blocks of them are drawn, not rows.
    blocks = [b for b in np.array_split(np.arange(len(truth)), 100) if len(b)]
    pairs = np.array([(ours[b].sum(), theirs[b].sum()) for b in blocks])
    sums = pairs[draw_anew(len(pairs), sizes)].sum(axis=1)
    saved = 1 - float(pairs[:, 0].sum() / pairs[:, 1].sum())
    return interval(saved, 1 - sums[:, 0] / sums[:, 1])


def _orders(tape: Tape, count: int, seed: int) -> tuple[list[SlippageOrder], np.ndarray]:
    """Return orders in the order of time, and what each slipped by in basis points."""
    dice = np.random.default_rng([seed, 31])
    starts = np.array(tape.windows(10, count, seed, first=_BEFORE_S))
    count, mid = len(starts), tape.mid
    moves = np.concatenate([[0.0], np.diff(np.log(mid))]) * 1e4
    sums, squares = np.cumsum(moves), np.cumsum(moves**2)
    before = starts - _BEFORE_S
    mean = (sums[starts] - sums[before]) / _BEFORE_S
    variance = (squares[starts] - squares[before]) / _BEFORE_S - mean**2
    sigma = np.sqrt(np.maximum(variance, 1e-8) * _SECONDS_A_DAY)
    volume = np.cumsum(tape.traded)
    rate = np.maximum((volume[starts] - volume[before]) / _BEFORE_S, 0.01) * _SECONDS_A_DAY
    lots = np.exp(dice.normal(0.0, 1.2, count)).clip(0.01, 100)
    usual = dice.choice(_USUAL_LATENCY_S, count)
    latency = usual * np.exp(dice.normal(0, 0.5, count))
    side = dice.choice([-1.0, 1.0], count)
    # Between two seconds of the tape the price is taken to have moved in proportion.
    whole = np.minimum(latency.astype(int), 8)
    part = np.minimum(latency - whole, 1.0)
    price = np.where(side > 0, tape.ask[starts + whole], tape.bid[starts + whole])
    later = np.where(side > 0, tape.ask[starts + whole + 1], tape.bid[starts + whole + 1])
    price = price + part * (later - price)
    depth = DEPTH_LOTS * np.exp(dice.normal(0.0, 0.4, count))
    walked = tape.tick * np.maximum(0.0, lots / depth - 1) / 2
    # Who stands behind the touch differs from order to order, and so does what one moves.
    luck = np.exp(dice.normal(0.0, _IMPACT_NOISE, count))
    impact = luck * IMPACT_FACTOR * sigma * np.sqrt(lots / rate) * 2 / 3
    slipped = (side * (price - mid[starts]) + walked) / mid[starts] * 1e4 + impact
    spread = (tape.ask[starts] - tape.bid[starts]) / mid[starts] * 1e4
    hours = [datetime.fromtimestamp(int(tape.seconds[s]), UTC) for s in starts]
    orders = [
        SlippageOrder(
            float(spread[k]),
            float(sigma[k]),
            float(lots[k] / rate[k]),
            float(usual[k]),
            hours[k].hour + hours[k].minute / 60,
        )
        for k in range(count)
    ]
    return orders, slipped
