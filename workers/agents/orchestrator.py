"""Orchestrator: compares the agents that should run with those that do, and drains on request.

Mission: what an operator wants of the desk becomes true, and what is not is said. Looks every
five seconds at desired agents, drains and feature flags. SLO 20/100 ms. Failover: rank 0 of
its workers ticks; what was reported last is a row, so nothing is said twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backend.contracts.oversight import BlackboardNote
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts

CANVAS = Canvas(
    mission="Hold desired agents, feature flags and drains; report every difference.",
    observations="ops.desired_agents and ops.feature_flags against living workers.",
    actions="Sets and ends the draining of workers; publishes strategy.blackboard.v1 notes.",
    beliefs="What it reported last, kept beside what is desired.",
    policy="It starts no processes: whoever supervises them reads its notes. An agent of "
    "which none is desired is drained.",
    slo_p50_ms=20,
    slo_p95_ms=100,
    failover="The next worker ticks; a drain that is asked for is carried out by whoever does.",
)
HEARS: tuple[str, ...] = ()
EMITS = (BlackboardNote.TYPE,)
FACTS = None
TICK_FACTS = "ops.orchestration_facts"
EFFECTS = ("ops.drain_workers", "ops.record_announced", "ops.record_observed")
MAY_CALL = (
    "ops.drain_workers",
    "ops.orchestration_facts",
    "ops.record_announced",
    "ops.record_observed",
)
EVERY_MS = 5_000

_AGENTS = "ops.agents"
_FLAGS = "ops.flags"


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for desired and living workers, and for the flags."""
    return {}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Drain what should drain; note what changed since it was last said."""
    effects: list[Effect] = []
    emissions: list[Emission] = []
    words: list[str] = []
    for row in facts["agents"]:
        wanted = bool(row["draining"]) or row["desired"] == 0
        drained = row["alive_draining"]
        if drained != (row["alive"] if wanted else 0):
            effects.append(Effect("ops.drain_workers", {"agent": row["agent"], "draining": wanted}))
            words.append(f"{row['agent']} {'drains' if wanted else 'takes up work again'}")
        if row["observed"] != row["alive"]:
            item = {"agent": row["agent"], "observed": row["alive"]}
            effects.append(Effect("ops.record_observed", item))
            emissions.append(_note(_AGENTS, row["agent"], _state(row, wanted), context))
            words.append(_explain(row))
    for flag in facts["flags"]:
        if flag["enabled"] != flag["announced"]:
            item = {"flag": flag["flag"], "enabled": flag["enabled"]}
            effects.append(Effect("ops.record_announced", item))
            state = {"enabled": "true" if flag["enabled"] else "false"}
            emissions.append(_note(_FLAGS, flag["flag"], state, context))
            words.append(f"flag {flag['flag']} is {'on' if flag['enabled'] else 'off'}")
    return Decision(
        outcome="adjusted" if effects else "as_desired",
        explanation="; ".join(words) + "." if words else "Nothing changed.",
        effects=tuple(effects),
        emissions=tuple(emissions),
    )


def _desired(row: Mapping[str, Any]) -> int:
    """Return how many workers should run at least; nobody said means one."""
    return 1 if row["desired"] is None else int(row["desired"])


def _state(row: Mapping[str, Any], draining: bool) -> dict[str, str]:
    desired, alive = _desired(row), row["alive"]
    return {
        "desired": str(desired),
        "alive": str(alive),
        "missing": str(max(0, desired - alive)),
        "draining": "true" if draining else "false",
    }


def _explain(row: Mapping[str, Any]) -> str:
    desired, alive = _desired(row), row["alive"]
    missing = f", {desired - alive} missing" if alive < desired else ""
    return f"{row['agent']} has {alive} of {desired} workers{missing}"


def _note(topic: str, key: str, note: dict[str, str], context: Context) -> Emission:
    return Emission(
        BlackboardNote(topic=topic, key=key[:64], note=note, as_of=context.now), ordering_key=key
    )
