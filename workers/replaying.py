"""Run a recorded decision again from its trace and compare: same question, same answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from backend.contracts.message import decode
from workers.agent import Agent, Context, Decision, Heard, RowMessage, load
from workers.tracing import canonical_decision, decision_hash, payloads_of


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found. `same` is bit for bit."""

    trace_id: UUID
    agent: str
    same: bool
    recorded: dict[str, Any]
    replayed: dict[str, Any]


def replay(trace: Mapping[str, Any], event: Mapping[str, Any] | None) -> Replay:
    """Decide again on the recorded facts, clock and seed.

    trace: a row of decision_traces; event: the bus event or row delivery that asked, None
    for a tick. Raises ValueError if the agent no longer handles such a question.
    """
    agent = load(trace["agent"])
    origin = UUID(trace["inputs"]["origin"])
    origin_at = datetime.fromisoformat(trace["inputs"]["origin_at"])
    context = Context(agent.name, trace["clock"], trace["seed"], origin, origin_at)
    decision = _decide(agent, trace, _message(trace, event, origin_at), context)
    payloads = payloads_of(decision)
    sha256 = decision_hash(decision, payloads)
    return Replay(
        trace_id=trace["trace_id"],
        agent=agent.name,
        same=sha256 == trace["decision"]["sha256"],
        recorded={
            "outcome": trace["outcome"],
            "code": trace["code"],
            "explanation": trace["explanation"],
            "final": trace["final_outcome"],
            "sha256": trace["decision"]["sha256"],
        },
        replayed={**orjson.loads(canonical_decision(decision, payloads)), "sha256": sha256},
    )


def _message(
    trace: Mapping[str, Any], event: Mapping[str, Any] | None, origin_at: datetime
) -> Heard | None:
    kind: str = trace["message_type"] or ""
    if kind == "tick":
        return None
    if kind.startswith("row:"):
        # A row has no bytes of its own: what the agent was told is in the facts.
        row_id = trace["msg_id"]
        return RowMessage(
            kind.removeprefix("row:"),
            row_id,
            row_id,
            trace["correlation_id"],
            trace["org_id"],
            trace["inputs"].get("ordering_key", ""),
            origin_at,
        )
    if event is None:
        raise ValueError(f"the message {trace['msg_id']} of this decision is archived")
    return decode(event)


def _decide(
    agent: Agent, trace: Mapping[str, Any], message: Heard | None, context: Context
) -> Decision:
    facts = trace["facts"]
    if message is None:
        return agent.function("handle_tick")(facts, context)
    if not agent.acts:
        return agent.function("handle")(message, facts, context)
    if "report" in facts:
        return agent.function("record")(message, facts["prepared"], facts["report"], context)
    return agent.function("prepare")(message, facts, context)
