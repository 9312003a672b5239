"""A venue that is slow by its own record is given longer to remember an attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.settling import SETTLE_MAX, SETTLE_MIN, settle_window


@pytest.mark.parametrize(
    ("p99_ms", "window"),
    [
        (None, SETTLE_MIN),
        (200, SETTLE_MIN),
        (5_000, timedelta(seconds=23)),
        (900_000, SETTLE_MAX),
        (-5, SETTLE_MIN),
    ],
)
def test_the_settle_window_follows_the_baseline_within_its_bounds(
    p99_ms: int | None, window: timedelta
) -> None:
    assert settle_window(p99_ms) == window
