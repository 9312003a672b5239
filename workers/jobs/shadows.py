"""Every five minutes: what the market made of differences between routing policies."""

from __future__ import annotations

from celery import shared_task

from backend.db import bus
from workers.jobs.running import MINUTE_S, JobContext, run_job


@shared_task(name="desk.jobs.shadows")
def shadows() -> str:
    """Tell of each difference what the market met first: stop, target or the horizon's end."""
    return run_job("shadows", 5 * MINUTE_S, _resolve, role="strategy_router_agent")


def _resolve(job: JobContext) -> str:
    (answer,) = bus.call(job.conn, "execution.resolve_differences", [{"i": 0}])
    return f"{answer['resolved']} differences resolved"
