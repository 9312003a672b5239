"""What became of a scored signal: stop, target or time, whichever the market reached first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from tests.kit.signal_rows import As, a_rationale, normalized
from tests.kit.trading_desk import ask, rows

ENTRY, RISK, REWARD = 1.1, 0.0015, 2
"""The pack's stop is 1.5 of an average range of 0.0010, and it wants twice that."""
STEP = timedelta(minutes=5)


def scored(as_role: As, inside: Connection[Any], age: timedelta, **changes: Any) -> datetime:
    """Record a rationale that was scored a while ago. Returns when."""
    ((now,),) = rows(inside, "select date_trunc('hour', clock_timestamp())")
    at: datetime = now - age
    side = changes.pop("side", "BUY")
    rationale = a_rationale(
        normalized(as_role, side=side),
        scored_at=at,
        weights_version="rationale-2",
        features={"reference_price": str(ENTRY), "atr": "0.0010"},
        **changes,
    )
    ask(as_role("rationale_scorer_agent"), "intake.record_rationales", rationale)
    return at


def add_path(inside: Connection[Any], since: datetime, *path: tuple[float, float, float]) -> None:
    """Store M5 bars: open, low and high in units of risk away from the entry."""
    for index, (opened, low, high) in enumerate(path):
        prices = [round(ENTRY + RISK * level, 6) for level in (opened, high, low, opened)]
        inside.execute(
            "insert into market_bars (symbol, timeframe, opened_at, open, high, low, close,"
            " volume, spread, source) values ('EURUSD', 'M5', %s, %s, %s, %s, %s, 1, 0.00015, 't')",
            (since + index * STEP, *prices),
        )


def close(as_role: As) -> int:
    return ask(as_role("housekeeping_agent"), "intake.close_outcomes", {})[0]["closed"]


def outcome(inside: Connection[Any]) -> tuple[str, float, datetime] | None:
    found = rows(inside, "select ended, outcome_r, closed_at from precedents")
    return (found[0][0], float(found[0][1]), found[0][2]) if found else None


CALM = (0.0, -0.5, 0.5)


@pytest.mark.parametrize(
    ("side", "path", "ended", "outcome_r"),
    [
        ("BUY", [CALM, (0, -0.5, 2)], "target", 2),
        ("BUY", [CALM, (0, -1, 0.5)], "stop", -1),
        # A bar that touches both counts as the stop.
        ("BUY", [CALM, (0, -1, 2)], "stop", -1),
        # A gap beyond the stop costs what it costs.
        ("BUY", [CALM, (-1.4, -1.5, -1.2)], "stop", -1.4),
        # Bars are bids: a sale is bought back a tenth of the risk higher.
        ("SELL", [CALM, (0, -2.1, 0.5)], "target", 2),
        ("SELL", [CALM, (0, -0.5, 0.9)], "stop", -1),
    ],
)
def test_first_barrier_that_is_touched_ends_it(
    as_role: As,
    inside: Connection[Any],
    side: str,
    path: list[tuple[float, float, float]],
    ended: str,
    outcome_r: float,
):
    at = scored(as_role, inside, timedelta(hours=3), side=side)
    add_path(inside, at, *path)
    assert close(as_role) == 1
    found = outcome(inside)
    assert found is not None
    assert found[0] == ended
    assert found[1] == pytest.approx(outcome_r)
    assert found[2] == at + 2 * STEP


def test_what_is_open_waits_and_ends_with_its_time(as_role: As, inside: Connection[Any]):
    at = scored(as_role, inside, timedelta(hours=3))
    add_path(inside, at, CALM, CALM)
    assert close(as_role) == 0
    assert outcome(inside) is None


def test_after_sixty_bars_the_last_close_is_the_outcome(as_role: As, inside: Connection[Any]):
    at = scored(as_role, inside, timedelta(hours=20))
    add_path(inside, at, CALM, (0.5, 0.4, 0.6))
    assert close(as_role) == 1
    found = outcome(inside)
    assert found is not None
    assert found[:2] == ("time", pytest.approx(0.5))


def test_bar_that_was_open_when_it_was_scored_is_not_held_against_it(
    as_role: As, inside: Connection[Any]
):
    at = scored(as_role, inside, timedelta(hours=3))
    add_path(inside, at - timedelta(minutes=1), (0, -1, 0))
    assert close(as_role) == 0


def test_outcome_is_a_precedent_without_what_belonged_to_the_moment(
    as_role: As, inside: Connection[Any]
):
    at = scored(as_role, inside, timedelta(hours=3))
    add_path(inside, at, (0, 0, 2))
    assert [close(as_role), close(as_role)] == [1, 0]
    ((vector, symbol_class, held),) = rows(
        inside,
        "select p.feature_vector::text, p.symbol_class, g.held"
        " from precedents p join intake.precedent_groups g using (org_id, symbol_class)",
    )
    assert vector == "[0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0,0,0,0.5,0.5,0.5,0.5]"
    assert (symbol_class, held) == ("fx", 1)
