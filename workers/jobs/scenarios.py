"""Every five minutes: scenarios of one day from market history, by which tails are judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from celery import shared_task

from backend.db import bus
from backend.domain.scenarios import Frame, ScenarioSet, build_scenarios
from workers.jobs.running import MINUTE_S, JobContext, run_job

FRAMES = (("D1", 1), ("H1", 24), ("M15", 96))
"""Timeframes, the best first, with their bars a day."""

BARS_AGE_MAX = timedelta(days=5)
"""Of the newest bar: a long week-end passes."""

GOOD_FOR = timedelta(hours=2)
"""After the job: when it stops, what reads scenarios denies."""


@shared_task(name="desk.jobs.scenarios")
def scenarios() -> str:
    """Renew the scenarios of every tradable symbol."""
    return run_job("scenarios", 5 * MINUTE_S, _renew)


def _renew(job: JobContext) -> str:
    (facts,) = bus.call(
        job.conn, "risk.scenario_facts", [{"i": 0, "timeframes": [name for name, _ in FRAMES]}]
    )
    built = build_scenarios([_frame(name, per_day, facts) for name, per_day in FRAMES])
    if built is None:
        return "no symbol has enough bars"
    (answer,) = bus.call(job.conn, "risk.record_scenarios", [_item(built, job.clock.now())])
    return f"{answer['symbols']} symbols, {len(built.times)} scenarios from {built.timeframe} bars"


def _frame(timeframe: str, bars_per_day: int, facts: dict[str, Any]) -> Frame:
    symbols: dict[str, list[Any]] = facts["closes"].get(timeframe) or {}
    return Frame(
        timeframe,
        bars_per_day,
        {symbol: {int(at): float(close) for at, close in rows} for symbol, rows in symbols.items()},
    )


def _item(built: ScenarioSet, now: datetime) -> dict[str, Any]:
    first, last = (datetime.fromtimestamp(t, UTC) for t in (built.times[0], built.times[-1]))
    return {
        "i": 0,
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "good_until": min(last + BARS_AGE_MAX, now + GOOD_FOR).isoformat(),
        "symbols": [
            {
                "symbol": symbol,
                "returns": [f"{value:.10f}" for value in returns],
                "correlations": {
                    other: f"{rho:.6f}" for other, rho in built.correlations[symbol].items()
                },
            }
            for symbol, returns in built.returns.items()
        ],
    }
