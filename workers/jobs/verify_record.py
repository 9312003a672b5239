"""Every night: compute the whole record anew; what does not hold halts the desk."""

from __future__ import annotations

import structlog
from celery import shared_task

from backend.db.audit.halting import halt_on, in_words
from backend.db.audit.heads import recall
from backend.db.audit.verification import verify
from backend.db.gateway import connect_as
from backend.db.roles import SEALER
from workers.jobs.running import DAY_S, JobContext, run_job

log = structlog.get_logger()

SUPERVISOR = "supervisor_agent"
"""Whose word is enough to halt for a record that was altered."""


@shared_task(name="desk.jobs.verify_record")
def verify_record() -> str:
    """Verify every seal and every sealed row; halt the platform if one does not hold."""
    return run_job("verify_record", DAY_S, _verify, role=SEALER)


def _verify(job: JobContext) -> str:
    found = verify(job.conn, anchors=recall(job.conn, job.settings.keys))
    if found.first is None:
        return f"{found.records} records in {found.seals} seals are as they were sealed"
    log.error("record.broken", first=in_words(found.first), findings=len(found.findings))
    with connect_as(job.settings, SUPERVISOR) as conn:
        halt_on(conn, found)
    return f"halted: {in_words(found.first)}"
