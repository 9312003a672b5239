"""Where words go on a chart: prices at the right, times below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backend.domain.market.bars import FloatArray, IntArray

_TICKS = 12


@dataclass(frozen=True, slots=True)
class Tag:
    """A word at a price. strong: the one that others make room for."""

    price: float
    text: str
    color: str
    strong: bool = False


def place_tags(
    tags: Sequence[Tag], low: float, high: float, least: float
) -> list[tuple[Tag, float]]:
    """Return each tag with its place: near its price, at least a part of the height apart.

    Words at one place become one word.
    """
    gap = (high - low) * least
    merged: dict[tuple[str, int], list[Tag]] = {}
    for tag in sorted(tags, key=lambda one: (one.price, not one.strong)):
        merged.setdefault((tag.color, round(tag.price / gap * 3)), []).append(tag)
    words = [
        Tag(same[0].price, ", ".join(dict.fromkeys(t.text for t in same)), color, same[0].strong)
        for (color, _), same in merged.items()
    ]
    words.sort(key=lambda one: one.price)
    places: list[float] = []
    for word in words:
        floor = places[-1] + gap if places else low
        places.append(max(word.price, floor))
    # What was pushed out at the top is pushed back down.
    ceiling = high - gap / 2
    for index in range(len(places) - 1, -1, -1):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - gap
    return list(zip(words, places, strict=True))


def price_digits(prices: FloatArray) -> int:
    """Return how many digits behind the point tell prices of this size apart."""
    middle = float(abs(prices).mean())
    if middle <= 0:
        return 2
    for digits, above in ((0, 20_000), (1, 5_000), (2, 200), (3, 20)):
        if middle >= above:
            return digits
    return 5


def time_ticks(opened_us: IntArray, first: int) -> tuple[list[int], list[str]]:
    """Return about a dozen bars and their times; a day's first tick carries its date."""
    count = len(opened_us) - first
    step = max(1, round(count / _TICKS))
    ticks, names = [], []
    day = None
    for index in range(first + step // 2, len(opened_us), step):
        at = datetime.fromtimestamp(int(opened_us[index]) / 1e6, UTC)
        ticks.append(index)
        names.append(f"{at:%H:%M}\n{at:%d %b}" if at.date() != day else f"{at:%H:%M}")
        day = at.date()
    return ticks, names
