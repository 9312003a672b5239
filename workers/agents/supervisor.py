"""Supervisor: watches the desk itself and keeps an incident open for whatever is wrong.

Mission: trouble has a row before a person has a complaint. Looks every two seconds at
heartbeats, queues and jobs, every half minute at the invariants. SLO 20/100 ms. Failover:
rank 0 of its workers ticks; an incident is one row per kind and subject, whoever finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from backend.contracts.denials import Code
from backend.domain.supervision import (
    AgentObservation,
    HaltObservation,
    Incident,
    IncidentKind,
    InvariantObservation,
    JobObservation,
    SupervisionPolicy,
    SupervisionResult,
    supervise,
)
from backend.values import read_instant
from workers.agent import Canvas, Context, Decision, Effect, Facts
from workers.sections import read_section

CANVAS = Canvas(
    mission="Open an incident when an agent is silent, a queue stalls, a job stops, a halt is not "
    "acknowledged or a truth about the data breaks; close it when that is over.",
    observations="Worker leases, oldest deliveries, parked keys, dead letters of a day, runs of "
    "scheduled jobs, acknowledgements of halts, venues that do not answer, invariants (each a "
    "named check in sql/ops/broken_*).",
    actions="Opens and closes ops.incidents; halts a venue that leaves attempts "
    "unanswered or has fallen silent.",
    beliefs="A desk that has just started is given one heartbeat's time to assemble.",
    policy="The pack's [supervision]; a check that did not run is an incident itself.",
    slo_p50_ms=20,
    slo_p95_ms=100,
    failover="The next worker ticks; what is wrong is found again.",
)
HEARS: tuple[str, ...] = ()
EMITS: tuple[str, ...] = ()
FACTS = None
TICK_FACTS = "ops.supervision_facts"
EFFECTS = ("ops.close_incidents", "ops.open_incidents", "governance.halt_automatically")
MAY_CALL = (
    "governance.halt_automatically",
    "ops.check_invariants",
    "ops.close_incidents",
    "ops.open_incidents",
    "ops.supervision_facts",
)
EVERY_MS = 2_000

_INVARIANTS_EVERY_S = 30
VENUE_SILENCE = timedelta(minutes=2)
"""Longer than a terminal takes to come back, and many times the bridge's settle window."""
_OF_INVARIANTS = (IncidentKind.INVARIANT_BROKEN, IncidentKind.OBSERVATION_MISSING)


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for everything; the invariants read more, so they take their turn."""
    return {"invariants": int(now.timestamp()) % _INVARIANTS_EVERY_S < EVERY_MS // 1000}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Open incidents for what is wrong now, close those that are over."""
    policy = read_section(SupervisionPolicy, facts["policy"])
    if policy is None:
        detail = "No active pack says when silence is too long, so nothing is judged."
        return Decision("not_judged", detail, code=Code.POLICY_MISSING)
    result = _supervise(facts, policy, context.now)
    halts = _halts(facts, context)
    if not result.opened and not result.resolved and not halts:
        return Decision("unchanged", f"{len(result.continuing)} incidents go on, none is new.")
    opened = [f"opened {i.key} ({i.detail})" for i in result.opened]
    closed = [f"closed {key}" for key in result.resolved]
    return Decision(
        outcome="incidents",
        explanation="; ".join([*opened, *closed, *(h.item["reason"] for h in halts)]) + ".",
        effects=(
            *halts,
            *(_close(key) for key in result.resolved),
            *(_open(incident, index, context) for index, incident in enumerate(result.opened)),
        ),
        policy_hash=facts["policy_hash"],
    )


def _supervise(facts: Facts, policy: SupervisionPolicy, now: datetime) -> SupervisionResult:
    began = facts["first_worker_at"]
    since = now if began is None else read_instant(began)
    assembling = now - since < timedelta(seconds=policy.heartbeat_age_s_max)
    expected = [row["agent"] for row in facts["agents"] if row["desired"] and not row["draining"]]
    invariants = facts["invariants"]
    # Incidents about what was not looked at this time are neither over nor confirmed, and what
    # others opened is theirs to close.
    looked_at = set(IncidentKind) - (set() if invariants is not None else set(_OF_INVARIANTS))
    open_keys = [key for key in facts["open"] if key.partition(":")[0] in looked_at]
    return supervise(
        expected_agents=() if assembling else expected,
        agents=[
            _observation(row, now)
            for row in facts["agents"]
            if not (assembling and _away(row, policy, now))
            and (row["agent"] in expected or row["heartbeat_at"] is not None)
        ],
        invariants=[
            InvariantObservation(row["name"], row["violations"], tuple(row["samples"]))
            for row in invariants or ()
        ],
        open_keys=open_keys,
        policy=policy,
        now=now,
        jobs=[
            JobObservation(
                row["job"],
                row["every_s"],
                max(read_instant(row["last_run_at"]), since),
                row["last_error"],
            )
            for row in facts["jobs"]
        ],
        halts=[
            HaltObservation(
                row["halt_id"], f"{row['scope']} {row['scope_id']}", tuple(row["agents"])
            )
            for row in facts["halts_unheard"]
        ],
    )


def _halts(facts: Facts, context: Context) -> tuple[Effect, ...]:
    """Halt the venues whose answers have been missing for too long."""
    # Unanswered attempts say more than silence does.
    told = [*facts.get("venues_silent", ()), *facts["venues_unanswering"]]
    silent = [
        row
        for row in {row["venue_id"]: row for row in told}.values()
        if context.now - read_instant(row["since"]) > VENUE_SILENCE
    ]
    return tuple(
        Effect(
            "governance.halt_automatically",
            {
                "halt_id": str(context.new_id("halt", index)),
                "cause": "connectivity",
                "scope": "venue",
                "scope_id": row["venue_id"],
                "reason": f"{row['venue_id']} "
                + (
                    f"leaves {row['attempts']} attempts unanswered"
                    if "attempts" in row
                    else "says nothing of any account"
                )
                + f" since {row['since']}",
                "detail": dict(row),
            },
        )
        for index, row in enumerate(silent)
    )


def _away(row: Mapping[str, Any], policy: SupervisionPolicy, now: datetime) -> bool:
    heartbeat = row["heartbeat_at"]
    longest = timedelta(seconds=policy.heartbeat_age_s_max)
    return heartbeat is None or now - read_instant(heartbeat) > longest


def _observation(row: Mapping[str, Any], now: datetime) -> AgentObservation:
    heartbeat, waiting = row["heartbeat_at"], row["oldest_waiting_at"]
    unwanted = not row["desired"] or row["draining"]
    return AgentObservation(
        agent=row["agent"],
        # Nobody misses the heartbeat of an agent that is not to run.
        heartbeat_at=now if unwanted else None if heartbeat is None else read_instant(heartbeat),
        oldest_waiting_at=None if waiting is None else read_instant(waiting),
        depth=row["depth"],
        dead_letters_open=row["dead_letters_open"],
    )


def _open(incident: Incident, index: int, context: Context) -> Effect:
    return Effect(
        "ops.open_incidents",
        {
            "incident_id": str(context.new_id("incident", index)),
            "kind": incident.kind.value,
            "subject": incident.subject,
            "severity": incident.severity.value,
            "detail": {"text": incident.detail},
        },
    )


def _close(key: str) -> Effect:
    kind, _, subject = key.partition(":")
    return Effect("ops.close_incidents", {"kind": kind, "subject": subject})
