"""Readers vote by a look of their own, measures confirm, a forest flags what is unlike the rest."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.conviction import (
    FEATURES,
    Candidate,
    ConvictionPolicy,
    Forest,
    Measures,
    Vote,
    VoteKind,
    candidates_of,
    fit_forest,
    judge,
    measure,
    own_readers,
    score_forest,
    summarize,
)
from backend.domain.conviction.readers import StatisticalReader
from backend.domain.conviction.verdict import Known
from backend.domain.market.bars import Bars
from backend.domain.smc import detect

D = Decimal
POLICY = ConvictionPolicy(2, 5, D(1), 3, D("0.2"), D("0.1"), D(1), 2, 24, D("0.02"))
SCALES = (2, 3, 5)
AGREE, DISAGREE, ABSTAIN = VoteKind


def a_walk(count: int = 300, seed: int = 7, volume: float = 100.0) -> Bars:
    rng = random.Random(seed)
    rows, close = [], 1.1
    for index in range(count):
        opened = close
        close = opened + rng.gauss(0, 0.0004) * (4 if rng.random() < 0.08 else 1)
        high = max(opened, close) + abs(rng.gauss(0, 0.0002))
        low = min(opened, close) - abs(rng.gauss(0, 0.0002))
        rows.append((index * 900_000_000, opened, high, low, close, volume))
    return Bars.from_records("EURUSD", "M15", rows)


def votes(*kinds: VoteKind) -> list[Vote]:
    return [Vote(f"reader-{number}", kind, "because") for number, kind in enumerate(kinds)]


STRONG = Measures(0.6, 0.4, 2.0, ())
WEAK = Measures(0.1, 0.0, 0.5, ())


def told(bars: Bars, since: int = 0) -> list[tuple[Candidate, list[Vote], Measures]]:
    found = detect(bars)
    readers = own_readers(bars, SCALES, 1.0, found)
    return [
        (one, [reader.vote(one) for reader in readers], measure(bars, found.atr, one))
        for one in candidates_of(found, since)
    ]


def test_at_least_three_readers_vote_and_they_differ():
    everything = told(a_walk())
    names = {tuple(vote.reader for vote in cast) for _, cast, _ in everything}
    assert names == {("swings-2", "swings-3", "swings-5", "statistical")}
    patterns = {tuple(vote.kind for vote in cast) for _, cast, _ in everything}
    assert len(patterns) > 5
    assert {one.kind for one, _, _ in everything} >= {"bos", "choch", "fvg", "order_block", "sweep"}


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(120, 299))
def test_no_vote_and_no_measure_looks_ahead(seed: int, cut: int):
    whole = a_walk(300, seed)
    known = {one: (cast, measures) for one, cast, measures in told(whole) if one.known_at < cut}
    then = {one: (cast, measures) for one, cast, measures in told(whole.prefix(cut))}
    assert then == known


@pytest.mark.parametrize("seed", range(5))
def test_up_and_down_are_measured_alike(seed: int):
    bars = a_walk(200, seed)
    mirror = replace(bars, open=-bars.open, high=-bars.low, low=-bars.high, close=-bars.close)
    found, reflected = detect(bars), detect(mirror)
    there = {
        (one.kind, -one.direction, one.event_bar, one.known_at): one
        for one in candidates_of(reflected)
    }
    here = candidates_of(found)
    assert len(here) == len(there)
    for one in here:
        other = there[one.kind, one.direction, one.event_bar, one.known_at]
        features = measure(mirror, reflected.atr, other).features
        assert np.allclose(measure(bars, found.atr, one).features, features, atol=1e-9)


def test_statistical_reader_agrees_with_a_leg_that_chance_would_not_make():
    rng = random.Random(3)
    close = 1.1 + np.cumsum([rng.gauss(0, 0.0001) for _ in range(150)])
    close[140:] += 0.0004 * np.arange(1, 11)
    bars = Bars.from_records("X", "M5", [(i, p, p, p, p, 1) for i, p in enumerate(close.tolist())])
    reader = StatisticalReader(bars, 1.0)
    rise = Candidate(149, "bos", 1, 149, 140, 1.1, 1.1)
    assert reader.vote(rise).kind is AGREE
    assert reader.vote(replace(rise, direction=-1)).kind is DISAGREE
    early = Candidate(10, "bos", 1, 10, 5, 1.1, 1.1)
    assert reader.vote(early).kind is ABSTAIN
    assert "deviations" in reader.vote(rise).reason


def test_high_conviction_needs_a_majority_and_confirmation():
    assert judge(votes(AGREE, AGREE, AGREE, DISAGREE), STRONG, POLICY).high
    assert not judge(votes(AGREE, AGREE, AGREE, DISAGREE), WEAK, POLICY).high
    assert not judge(votes(AGREE, AGREE, DISAGREE, DISAGREE), STRONG, POLICY).high
    # Who abstains did not agree; two readers are no electorate.
    assert not judge(votes(AGREE, AGREE, ABSTAIN, ABSTAIN), STRONG, POLICY).high
    assert not judge(votes(AGREE, AGREE), STRONG, POLICY).high


def test_unknown_volume_confirms_nothing():
    unknown = replace(STRONG, volume_delta=None, imbalance=0.0)
    verdict = judge(votes(AGREE, AGREE, AGREE), unknown, POLICY)
    assert (verdict.confirmed, verdict.majority, verdict.high) == (("displacement",), True, False)
    silent = told(a_walk(volume=0.0))
    assert {measures.volume_delta for _, _, measures in silent} == {None}


@given(st.lists(st.sampled_from(VoteKind), max_size=9), st.sampled_from([STRONG, WEAK]))
def test_conviction_is_a_fraction_and_one_more_that_agrees_never_lowers_it(kinds, measures):
    before = judge(votes(*kinds), measures, POLICY)
    after = judge(votes(*kinds, AGREE), measures, POLICY)
    assert 0 <= before.conviction <= after.conviction <= 1


def test_what_holds_at_the_newest_bar_fades_and_keeps_directions_apart():
    known = [
        Known(1, 12, D("0.8"), True, False),
        Known(1, 0, D("0.3"), False, None),
        Known(-1, 6, D("0.4"), False, True),
        Known(-1, 24, D(1), True, True),
    ]
    held = summarize(known, POLICY)
    assert (held.up, held.down) == (D("0.4"), D("0.3"))
    assert (held.high_up, held.high_down) == (True, False)
    assert (held.outlier_up, held.outlier_down) == (False, True)
    assert held.structures == 3
    nobody = summarize([Known(1, 0, D(1), True, None)], POLICY)
    assert nobody.outlier_up is None


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.array([measures.features for _, _, measures in told(a_walk(900))])


def test_forest_as_numbers_scores_as_the_library_does(rows: np.ndarray):
    ensemble = pytest.importorskip("sklearn.ensemble")
    forest = fit_forest(rows, FEATURES, 0.02, seed=5)
    library = ensemble.IsolationForest(n_estimators=64, max_samples=128, random_state=5)
    scores = -library.fit(rows.astype(np.float32)).score_samples(rows.astype(np.float32))
    assert np.allclose(score_forest(forest, rows), scores, atol=1e-9)
    kept = Forest.from_numbers(json.loads(json.dumps(forest.as_numbers())))
    assert kept.version == forest.version
    assert np.array_equal(score_forest(kept, rows), score_forest(forest, rows))


def test_forest_flags_about_its_share_and_what_was_never_seen(rows: np.ndarray):
    pytest.importorskip("sklearn")
    forest = fit_forest(rows, FEATURES, 0.02)
    flagged = score_forest(forest, rows) > forest.threshold
    assert 0 < flagged.mean() <= 0.025
    strange = rows.mean(axis=0) + 12 * rows.std(axis=0)
    assert score_forest(forest, strange)[0] > forest.threshold
    assert score_forest(forest, np.median(rows, axis=0))[0] < forest.threshold
    assert fit_forest(rows, FEATURES, 0.02).version == forest.version
