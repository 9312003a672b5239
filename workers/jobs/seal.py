"""Every few seconds: seal what was committed since, so that nobody can rewrite it unnoticed."""

from __future__ import annotations

from celery import shared_task

from backend.db.audit.heads import remember
from backend.db.audit.sealing import seal as seal_now
from backend.db.gateway import connect_as
from backend.db.roles import SEALER
from backend.keys import load_key
from workers.jobs.running import JobContext, run_job

EVERY_S = 10


@shared_task(name="desk.jobs.seal")
def seal() -> str:
    """Hash, sign and chain what is final; writers are never waited for."""
    return run_job("seal", EVERY_S, _seal, role=SEALER)


def _seal(job: JobContext) -> str:
    key = load_key(job.settings.keys, SEALER)
    with connect_as(job.settings, SEALER) as writer:
        done = seal_now(job.conn, writer, key, job.clock)
    if done.busy:
        return "another sealer is at work"
    remember(job.conn, job.settings.keys)
    return f"{done.records} records in {done.seals} seals"
