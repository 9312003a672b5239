"""Scenarios of one day, from market history: what each symbol did on the same days."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SCENARIOS = 500
"""Days, at most: with 500 the 99 % quantile lies between the fifth and the sixth worst."""

SCENARIOS_MIN = 100
"""With fewer the tail says nothing."""

PRESENT_MIN = 0.9
"""Part of the days on which a symbol must have traded to be judged by them."""

Closes = Mapping[int, float]
"""Close by the bar's time, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Bars of one timeframe, by symbol; bars_per_day scales their returns to one day."""

    timeframe: str
    bars_per_day: int
    closes: Mapping[str, Closes]


@dataclass(frozen=True, slots=True)
class ScenarioSet:
    """Simple returns of one day by symbol, in the order of `times`; correlations of all pairs."""

    timeframe: str
    times: tuple[int, ...]
    returns: Mapping[str, tuple[float, ...]]
    correlations: Mapping[str, Mapping[str, float]]


def build_scenarios(frames: Sequence[Frame]) -> ScenarioSet | None:
    """Build scenarios from the frame that covers most symbols; of equals the first one.

    A symbol that traded on too few of the days is left out; a day on which it did not trade
    counts as no change. Shorter bars are scaled by the root of time. None without history.
    """
    best: ScenarioSet | None = None
    for frame in frames:
        built = _build(frame)
        if built and (best is None or len(built.returns) > len(best.returns)):
            best = built
    return best


def tail_losses(values: Sequence[float], quantile: float = 0.99) -> tuple[float, float]:
    """Return value at risk and expected shortfall of profits and losses, both as losses.

    The tail is the worst (1 - quantile) of the scenarios, rounded up to whole ones: value at
    risk is the mildest loss in it, expected shortfall the mean. Negative where even it gains.
    """
    if not values:
        raise ValueError("no scenarios")
    count = max(1, math.ceil(round(len(values) * (1 - quantile), 9)))
    worst = sorted(values)[:count]
    return -worst[-1], -sum(worst) / count


def _build(frame: Frame) -> ScenarioSet | None:
    times = sorted({time for closes in frame.closes.values() for time in closes})
    times = times[-(SCENARIOS + 1) :]
    if len(times) <= SCENARIOS_MIN:
        return None
    wanted = PRESENT_MIN * len(times)
    kept = {
        symbol: closes
        for symbol, closes in sorted(frame.closes.items())
        if sum(time in closes for time in times) >= wanted
    }
    if not kept:
        return None
    logs = np.array([_filled(closes, times) for closes in kept.values()])
    daily = np.diff(logs, axis=1) * math.sqrt(frame.bars_per_day)
    rho = np.atleast_2d(_correlation(daily))
    symbols = list(kept)
    return ScenarioSet(
        frame.timeframe,
        tuple(times[1:]),
        {s: tuple(float(x) for x in np.expm1(daily[i])) for i, s in enumerate(symbols)},
        {
            left: {right: float(rho[i, j]) for j, right in enumerate(symbols) if right != left}
            for i, left in enumerate(symbols)
        },
    )


def _filled(closes: Closes, times: Sequence[int]) -> list[float]:
    """Return log closes at all times; where there is none, the one before (else after) holds."""
    last = next(closes[time] for time in times if time in closes)
    filled: list[float] = []
    for time in times:
        last = closes.get(time, last)
        filled.append(math.log(last))
    return filled


def _correlation(
    daily: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return correlations; a symbol that never moved counts as moving with every other."""
    still = daily.std(axis=1) == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = np.atleast_2d(np.corrcoef(daily))
    rho[still, :] = 1.0
    rho[:, still] = 1.0
    return np.clip(rho, -1.0, 1.0)
