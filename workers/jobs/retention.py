"""Every night: drop whole partitions that are past what ops.retention keeps."""

from __future__ import annotations

import structlog
from celery import shared_task

from backend.db import bus
from backend.db.gateway import Fault
from workers.jobs.running import DAY_S, JobContext, run_job

log = structlog.get_logger()


@shared_task(name="desk.jobs.retention")
def retention() -> str:
    """Drop expired partitions, one transaction each."""
    return run_job("retention", DAY_S, _drop)


def _drop(job: JobContext) -> str:
    (found,) = bus.call(job.conn, "ops.expired_partitions", [{"i": 0}])
    dropped, left = 0, 0
    for due in found["partitions"]:
        try:
            (answer,) = bus.call(
                job.conn, "ops.drop_partitions", [{"i": 0, "partition": due["partition"]}]
            )
        except Fault as fault:
            # Someone reads it: the next night is soon enough.
            log.info("partition.left", partition=due["partition"], why=str(fault))
            left += 1
            continue
        dropped += answer["dropped"]
        left += not answer["dropped"]
    return f"{dropped} partitions dropped, {left} left for later"
