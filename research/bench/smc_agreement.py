"""How far our structures and the package's agree; `ops/smc.md` says why they differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from backend.domain.market.bars import FloatArray, IntArray
from backend.domain.smc import POOL_KINDS, EventKind, Pools, Zones
from research.bench.smc_ours import Ours
from research.bench.smc_reference import Columns

_EQUAL = POOL_KINDS.index(EventKind.EQUAL)
_DAY = POOL_KINDS.index(EventKind.PREVIOUS_DAY)


def agreement(ours: Ours, found: dict[str, Columns]) -> dict[str, Any]:
    """Count what each found and what both found. found: the package's frames by structure."""
    breaks = found["breaks"]
    change = ~np.isnan(breaks["CHOCH"])
    direction = np.where(change, breaks["CHOCH"], breaks["BOS"])
    broken = ~np.isnan(direction)
    theirs_breaks = _pairs(breaks["BrokenIndex"][broken], direction[broken])
    ours_breaks = _pairs(ours.breaks.known_at, ours.breaks.direction)
    liquidity = found["liquidity"]
    return {
        "gaps": compare_gaps(ours.gaps, found["gaps"]),
        "swings": _counts(
            _pairs(
                np.concatenate((ours.highs.bar, ours.lows.bar)),
                np.repeat([1, -1], [len(ours.highs.bar), len(ours.lows.bar)]),
            ),
            _marked(found["swings"]["HighLow"]),
        ),
        "breaks": _counts(ours_breaks, theirs_breaks)
        | {
            "ours_choch": int(ours.breaks.change.sum()),
            "theirs_choch": int(change.sum()),
        },
        "order_blocks": _counts(
            _pairs(ours.order_blocks.bar, ours.order_blocks.direction),
            _marked(found["order_blocks"]["OB"]),
        ),
        "equal_highs_and_lows": _counts(
            _pairs(*_pools_of(ours.liquidity, _EQUAL)), _marked(liquidity["Liquidity"])
        ),
        "previous_day": _previous_day(ours.previous, found["previous_high_low"]),
    }


def compare_gaps(ours: Zones, theirs: Columns) -> dict[str, Any]:
    """Compare fair value gaps in place, edges and first touch; `identical` says all of them."""
    order = np.argsort(ours.bar, kind="stable")
    bar = np.flatnonzero(~np.isnan(theirs["FVG"]))
    touched = theirs["MitigatedIndex"][bar].astype(np.int64)
    same_places = np.array_equal(ours.bar[order], bar) and np.array_equal(
        ours.direction[order], theirs["FVG"][bar]
    )
    same_edges = np.array_equal(ours.lower[order], theirs["Bottom"][bar]) and np.array_equal(
        ours.upper[order], theirs["Top"][bar]
    )
    # The package writes 0 where price never came back.
    same_touches = np.array_equal(ours.tapped_at[order], np.where(touched > 0, touched, -1))
    counts = _counts(_pairs(ours.bar, ours.direction), _marked(theirs["FVG"]))
    return counts | {"identical": bool(same_places and same_edges and same_touches)}


def _counts(ours: set[tuple[int, int]], theirs: set[tuple[int, int]]) -> dict[str, int]:
    return {"ours": len(ours), "theirs": len(theirs), "both": len(ours & theirs)}


def _pairs(bar: IntArray | FloatArray, direction: IntArray | FloatArray) -> set[tuple[int, int]]:
    return set(zip(bar.astype(int).tolist(), direction.astype(int).tolist(), strict=True))


def _marked(column: FloatArray) -> set[tuple[int, int]]:
    """Return row and sign of a column that is empty where there is nothing."""
    there = np.flatnonzero(~np.isnan(column))
    return _pairs(there, column[there])


def _pools_of(pools: Pools, kind: int) -> tuple[IntArray, IntArray]:
    # The package stamps a pool on its first swing.
    chosen = pools.kind == kind
    return pools.first_bar[chosen], pools.direction[chosen]


def _previous_day(pools: Pools, theirs: Columns) -> dict[str, int]:
    high = theirs["PreviousHigh"]
    ours = _in_force(pools, len(high))
    # The package keeps single precision.
    same = ours.astype(np.float32) == high.astype(np.float32)
    both = ~np.isnan(ours) & ~np.isnan(high)
    return {"bars_with_both": int(both.sum()), "bars_alike": int((same & both).sum())}


def _in_force(pools: Pools, size: int) -> FloatArray:
    """Return the previous day's high per bar."""
    chosen = (pools.kind == _DAY) & (pools.direction > 0)
    result = np.full(size, np.nan)
    for start, level in zip(pools.known_at[chosen], pools.level[chosen], strict=True):
        result[start:] = level
    return result
