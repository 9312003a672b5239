"""Every night: one report per organisation over the day that ended (UTC)."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from backend.db import bus
from workers.jobs.running import DAY_S, JobContext, run_job


@shared_task(name="desk.jobs.daily_report")
def daily_report() -> str:
    """Report yesterday; a day that was reported stays as it was."""
    return run_job("daily_report", DAY_S, _report)


def _report(job: JobContext) -> str:
    day = (job.clock.now() - timedelta(days=1)).date().isoformat()
    (answer,) = bus.call(job.conn, "ops.record_daily_reports", [{"i": 0, "day": day}])
    return f"{answer['reports']} reports of {day}"
