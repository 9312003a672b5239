"""Who hears what and who may publish what, as the agents' own files declare it."""

from __future__ import annotations

from typing import Any

from workers.agent import AGENTS, Agent, load

DECIDING = frozenset(
    {
        "intake",
        "normalizer",
        "rationale_scorer",
        "strategy_analyst",
        "strategy_router",
        "portfolio",
        "risk",
        "policy_guard",
        "order",
    }
)
"""Agents whose dead letter ends an alert; the others only watch it.

Execution is not among them: an order that may have been sent ends when the venue says so.
"""


BATCH_MAX = 50
"""Messages that an agent claims at once, unless its file says otherwise or it calls outside."""


def declaration(agent: Agent) -> dict[str, Any]:
    """Return one agent's row for `bus.declare_agents`."""
    module = agent.module
    return {
        "agent": agent.name,
        "hears": list(agent.hears),
        "emits": list(agent.emits),
        "depth_max": getattr(module, "DEPTH_MAX", 2_000),
        "max_attempts": getattr(module, "MAX_ATTEMPTS", 5),
        "backoff_base_ms": getattr(module, "BACKOFF_BASE_MS", 100),
        "backoff_cap_ms": getattr(module, "BACKOFF_CAP_MS", 10_000),
        "lease_ms": getattr(module, "LEASE_MS", 5_000),
        "batch_max": getattr(module, "BATCH_MAX", 8 if agent.acts else BATCH_MAX),
        "decides_alert": agent.name in DECIDING,
    }


def declarations() -> list[dict[str, Any]]:
    """Return every agent's declaration."""
    return [declaration(load(name)) for name in AGENTS]
