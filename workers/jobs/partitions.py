"""Every hour: partitions of a fortnight ahead, so that a quiet week-end finds them made."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from backend.db.gateway import translated
from workers.jobs.running import HOUR_S, JobContext, run_job

DAYS_AHEAD = 14


@shared_task(name="desk.jobs.partitions")
def partitions() -> str:
    """Make every partition from yesterday to a fortnight ahead."""
    return run_job("partitions", HOUR_S, _make)


def _make(job: JobContext) -> str:
    yesterday = (job.clock.now() - timedelta(days=1)).date()
    with translated():
        # Rather fail and come again than make a running desk queue behind a lock.
        job.conn.execute("set lock_timeout = '5s'")
        row = job.conn.execute(
            "select ops.ensure_partitions(%s, %s)", (yesterday, DAYS_AHEAD + 2)
        ).fetchone()
    return f"{row[0] if row else 0} partitions made"
