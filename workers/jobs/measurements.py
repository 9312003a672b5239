"""Every minute: what brakes look at, from recent orders and fills."""

from __future__ import annotations

from celery import shared_task

from backend.db import bus
from workers.jobs.running import MINUTE_S, JobContext, run_job


@shared_task(name="desk.jobs.measurements")
def measurements() -> str:
    """Renew rejection rates and adverse selection, and send to rest who is past a brake."""
    return run_job("measurements", MINUTE_S, _renew)


def _renew(job: JobContext) -> str:
    (answer,) = bus.call(job.conn, "risk.renew_measurements", [{"i": 0}])
    return f"{answer['measured']} figures, {answer['cooldowns']} sent to rest"
