"""From votes and measures to conviction; from structures to what holds at the newest bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from backend.domain.conviction.measures import Measures
from backend.domain.conviction.readers import Vote, VoteKind


@dataclass(frozen=True, slots=True)
class ConvictionPolicy:
    """Numbers of the pack."""

    swing_bars_fine: int
    swing_bars_coarse: int
    """Swings of the readers beside the detectors' own scale."""
    surprise_min: Decimal
    """From how many deviations of a random walk on the statistical reader agrees."""
    readers_min: int
    """So few readers decide nothing."""
    volume_delta_min: Decimal
    imbalance_min: Decimal
    displacement_atr_min: Decimal
    confirmations_min: int
    """How many of the three measures have to reach their threshold."""
    fade_bars: int
    """Conviction of a structure falls to nothing over so many bars."""
    outlier_share: Decimal
    """Part of the structures that the forest was fitted on which it flags."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What readers and measures make of one structure. conviction: 0 to 1."""

    agree: int
    readers: int
    majority: bool
    confirmed: tuple[str, ...]
    conviction: Decimal
    high: bool
    """A majority agrees and enough measures confirm."""


@dataclass(frozen=True, slots=True)
class Known:
    """A judged structure as the newest bar sees it."""

    direction: int
    age_bars: int
    conviction: Decimal
    high: bool
    outlier: bool | None


@dataclass(frozen=True, slots=True)
class MarketConviction:
    """What holds at the newest bar, for each direction. outlier: None where no model judged."""

    up: Decimal
    down: Decimal
    high_up: bool
    high_down: bool
    outlier_up: bool | None
    outlier_down: bool | None
    structures: int


def judge(votes: Sequence[Vote], measures: Measures, policy: ConvictionPolicy) -> Verdict:
    """Count votes and confirmations. Who abstains is counted as a reader that did not agree."""
    agree = sum(vote.kind is VoteKind.AGREE for vote in votes)
    readers = len(votes)
    majority = readers >= policy.readers_min and 2 * agree > readers
    confirmed = _confirmed(measures, policy)
    share = Decimal(agree) / max(1, readers)
    backing = Decimal(len(confirmed)) / 3
    return Verdict(
        agree=agree,
        readers=readers,
        majority=majority,
        confirmed=confirmed,
        conviction=(share * (1 + backing) / 2).quantize(Decimal("0.0001")),
        high=majority and len(confirmed) >= policy.confirmations_min,
    )


def _confirmed(measures: Measures, policy: ConvictionPolicy) -> tuple[str, ...]:
    """Name the measures that reach their thresholds; what is unknown confirms nothing."""
    observed = (
        ("volume_delta", measures.volume_delta, policy.volume_delta_min),
        ("imbalance", measures.imbalance, policy.imbalance_min),
        ("displacement", measures.displacement_atr, policy.displacement_atr_min),
    )
    return tuple(
        name for name, value, least in observed if value is not None and value >= float(least)
    )


def summarize(known: Iterable[Known], policy: ConvictionPolicy) -> MarketConviction:
    """Return the strongest conviction of each direction, faded by age."""
    best = {1: Decimal(0), -1: Decimal(0)}
    high = {1: False, -1: False}
    outlier: dict[int, bool | None] = {1: None, -1: None}
    count = 0
    for one in known:
        if one.age_bars >= policy.fade_bars:
            continue
        count += 1
        faded = one.conviction * (policy.fade_bars - one.age_bars) / policy.fade_bars
        best[one.direction] = max(best[one.direction], faded.quantize(Decimal("0.0001")))
        high[one.direction] |= one.high
        if one.outlier is not None:
            outlier[one.direction] = bool(outlier[one.direction]) or one.outlier
    return MarketConviction(best[1], best[-1], high[1], high[-1], outlier[1], outlier[-1], count)
