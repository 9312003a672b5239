"""Every minute: what became of the signals that were scored, as precedents for those to come."""

from __future__ import annotations

from celery import shared_task

from backend.db import bus
from workers.jobs.running import MINUTE_S, JobContext, run_job


@shared_task(name="desk.jobs.outcomes")
def outcomes() -> str:
    """Close the outcomes whose stop, target or time was reached."""
    return run_job("outcomes", MINUTE_S, _close)


def _close(job: JobContext) -> str:
    (answer,) = bus.call(job.conn, "intake.close_outcomes", [{"i": 0}])
    return f"{answer['closed']} outcomes closed"
