"""Every five minutes: how long each venue takes to answer, by route and order type."""

from __future__ import annotations

from celery import shared_task

from backend.db import bus
from workers.jobs.running import MINUTE_S, JobContext, run_job


@shared_task(name="desk.jobs.latencies")
def latencies() -> str:
    """Roll up the answers of this hour, the last one and the week."""
    return run_job("latencies", 5 * MINUTE_S, _roll)


def _roll(job: JobContext) -> str:
    (answer,) = bus.call(job.conn, "execution.roll_latencies", [{"i": 0}])
    return f"{answer['rolled']} baselines rolled up"
