"""The comparison of structure detection, on a few generated bars."""

from __future__ import annotations

import pytest

from research.bench.smc import Sizes, run_smc_bench
from research.bench.smc_reference import STRUCTURES


def test_the_comparison_names_every_structure_and_finds_the_same_gaps(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("SMC_CREDIT", "0")
    pytest.importorskip("smartmoneyconcepts")
    steps: list[tuple[int, int]] = []
    sizes = Sizes(bars=1_500, rounds=1, short_history=500, window=50, windows=2)
    report = run_smc_bench(None, sizes, lambda done, of, what: steps.append((done, of)))
    assert report["bars"] == 1_500
    assert set(report["structures"]) == set(STRUCTURES)
    assert {"ours_s", "reference_s", "speedup", "detect_s", "tracker_cost_ratio"} <= set(report)
    assert report["agreement"]["gaps"]["identical"]
    assert steps[-1][0] == steps[-1][1]
