"""Every fifteen seconds: let readers vote on what the newest bars brought.

Own readers first, and what they say is kept. Language models, where configured, are asked after
that with no transaction open; one that is silent costs its vote, nothing else.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from celery import shared_task

from backend.db import bus
from backend.domain.conviction import ConvictionPolicy, Forest
from backend.llm import LlmUnavailable, llm_readers
from workers.jobs.running import JobContext, run_job
from workers.sections import read_section
from workers.structure_reading import BARS_MAX, Reading, item_of, read_run, run_of, with_votes

log = structlog.get_logger()

EVERY_S = 15
RUNS_MAX = 12
TIMEFRAMES = ("M5", "M15", "H1", "H4")
_BARS_MIN = 60
_MODELS_S = 20.0
"""No further run of bars is put to the models after so long: other jobs wait for this thread."""

_ONE_AT_A_TIME = "select ops.begin_structures()"


@shared_task(name="desk.jobs.structures")
def structures() -> str:
    """Vote on new structures, confirm them by measures, flag those unlike the others."""
    return run_job("structures", EVERY_S, _read, role="market_data_agent")


def _read(job: JobContext) -> str:
    locked = job.conn.execute(_ONE_AT_A_TIME).fetchone()
    if locked is None or not locked[0]:
        return "the run before is still at it"
    question = {
        "i": 0,
        "timeframes": list(TIMEFRAMES),
        "bars_max": BARS_MAX,
        "runs_max": RUNS_MAX,
        "model": None,
    }
    (facts,) = bus.call(job.conn, "ops.structure_facts", [question])
    policy = read_section(ConvictionPolicy, facts["policy"])
    if policy is None:
        return "no active pack says what convinces"
    forest = None if facts["forest"] is None else Forest.from_numbers(facts["forest"])
    readings: list[Reading] = []
    for row in facts["runs"]:
        bars, until = run_of(row, job.clock.now())
        if len(bars) >= _BARS_MIN:
            readings.append(read_run(bars, until, policy, forest))
    count = _record(job, readings, policy, facts)
    told = _ask_models(job, readings, policy, facts)
    return f"{count} structures in {len(readings)} runs of bars{told}"


def _record(
    job: JobContext, readings: list[Reading], policy: ConvictionPolicy, facts: dict[str, Any]
) -> int:
    items = [
        {"i": index, **item_of(reading, policy, facts["policy_hash"], facts["model"])}
        for index, reading in enumerate(readings)
    ]
    if not items:
        return 0
    return sum(
        answer["structures"] for answer in bus.call(job.conn, "ops.record_structures", items)
    )


def _ask_models(
    job: JobContext, readings: list[Reading], policy: ConvictionPolicy, facts: dict[str, Any]
) -> str:
    asked = [reading for reading in readings if reading.fresh]
    readers = llm_readers(job.settings)
    if not readers or not asked:
        return ""
    silent: dict[str, str] = {}
    over_at = time.monotonic() + _MODELS_S
    for reading in asked:
        if time.monotonic() > over_at:
            # Own readers have spoken for the rest; the next bars bring the next question.
            break
        heard = reading
        for reader in readers:
            if reader.name in silent:
                continue
            try:
                heard = with_votes(heard, reader.read, policy)
            except LlmUnavailable as error:
                # Once is enough: what does not answer would hold up every other run.
                silent[reader.name] = str(error)
                log.warning("llm.silent", reader=reader.name, error=str(error))
        if heard is not reading:
            _record(job, [heard], policy, facts)
    return f", {len(readers) - len(silent)} of {len(readers)} language models voted"
