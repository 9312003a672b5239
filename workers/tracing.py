"""What stays of a decision: the row that an auditor reads and that a replay starts from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import orjson

from backend.db import gateway
from backend.values import format_instant
from workers.agent import Agent, Context, Decision, Facts, Heard, RowMessage


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a decision's question came from: a message, a row, or the agent's own tick."""

    msg_id: UUID | None
    message_type: str | None
    correlation_id: UUID
    org_id: str
    ordering_key: str

    @classmethod
    def of(cls, message: Heard) -> Origin:
        """Describe a message or a row."""
        kind = f"row:{message.kind}" if isinstance(message, RowMessage) else message.type
        return cls(
            message.msg_id, kind, message.correlation_id, message.org_id, message.ordering_key
        )


def canonical_decision(decision: Decision, payloads: Sequence[dict[str, Any]]) -> bytes:
    """Return the bytes that two runs of the same decision share.

    payloads: the emissions' payloads as JSON values, which the caller needs anyway.
    """
    return gateway.dump(
        {
            "outcome": decision.outcome,
            "code": decision.code,
            "explanation": decision.explanation,
            "final": decision.final,
            "effects": [[e.procedure, e.item] for e in decision.effects],
            "emissions": [
                [e.payload.TYPE, e.ordering_key, e.intent, payload]
                for e, payload in zip(decision.emissions, payloads, strict=True)
            ],
        },
        sort_keys=True,
    )


def decision_hash(decision: Decision, payloads: Sequence[dict[str, Any]]) -> str:
    """Return the hash by which a replay knows that it decided the same."""
    return hashlib.sha256(canonical_decision(decision, payloads)).hexdigest()


def payloads_of(decision: Decision) -> list[dict[str, Any]]:
    """Return what a decision publishes, as JSON values."""
    return [emission.payload.model_dump(mode="json") for emission in decision.emissions]


def as_kept(value: Any) -> Any:
    """Return JSON values with keys in the order in which jsonb gives them back.

    What an agent reports of the world is decided on at once, and by a replay only after
    Postgres kept it: both must walk through it in one order.
    """
    if isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        return {key: as_kept(held[key]) for key in sorted(held, key=_place_of_key)}
    if isinstance(value, list | tuple):
        return [as_kept(item) for item in cast("Sequence[Any]", value)]
    return value


def _place_of_key(key: str) -> tuple[int, bytes]:
    told = key.encode()
    return len(told), told


def trace_row(
    agent: Agent,
    origin: Origin,
    context: Context,
    facts: Facts,
    decision: Decision,
    payloads: Sequence[dict[str, Any]],
    *,
    latency_us: int,
    code_version: str,
) -> dict[str, Any]:
    """Return the `decision_traces` row of one decision, as JSON for `bus.settle`."""
    inputs = {
        "origin": str(context.origin),
        "origin_at": format_instant(context.origin_at),
        "ordering_key": origin.ordering_key,
    }
    return {
        "trace_id": str(context.new_id("trace")),
        "correlation_id": str(origin.correlation_id),
        "org_id": origin.org_id,
        "msg_id": None if origin.msg_id is None else str(origin.msg_id),
        "message_type": origin.message_type,
        "inputs": inputs,
        "facts": facts,
        "clock": format_instant(context.now),
        "seed": context.seed,
        "feature_hash": _feature_hash(decision),
        "policy_hash": decision.policy_hash,
        "outcome": decision.outcome,
        "code": decision.code,
        "explanation": decision.explanation,
        "final_outcome": decision.final,
        "decision": {
            "sha256": decision_hash(decision, payloads),
            "features": dict(decision.features),
            "emitted": [e.payload.TYPE for e in decision.emissions],
            "effects": [e.procedure for e in decision.effects],
        },
        "latency_us": latency_us,
        "code_version": code_version,
    }


def _feature_hash(decision: Decision) -> str | None:
    if not decision.features:
        return None
    features = orjson.dumps(dict(decision.features), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(features).hexdigest()
