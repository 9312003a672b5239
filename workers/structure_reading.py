"""Let readers vote on the structures of a run of bars, and write it as procedures take it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import numpy as np

from backend.domain.conviction import (
    Candidate,
    ConvictionPolicy,
    Forest,
    MarketConviction,
    Measures,
    Verdict,
    Vote,
    candidates_of,
    judge,
    measure,
    own_readers,
    score_forest,
    summarize,
)
from backend.domain.conviction.verdict import Known
from backend.domain.market.bars import Bars
from backend.domain.smc import DEFAULT_SETTINGS, detect
from backend.domain.timeframe import timeframe_seconds
from backend.values import format_instant

BARS_MAX = 500
NEW_BARS_MAX = 200
"""Structures older than so many bars are not voted on: a first start has years of them."""

_MEASURED = ("volume_delta", "imbalance", "displacement_atr")


@dataclass(frozen=True, slots=True)
class Judged:
    """One structure with everything that was said of it."""

    candidate: Candidate
    votes: tuple[Vote, ...]
    measures: Measures
    verdict: Verdict
    outlier_score: float | None
    outlier: bool | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a run of bars holds for its newest bar."""

    bars: Bars
    judged: tuple[Judged, ...]
    fresh_from: int
    """Structures known at this bar or later were never voted on before."""

    @property
    def fresh(self) -> tuple[Judged, ...]:
        """Return the structures that nobody has voted on yet."""
        return tuple(one for one in self.judged if one.candidate.known_at >= self.fresh_from)


def read_run(
    bars: Bars, read_until: datetime | None, policy: ConvictionPolicy, forest: Forest | None
) -> Reading:
    """Detect, vote, measure and score. read_until: the newest bar that was read before."""
    found = detect(bars)
    first = max(0, len(bars) - NEW_BARS_MAX)
    fresh = first
    if read_until is not None:
        opened = [bars.opened_at(index) for index in range(first, len(bars))]
        fresh = first + sum(at <= read_until for at in opened)
    since = min(fresh, max(0, len(bars) - policy.fade_bars))
    candidates = candidates_of(found, since)
    scales = (policy.swing_bars_fine, DEFAULT_SETTINGS.swing_bars, policy.swing_bars_coarse)
    readers = own_readers(bars, scales, float(policy.surprise_min), found)
    measured = [measure(bars, found.atr, one) for one in candidates]
    scores = _scores(forest, measured)
    judged: list[Judged] = []
    for one, measures, score in zip(candidates, measured, scores, strict=True):
        votes = tuple(reader.vote(one) for reader in readers)
        verdict = judge(votes, measures, policy)
        odd = None if forest is None or score is None else score > forest.threshold
        judged.append(Judged(one, votes, measures, verdict, score, odd))
    return Reading(bars, tuple(judged), fresh)


def with_votes(
    reading: Reading,
    more: Callable[[Bars, Sequence[Candidate]], list[Vote]],
    policy: ConvictionPolicy,
) -> Reading:
    """Return the reading with one more reader's votes on its fresh structures."""
    fresh = reading.fresh
    votes = iter(more(reading.bars, [one.candidate for one in fresh]))
    asked = {one.candidate for one in fresh}
    judged = tuple(
        _with_vote(one, next(votes), policy) if one.candidate in asked else one
        for one in reading.judged
    )
    return replace(reading, judged=judged)


def _with_vote(one: Judged, vote: Vote, policy: ConvictionPolicy) -> Judged:
    votes = (*one.votes, vote)
    return replace(one, votes=votes, verdict=judge(votes, one.measures, policy))


def conviction_of(reading: Reading, policy: ConvictionPolicy) -> MarketConviction:
    """Return what holds at the newest bar."""
    last = len(reading.bars) - 1
    return summarize(
        (
            Known(
                one.candidate.direction,
                last - one.candidate.known_at,
                one.verdict.conviction,
                one.verdict.high,
                one.outlier,
            )
            for one in reading.judged
        ),
        policy,
    )


def item_of(
    reading: Reading, policy: ConvictionPolicy, policy_hash: str, model: str | None
) -> dict[str, Any]:
    """Return the item for `ops.record_structures`."""
    bars = reading.bars
    held = conviction_of(reading, policy)
    return {
        "symbol": bars.symbol,
        "timeframe": bars.timeframe,
        "policy_hash": policy_hash,
        "structures": [_structure(bars, one, model) for one in reading.fresh],
        "conviction": {
            "opened_at": format_instant(bars.opened_at(-1)),
            "up": str(held.up),
            "down": str(held.down),
            "high_up": held.high_up,
            "high_down": held.high_down,
            "outlier_up": held.outlier_up,
            "outlier_down": held.outlier_down,
            "structures": held.structures,
        },
    }


def _structure(bars: Bars, one: Judged, model: str | None) -> dict[str, Any]:
    candidate, verdict = one.candidate, one.verdict
    event_at = format_instant(bars.opened_at(candidate.event_bar))
    return {
        "structure_id": str(_id_of(bars, candidate, event_at)),
        "kind": candidate.kind,
        "direction": candidate.direction,
        "event_at": event_at,
        "known_at": format_instant(bars.opened_at(candidate.known_at)),
        "lower": _number(candidate.lower),
        "upper": _number(candidate.upper),
        "votes": [
            {"reader": vote.reader, "vote": vote.kind.value, "reason": vote.reason}
            for vote in one.votes
        ],
        "agree": verdict.agree,
        "readers": verdict.readers,
        "confirmed": list(verdict.confirmed),
        "measures": {name: _number(getattr(one.measures, name)) for name in _MEASURED},
        "features": [_number(value) for value in one.measures.features],
        "conviction": str(verdict.conviction),
        "high": verdict.high,
        "outlier_score": _number(one.outlier_score),
        "outlier": one.outlier,
        "model": None if one.outlier is None else model,
    }


def _id_of(bars: Bars, one: Candidate, event_at: str) -> UUID:
    """Derive a UUIDv8 from what the structure is: found again, it is the same."""
    name = f"{bars.symbol}/{bars.timeframe}/{one.kind}/{one.direction}/{event_at}/{one.lower!r}"
    digest = bytearray(sha256(name.encode()).digest()[:16])
    digest[6] = 0x80 | digest[6] & 0x0F
    digest[8] = 0x80 | digest[8] & 0x3F
    return UUID(bytes=bytes(digest))


def _scores(forest: Forest | None, measured: Sequence[Measures]) -> list[float | None]:
    if forest is None or not measured:
        return [None] * len(measured)
    rows = np.array([one.features for one in measured])
    return [float(score) for score in score_forest(forest, rows)]


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.8f}"


def run_of(row: Mapping[str, Any], now: datetime) -> tuple[Bars, datetime | None]:
    """Read a run of `ops.structure_facts`: finished bars, and until where it was read before."""
    bars = Bars.from_records(row["symbol"], row["timeframe"], row["rows"] or [])
    length = timedelta(seconds=timeframe_seconds(bars.timeframe))
    finished = sum(bars.opened_at(index) + length <= now for index in range(len(bars)))
    until = row["read_until"]
    return bars.prefix(finished), None if until is None else datetime.fromisoformat(until)
