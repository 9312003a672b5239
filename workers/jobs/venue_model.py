"""Every six hours: learn what venues cost, and judge that before anybody is asked to use it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task

from backend.db import bus
from workers.jobs.running import HOUR_S, JobContext, run_job

EVERY_S = 6 * HOUR_S
ROWS_MAX = 6_000
RELEARN_AFTER = timedelta(hours=23)


@shared_task(name="desk.jobs.venue_model")
def venue_model() -> str:
    """Learn from the newest choices, unless the newest model is younger than a day."""
    return run_job("venue_model", EVERY_S, lambda job: _learn(job, due_only=True))


def learn_now() -> str:
    """Learn whether or not it is due; for people."""
    return run_job("venue_model", EVERY_S, lambda job: _learn(job, due_only=False))


def _learn(job: JobContext, *, due_only: bool) -> str:
    from backend.domain.venue_selection import learn_venues
    from workers.venue_choice import read_choice

    (facts,) = bus.call(job.conn, "execution.venue_choice_rows", [{"i": 0, "rows_max": ROWS_MAX}])
    learned_at = facts["learned_at"]
    fresh = learned_at and job.clock.now() - datetime.fromisoformat(learned_at) < RELEARN_AFTER
    if fresh and due_only:
        return "the model is fresh"
    read = (read_choice(row["venues"], row["features"], _reward(row)) for row in facts["rows"])
    try:
        learned = learn_venues([case for case in read if case is not None])
    except ValueError as few:
        return str(few)
    item = {
        "i": 0,
        "model": learned.posterior.version,
        "body": learned.posterior.as_numbers(),
        "rows": learned.cases,
        "evaluation": learned.evidence(facts["active"]),
    }
    bus.call(job.conn, "execution.record_venue_models", [item])
    return f"{item['model']} learned from {learned.cases} choices: {learned.verdict.value}"


def _reward(row: Mapping[str, Any]) -> float | None:
    return None if row["cost_bps"] is None else -float(row["cost_bps"])
