"""Every ten minutes: see whether the forest that flags unusual structures is due for a fit."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from celery import shared_task

from backend.db import bus
from backend.domain.conviction import FEATURES, fit_forest
from workers.jobs.running import MINUTE_S, JobContext, run_job

ROWS_MIN = 200
ROWS_MAX = 10_000
REFIT_AFTER = timedelta(hours=23)


@shared_task(name="desk.jobs.structure_model")
def structure_model() -> str:
    """Fit on the newest structures; what the forest flags waits for a person."""
    return run_job("structure_model", 10 * MINUTE_S, _fit, role="market_data_agent")


def _fit(job: JobContext) -> str:
    (facts,) = bus.call(job.conn, "ops.structure_rows", [{"i": 0, "rows_max": ROWS_MAX}])
    fitted_at = facts["fitted_at"]
    if fitted_at and job.clock.now() - datetime.fromisoformat(fitted_at) < REFIT_AFTER:
        return "the forest is fresh"
    rows = [row for row in facts["rows"] if len(row) == len(FEATURES)]
    if len(rows) < ROWS_MIN or facts["outlier_share"] is None:
        return f"{len(rows)} structures of {ROWS_MIN}: too few to say what is usual"
    try:
        forest = fit_forest(np.array(rows, dtype=float), FEATURES, float(facts["outlier_share"]))
    except ModuleNotFoundError as missing:
        return f"{missing.name} is not installed: nothing is flagged"
    item = {"i": 0, "model": forest.version, "rows": forest.rows, "body": forest.as_numbers()}
    bus.call(job.conn, "ops.record_structure_models", [item])
    return f"{forest.version} fitted on {forest.rows} structures"
