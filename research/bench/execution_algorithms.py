"""Every algorithm against immediate execution, on the same windows, both ways.

Each window is bought and sold: what the market did by itself weighs on both with opposite sign
and leaves the mean, so the interval is about execution and not about luck. Volume curves are
learned from the first half of the tape, windows are taken from the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from backend.domain.algorithms import (
    Algorithm,
    Parent,
    Shortfall,
    Terms,
    VolumeCurve,
    learn_curves,
    make_plan,
)
from backend.domain.sessions import Session
from backend.values import LatencyClass, Side
from research.bench.bootstrap import CONFIDENCE, draw_anew, mean_interval
from research.bench.execution_simulator import (
    ARRIVAL_S,
    CANCELS_PER_TRADE,
    DEPTH_LOTS,
    HALF_LIFE_S,
    IMPACT_FACTOR,
    PASSIVE_IMPACT,
    Episode,
    episode_at,
    simulate,
)
from research.bench.execution_sizes import Report, Sizes
from research.bench.execution_tape import Tape

WORK_S = 900
QUANTITY_SHARE = 0.10
"""The parent against what others usually trade in that time."""
_BUCKET_S = 900
_PARTS = ("delay", "impact", "spread", "opportunity", "total")

TERMS = Terms(
    urgency=Decimal("0.4"),
    interval_s=60,
    child_ttl_s=30,
    jitter_share=Decimal("0.3"),
    participation=Decimal("0.15"),
    lots_per_volume=Decimal(1),
    display_share=Decimal("0.1"),
    child_max=Decimal(2),
    depth_share=Decimal("0.3"),
    fill_probability_min=Decimal("0.3"),
    ahead_share=Decimal("0.15"),
    spread_ratio_max=Decimal("1.5"),
    defer_s_max=0,
    park_s_max=0,
)


def run_algorithms(tape: Tape, sizes: Sizes, report: Report) -> dict[str, Any]:
    """Return the shortfall of each algorithm, alone and against immediate execution."""
    half = len(tape.seconds) // 2
    curves = _curves(tape, half)
    starts = tape.windows(WORK_S, sizes.episodes, sizes.seed, first=max(half, 3_600))
    episodes = [episode_at(tape, start, WORK_S, sizes.seed) for start in starts]
    costs: dict[Algorithm, list[tuple[Shortfall, Shortfall]]] = {}
    for algorithm in Algorithm:
        costs[algorithm] = [
            _both_ways(tape, episode, algorithm, curves, sizes.seed) for episode in episodes
        ]
        report(f"{algorithm.value}: {_mean(costs[algorithm], 'total'):.3f} bps")
    now = np.array([_of_window(pair, "total") for pair in costs[Algorithm.IMMEDIATE]])
    picks = draw_anew(len(episodes), sizes)
    return {
        "windows": len(episodes),
        "window_s": WORK_S,
        "quantity_share_of_volume": QUANTITY_SHARE,
        "confidence": CONFIDENCE,
        "assumptions": {
            "impact": f"{IMPACT_FACTOR} x sigma x sqrt(Q/V), half-life {HALF_LIFE_S} s",
            "passive_impact": PASSIVE_IMPACT,
            "depth_lots_median": DEPTH_LOTS,
            "queue": f"logarithmic, {CANCELS_PER_TRADE} lots cancelled per lot traded",
            "arrival_s": ARRIVAL_S,
        },
        "by_algorithm": {
            algorithm.value: _figures(pairs, now, picks) for algorithm, pairs in costs.items()
        },
    }


def algorithms_table(
    figures: dict[str, Any],
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Return the figures as a table: mean and interval, in basis points."""
    titles = ("", "shortfall bps", "saved bps", "impact", "spread", "opportunity", "filled", "off")
    rows = [
        (
            name,
            _spoken(one["shortfall_bps"]),
            _spoken(one["saved_against_immediate_bps"]),
            *(f"{one['parts_bps'][part]:.3f}" for part in ("impact", "spread", "opportunity")),
            f"{one['filled_share']:.1%}",
            f"{one['behind_schedule_share']:.1%}",
        )
        for name, one in figures["by_algorithm"].items()
    ]
    return titles, rows


def _spoken(interval: dict[str, float]) -> str:
    return f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def _both_ways(
    tape: Tape,
    episode: Episode,
    algorithm: Algorithm,
    curves: Mapping[Session, VolumeCurve],
    seed: int,
) -> tuple[Shortfall, Shortfall]:
    found: list[Shortfall] = []
    for side in (Side.BUY, Side.SELL):
        parent = _parent(tape, episode, side, seed)
        try:
            plan = make_plan(parent, algorithm, TERMS, curves)
        except ValueError:
            # No curve for that session: as the desk does, time takes the place of volume.
            plan = make_plan(parent, Algorithm.TWAP, TERMS)
        found.append(simulate(tape, episode, plan))
    return found[0], found[1]


def _parent(tape: Tape, episode: Episode, side: Side, seed: int) -> Parent:
    lots = max(1.0, QUANTITY_SHARE * episode.rate * WORK_S)
    starts_at = datetime.fromtimestamp(int(tape.seconds[episode.start]) + ARRIVAL_S, UTC)
    return Parent(
        side=side,
        quantity=Decimal(f"{lots:.2f}"),
        volume_min=Decimal("0.01"),
        volume_max=Decimal(500),
        volume_step=Decimal("0.01"),
        tick_size=Decimal(str(tape.tick)).quantize(Decimal("0.00001")),
        latency_class=LatencyClass.DEFER,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(seconds=WORK_S - ARRIVAL_S),
        seed=seed + episode.start,
    )


def _curves(tape: Tape, until: int) -> dict[Session, VolumeCurve]:
    minutes = tape.seconds[:until] // 60
    first = np.flatnonzero(np.diff(minutes, prepend=minutes[0] - 1))
    volumes = np.add.reduceat(tape.traded[:until], first)
    bars = (
        (datetime.fromtimestamp(int(minutes[index]) * 60, UTC), Decimal(f"{volume:.2f}"))
        for index, volume in zip(first, volumes, strict=True)
    )
    return {curve.session: curve for curve in learn_curves(tape.symbol, _BUCKET_S, bars)}


def _figures(
    pairs: list[tuple[Shortfall, Shortfall]], now: np.ndarray, picks: np.ndarray
) -> dict[str, Any]:
    totals = np.array([_of_window(pair, "total") for pair in pairs])
    saved = now - totals
    every = [one for pair in pairs for one in pair]
    return {
        "shortfall_bps": mean_interval(totals, picks),
        "saved_against_immediate_bps": mean_interval(saved, picks),
        "parts_bps": {part: round(_mean(pairs, part), 4) for part in _PARTS},
        "one_order_deviation_bps": round(float(np.std([float(s.total) for s in every])), 4),
        "filled_share": round(float(np.mean([float(s.filled_share) for s in every])), 4),
        "behind_schedule_share": round(float(np.mean([float(s.behind_share) for s in every])), 4),
    }


def _of_window(pair: tuple[Shortfall, Shortfall], part: str) -> float:
    return float(getattr(pair[0], part) + getattr(pair[1], part)) / 2


def _mean(pairs: list[tuple[Shortfall, Shortfall]], part: str) -> float:
    return float(np.mean([_of_window(pair, part) for pair in pairs]))
