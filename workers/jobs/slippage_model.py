"""Every hour: see whether the model of what orders slip by is due for a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from celery import shared_task

from backend.db import bus
from backend.domain.slippage import ROWS_MIN, SlippageOrder, fit_slippage
from workers.jobs.running import MINUTE_S, JobContext, run_job

ROWS_MAX = 20_000
REFIT_AFTER = timedelta(hours=23)
_LATENCY_MS = 200
_VOLUME = 10_000.0
"""Where nothing is known yet: a constant teaches nothing, and takes nothing away."""


@shared_task(name="desk.jobs.slippage_model")
def slippage_model() -> str:
    """Fit on the newest fills, unless the model in force is younger than a day."""
    return run_job("slippage_model", 60 * MINUTE_S, lambda job: _fit(job, due_only=True))


def fit_now() -> str:
    """Fit whether or not it is due; for people."""
    return run_job("slippage_model", 60 * MINUTE_S, lambda job: _fit(job, due_only=False))


def _fit(job: JobContext, *, due_only: bool) -> str:
    (facts,) = bus.call(job.conn, "execution.slippage_rows", [{"i": 0, "rows_max": ROWS_MAX}])
    fitted_at = facts["fitted_at"]
    fresh = fitted_at and job.clock.now() - datetime.fromisoformat(fitted_at) < REFIT_AFTER
    if fresh and due_only:
        return "the model is fresh"
    rows = facts["rows"]
    if len(rows) < ROWS_MIN:
        return f"{len(rows)} fills of {ROWS_MIN}: too few to say what orders slip by"
    slipped = np.array([float(row["slippage_bps"]) for row in rows])
    try:
        model = fit_slippage([_order(row) for row in rows], slipped)
    except ModuleNotFoundError as missing:
        return f"{missing.name} is not installed: no slippage is forecast"
    item = {
        "i": 0,
        "model": model.version,
        "rows": model.rows,
        "body": model.as_numbers(),
        "calibration": [asdict(one) for one in model.calibration],
    }
    bus.call(job.conn, "execution.record_slippage_models", [item])
    return f"{model.version} fitted on {model.rows} fills"


def _order(row: Mapping[str, Any]) -> SlippageOrder:
    at = datetime.fromisoformat(row["filled_at"])
    return SlippageOrder(
        spread_bps=float(row["spread_bps"]),
        sigma_bps=float(row["sigma"]) * 1e4,
        size_share=float(row["quantity"]) / (float(row["volume"] or 0) or _VOLUME),
        latency_s=(row["latency_ms"] or _LATENCY_MS) / 1_000,
        hour=at.hour + at.minute / 60,
        passive=bool(row["passive"]),
    )
