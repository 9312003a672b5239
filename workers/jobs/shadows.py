"""Every five minutes: what shadows did otherwise, routing policies and twins of strategies."""

from __future__ import annotations

from celery import shared_task

from backend.db import bus
from workers.jobs.running import MINUTE_S, JobContext, run_job


@shared_task(name="desk.jobs.shadows")
def shadows() -> str:
    """Tell what the market made of routing differences, and how twins differ from production."""
    return run_job("shadows", 5 * MINUTE_S, _resolve, role="strategy_router_agent")


def _resolve(job: JobContext) -> str:
    (answer,) = bus.call(job.conn, "execution.resolve_differences", [{"i": 0}])
    (twins,) = bus.call(job.conn, "execution.compare_shadows", [{"i": 0}])
    return f"{answer['resolved']} differences resolved, {twins['compared']} twins compared"
