"""Every six hours: how much is usually traded at which time of a session, by symbol."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from celery import shared_task

from backend.db import bus
from backend.domain.algorithms import learn_curves
from backend.values import format_decimal, read_instant
from workers.jobs.running import HOUR_S, JobContext, run_job

EVERY_S = 6 * HOUR_S
TIMEFRAME = "M15"
BUCKET_S = 900
DAYS = 30


@shared_task(name="desk.jobs.volume_curves")
def volume_curves() -> str:
    """Learn the curves anew from the last month's bars."""
    return run_job("volume_curves", EVERY_S, _learn, role="order_agent")


def _learn(job: JobContext) -> str:
    (facts,) = bus.call(
        job.conn, "execution.volume_facts", [{"i": 0, "timeframe": TIMEFRAME, "days": DAYS}]
    )
    items = curve_items(facts["bars"])
    if items:
        bus.call(job.conn, "execution.record_volume_curves", items)
    return f"{len(items)} curves of {len(facts['bars'])} symbols"


def curve_items(bars: dict[str, list[list[str]]]) -> list[dict[str, Any]]:
    """Learn curves from (opened_at, volume) rows by symbol, and say them for SQL."""
    items: list[dict[str, Any]] = []
    for symbol, rows in sorted(bars.items()):
        read = ((read_instant(at), Decimal(volume)) for at, volume in rows)
        for curve in learn_curves(symbol, BUCKET_S, read):
            items.append(
                {
                    "i": len(items),
                    "symbol": symbol,
                    "session": curve.session.value,
                    "bucket_s": curve.bucket_s,
                    "volumes": [format_decimal(volume) for volume in curve.volumes],
                    "days": curve.days,
                }
            )
    return items
