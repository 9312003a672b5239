"""Every ten seconds: show that beat, broker and a worker still work together."""

from __future__ import annotations

from celery import shared_task

from workers.jobs.running import JobContext, run_job


@shared_task(name="desk.jobs.pulse")
def pulse() -> str:
    """Leave a sign of life in ops.job_runs; the supervisor misses it within a minute."""
    return run_job("pulse", 10, _beat)


def _beat(_job: JobContext) -> str:
    return "alive"
