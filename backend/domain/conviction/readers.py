"""Readers that vote on structures, each by a look of its own.

Readers of swings detect at another scale than the one that proposed: what only one scale sees
is an accident of that scale. The statistical reader knows no structure at all: it asks whether
the leg would be a surprise to a random walk with the volatility of the bars before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from backend.domain.conviction.candidates import SWEEP, Candidate
from backend.domain.market.bars import Bars
from backend.domain.smc import EventKind, SmcSettings, Structures, Zones, detect


class VoteKind(StrEnum):
    """What a reader says."""

    AGREE = "agree"
    DISAGREE = "disagree"
    ABSTAIN = "abstain"
    """It cannot tell; of a majority it counts as one who did not agree."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One reader's word on one structure."""

    reader: str
    kind: VoteKind
    reason: str


class Reader(Protocol):
    """Whatever can vote. It may look at bars up to the structure's `known_at` only."""

    name: str

    def vote(self, one: Candidate) -> Vote:
        """Vote on a structure."""
        ...


def own_readers(
    bars: Bars,
    scales: tuple[int, ...],
    surprise_min: float,
    proposed: Structures | None = None,
    settings: SmcSettings | None = None,
) -> tuple[Reader, ...]:
    """Return a reader of swings per scale, and the statistical one.

    proposed: what was detected at one of the scales already, so as not to do it twice.
    """
    base = settings or SmcSettings()
    readers: list[Reader] = []
    for scale in scales:
        if proposed is not None and scale == base.swing_bars:
            readers.append(SwingReader(bars, proposed, scale))
        else:
            found = detect(bars, _at_scale(base, scale))
            readers.append(SwingReader(bars, found, scale))
    return (*readers, StatisticalReader(bars, surprise_min))


def _at_scale(base: SmcSettings, scale: int) -> SmcSettings:
    return SmcSettings(
        swing_bars=scale,
        minor_bars=base.minor_bars,
        atr_bars=base.atr_bars,
        equal_atr=base.equal_atr,
        reclaim_bars=base.reclaim_bars,
        displacement_atr=base.displacement_atr,
        displacement_body=base.displacement_body,
        day_turn=base.day_turn,
    )


class SwingReader:
    """Our own detectors with swings of so many bars on each side."""

    def __init__(self, bars: Bars, found: Structures, scale: int) -> None:
        self.name = f"swings-{scale}"
        self._atr = found.atr
        self._found = found
        self._zones: Mapping[str, Zones] = {
            EventKind.ORDER_BLOCK.value: found.order_blocks,
            EventKind.BREAKER.value: found.breakers,
            EventKind.MITIGATION_BLOCK.value: found.mitigation_blocks,
        }

    def vote(self, one: Candidate) -> Vote:
        """Agree if this scale sees it too; without a counterpart, judge by this scale's bias."""
        if one.kind == SWEEP and self._swept(one):
            return self._say(VoteKind.AGREE, "the same level is swept at this scale")
        zones = self._zones.get(one.kind)
        if zones is not None and _overlaps(zones, one):
            return self._say(VoteKind.AGREE, "a zone of its kind overlaps it at this scale")
        if one.kind == SWEEP:
            # A sweep is a turn: the bias before it speaks neither for nor against.
            return self._say(VoteKind.ABSTAIN, "this scale has no such level")
        breaks = self._found.breaks
        known = int(np.searchsorted(breaks.known_at, one.known_at, side="right"))
        if known == 0:
            return self._say(VoteKind.ABSTAIN, "nothing has broken yet at this scale")
        if int(breaks.direction[known - 1]) == one.direction:
            return self._say(VoteKind.AGREE, "the last break at this scale went the same way")
        return self._say(VoteKind.DISAGREE, "the last break at this scale went the other way")

    def _swept(self, one: Candidate) -> bool:
        pools = self._found.pools
        near = 0.1 * float(np.nan_to_num(self._atr[one.known_at]))
        return bool(
            (
                (pools.swept_at >= 0)
                & (pools.swept_at == one.known_at)
                & (pools.direction == -one.direction)
                & (np.abs(pools.level - one.level) <= near)
            ).any()
        )

    def _say(self, kind: VoteKind, reason: str) -> Vote:
        return Vote(self.name, kind, reason)


def _overlaps(zones: Zones, one: Candidate) -> bool:
    """Tell whether a zone known by then shares half of itself, or of the candidate."""
    known = (zones.known_at <= one.known_at) & (zones.direction == one.direction)
    if not known.any():
        return False
    lower, upper = zones.lower[known], zones.upper[known]
    shared = np.minimum(upper, one.upper) - np.maximum(lower, one.lower)
    smaller = np.minimum(upper - lower, one.upper - one.lower)
    return bool((shared >= 0.5 * np.maximum(smaller, 1e-12)).any())


class StatisticalReader:
    """Returns only: would a random walk have made this leg?"""

    name = "statistical"

    _BARS = 100
    _BARS_MIN = 20

    def __init__(self, bars: Bars, surprise_min: float) -> None:
        self._log = np.log(bars.close)
        self._surprise_min = surprise_min

    def vote(self, one: Candidate) -> Vote:
        """Agree if the leg is a surprise in its direction, disagree if it went the other way."""
        first = max(1, one.start)
        before = np.diff(self._log[max(0, first - self._BARS - 1) : first])
        if len(before) < self._BARS_MIN:
            return Vote(self.name, VoteKind.ABSTAIN, f"{len(before)} bars before it")
        # A robust deviation: single shocks before the leg must not hide it.
        sigma = 1.4826 * float(np.median(np.abs(before - np.median(before))))
        steps = one.known_at - first + 1
        moved = float(self._log[one.known_at] - self._log[first - 1])
        if sigma <= 0 or steps < 1:
            return Vote(self.name, VoteKind.ABSTAIN, "price did not move before it")
        surprise = one.direction * moved / (sigma * math.sqrt(steps))
        told = f"{surprise:+.2f} deviations of a random walk in {steps} bars"
        if surprise >= self._surprise_min:
            return Vote(self.name, VoteKind.AGREE, told)
        return Vote(self.name, VoteKind.DISAGREE if surprise < 0 else VoteKind.ABSTAIN, told)
