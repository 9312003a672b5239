"""What a venue is given follows its own record, within bounds, and never falls below safety."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.settling import (
    SETTLE_MAX,
    SETTLE_MIN,
    TIMEOUT_CONFIGURED,
    TIMEOUT_MAX,
    TIMEOUT_MIN,
    Baseline,
    child_pace,
    venue_pace,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
USUAL = Baseline("mt5-paper", "paper-1", "market", 300, 300, 0, 200, NOW)
SEND_WINDOW = timedelta(seconds=8)


@pytest.mark.parametrize(
    ("p99_ms", "timeout", "settle"),
    [
        (200, TIMEOUT_MIN, SETTLE_MIN),
        (1_500, timedelta(seconds=4.5), SETTLE_MIN),
        (5_000, timedelta(seconds=15), timedelta(seconds=25)),
        (900_000, TIMEOUT_MAX, SETTLE_MAX),
        (-5, TIMEOUT_MIN, SETTLE_MIN),
    ],
)
def test_timeout_and_settle_window_follow_the_baseline_within_their_bounds(
    p99_ms: int, timeout: timedelta, settle: timedelta
) -> None:
    pace = venue_pace(replace(USUAL, p99_ms=p99_ms), timedelta(seconds=5), NOW)
    assert (pace.timeout, pace.settle) == (timeout, settle)
    assert pace.settle > SEND_WINDOW + pace.timeout
    assert f"p99 {p99_ms} ms of 300 answers" in pace.why


@pytest.mark.parametrize(
    ("baseline", "why"),
    [
        (None, "no baseline"),
        (replace(USUAL, rolled_at=NOW - timedelta(hours=2)), "stale"),
        (replace(USUAL, answered=29), "too few"),
        (replace(USUAL, p99_ms=None), "too few"),
    ],
)
def test_without_a_baseline_that_counts_what_was_configured_holds(
    baseline: Baseline | None, why: str
) -> None:
    pace = venue_pace(baseline, None, NOW)
    assert (pace.timeout, pace.settle) == (TIMEOUT_CONFIGURED, SETTLE_MIN)
    assert why in pace.why
    # Who configures a long call is given a longer window, not a second order.
    long = venue_pace(baseline, timedelta(seconds=30), NOW)
    assert (long.timeout, long.settle) == (timedelta(seconds=30), timedelta(seconds=40))


def test_children_are_as_far_apart_as_the_slowest_route_needs() -> None:
    slow = replace(USUAL, order_type="limit", p99_ms=2_600)
    assert child_pace([USUAL, slow], NOW) == (6, str(slow))
    assert child_pace([USUAL], NOW) == (1, str(USUAL))
    stale = replace(slow, rolled_at=NOW - timedelta(hours=2))
    assert child_pace([stale], NOW) == (0, "no baseline")
    # Where answers go missing, what became of a child is known after the settle window.
    assert child_pace([replace(USUAL, unanswered=4)], NOW)[0] == 15
