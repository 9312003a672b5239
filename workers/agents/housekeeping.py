"""Housekeeping: ends what is past its time, keeps partitions ahead, clears what passed.

Mission: nothing waits for ever, and no insert meets a missing partition. Looks once a minute.
SLO 50/500 ms. Failover: rank 0 of its workers ticks; every step may be repeated. Retention
drops whole partitions (desk.jobs.retention), never rows of a record.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from workers.agent import Canvas, Context, Decision, Effect, Facts

CANVAS = Canvas(
    mission="Expire intents, proposals and reviews past their time, with the alert's outcome; "
    "make partitions a week ahead; clear stopped workers and passing keys.",
    observations="Counts of what is past its time, partitions of the next days.",
    actions="Expires, makes partitions, clears; its login also serves the scheduled jobs.",
    beliefs="None.",
    policy="ops.retention says how long; an authorisation or vote carries its own time.",
    slo_p50_ms=50,
    slo_p95_ms=500,
    failover="The next worker ticks; what is due stays due.",
)
HEARS: tuple[str, ...] = ()
EMITS: tuple[str, ...] = ()
FACTS = None
TICK_FACTS = "ops.housekeeping_facts"
EFFECTS = (
    "risk.expire_intents",
    "governance.expire_proposals",
    "intake.expire_reviews",
    "ops.clear_passing",
    "ops.clear_workers",
    "ops.rotate_partitions",
)
MAY_CALL = (
    "execution.record_slippage_models",
    "execution.record_venue_models",
    "execution.roll_latencies",
    "execution.slippage_rows",
    "execution.venue_choice_rows",
    "governance.expire_proposals",
    "intake.close_outcomes",
    "intake.expire_reviews",
    "ops.clear_passing",
    "ops.clear_workers",
    "ops.drop_partitions",
    "ops.ensure_partitions",
    "ops.expired_partitions",
    "ops.housekeeping_facts",
    "ops.record_daily_reports",
    "ops.record_job_runs",
    "ops.rotate_partitions",
    "risk.expire_intents",
    "risk.record_scenarios",
    "risk.renew_measurements",
    "risk.scenario_facts",
)
EVERY_MS = 60_000

_STEPS = (
    ("risk.expire_intents", ("intents_due",), "authorisations ended unused", True),
    ("governance.expire_proposals", ("proposals_due",), "proposals ended undecided", True),
    ("intake.expire_reviews", ("reviews_due",), "reviews ended undecided", True),
    ("ops.clear_workers", ("workers_gone",), "stopped workers forgotten", False),
    (
        "ops.clear_passing",
        ("keys_old", "duplicates_old", "refused_old", "parked_over"),
        "passing rows cleared",
        False,
    ),
    ("ops.rotate_partitions", ("partitions_missing",), "partitions were missing", False),
)
"""Procedure, the counts that call for it, what it does in words, whether it ends an alert."""


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask what is past its time."""
    return {}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Do each step that something calls for; only what ends alerts is worth a trace."""
    effects: list[Effect] = []
    words: list[str] = []
    decided = False
    for procedure, counts, done, ends_alerts in _STEPS:
        due = sum(int(facts[name]) for name in counts)
        if due == 0:
            continue
        effects.append(Effect(procedure, {}))
        words.append(f"{due} {done}")
        decided = decided or ends_alerts
    return Decision(
        outcome="tidied" if effects else "tidy",
        explanation="; ".join(words) + "." if words else "Nothing is past its time.",
        effects=tuple(effects),
        features={name: str(facts[name]) for _, names, _, _ in _STEPS for name in names},
        quiet=not decided,
    )
