"""The bench of execution: the same seed gives the same figures, and they add up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from research.bench.execution import QUICK, TABLES, run_execution_bench

TINY = replace(QUICK, episodes=4, bootstrap=50)


def test_algorithms_are_compared_with_immediate_on_a_generated_market() -> None:
    report = run_execution_bench(None, TINY, lambda line: None, only=["algorithms"])
    assert (report["recorded"], "generated" in report["source"]) == (False, True)
    figures = report["algorithms"]["by_algorithm"]
    assert set(figures) == {
        "immediate", "twap", "vwap", "pov", "iceberg", "passive", "adaptive",
    }  # fmt: skip
    for one in figures.values():
        parts = one["parts_bps"]
        whole = sum(parts[p] for p in ("delay", "impact", "spread", "opportunity"))
        assert whole == pytest.approx(parts["total"], abs=3e-4)
        interval = one["saved_against_immediate_bps"]
        assert interval["low"] <= interval["mean"] <= interval["high"]
    assert figures["immediate"]["saved_against_immediate_bps"]["mean"] == 0
    assert figures["twap"]["saved_against_immediate_bps"]["mean"] > 0
    assert figures["pov"]["filled_share"] <= 1
    titles, rows = TABLES["algorithms"](report["algorithms"])
    assert {len(row) for row in rows} == {len(titles)}
    assert report == run_execution_bench(None, TINY, lambda line: None, only=["algorithms"])
