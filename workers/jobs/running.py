"""Run a job under an agent's login and leave a record of it, also when it fails."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from psycopg import Connection

from backend.db import bus
from backend.db.gateway import connect_as
from backend.ports import Clock, SystemClock
from backend.settings import Settings, load_settings

log = structlog.get_logger()

MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 86_400
HOUSEKEEPING = "housekeeping_agent"
"""The login that serves the schedule."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a job is given: settings, a clock, and a session under its login."""

    settings: Settings
    clock: Clock
    conn: Connection[Any]


def run_job(
    job: str, every_s: int, work: Callable[[JobContext], str], *, role: str = HOUSEKEEPING
) -> str:
    """Run a job and record that it did. Returns its report in words.

    every_s: how often it is scheduled; the supervisor misses it after three times that.
    Whatever the job raises is recorded and raised again: Celery logs it.
    """
    settings = load_settings()
    try:
        with connect_as(settings, role) as conn:
            report = work(JobContext(settings, SystemClock(), conn))
    except Exception as error:
        log.warning("job.failed", job=job, error=str(error))
        _record(settings, job, every_s, error=f"{type(error).__name__}: {error}", report=None)
        raise
    _record(settings, job, every_s, error=None, report=report)
    log.info("job.done", job=job, report=report)
    return report


def _record(
    settings: Settings, job: str, every_s: int, *, error: str | None, report: str | None
) -> None:
    run = {"job": job, "every_s": every_s, "error": error, "report": report}
    with connect_as(settings, HOUSEKEEPING) as conn:
        bus.call(conn, "ops.record_job_runs", [{"i": 0, **run, "host": socket.gethostname()}])
