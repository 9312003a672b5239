"""What an agent is made of: its declaration, the message it hears, the decision it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from importlib import import_module
from types import ModuleType
from typing import Any
from uuid import UUID

from backend.contracts.base import Payload
from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.db.roles import AGENTS as AGENTS
from backend.values import FinalOutcome

Facts = Mapping[str, Any]

_VERSION_7 = 0x7000 << 64 | 0b10 << 62
_RANDOM_BITS = 0x0FFF << 64 | (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class Canvas:
    """Why an agent exists and how it is judged; `ops/agents/` is generated from it."""

    mission: str
    observations: str
    actions: str
    beliefs: str
    policy: str
    slo_p50_ms: int
    slo_p95_ms: int
    failover: str


@dataclass(frozen=True, slots=True)
class Context:
    """Time, randomness and new ids as arguments: what `handle` may not fetch itself."""

    agent: str
    now: datetime
    seed: int
    origin: UUID
    """The message (or tick) that asks; new ids derive from it."""
    origin_at: datetime

    def new_id(self, name: str, index: int = 0) -> UUID:
        """Return the id of a row to be made; the same question always gives the same id.

        The layout is UUIDv7: time of the origin first, so that indexes stay dense.
        """
        digest = sha256(f"{self.agent}/{name}/{index}/".encode() + self.origin.bytes).digest()
        millis = int(self.origin_at.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
        tail = int.from_bytes(digest[:10], "big")
        return UUID(int=millis << 80 | _VERSION_7 | tail & _RANDOM_BITS)

    def shadow_id(self, name: str) -> UUID:
        """Return the correlation of what runs in the shadow: told apart by its version, 8."""
        return UUID(int=self.new_id(f"shadow/{name}").int ^ (0x7 ^ 0x8) << 76)


@dataclass(frozen=True, slots=True)
class Effect:
    """One item for a procedure that the agent may call."""

    procedure: str
    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Emission:
    """A payload to publish; envelope, ids and signature belong to the runtime."""

    payload: Payload
    ordering_key: str
    intent: str | None = None
    ttl_ms: int | None = None
    correlation_id: UUID | None = None
    """Another than that of what was heard: what runs in the shadow keeps itself apart."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an agent decided, and why, before anything became true."""

    outcome: str
    explanation: str
    code: Code | None = None
    effects: tuple[Effect, ...] = ()
    emissions: tuple[Emission, ...] = ()
    features: Mapping[str, str] = field(default_factory=dict[str, str])
    policy_hash: str | None = None
    final: FinalOutcome | None = None
    """Set when this decision is where the alert ends (or rests)."""
    quiet: bool = False
    """Routine of a tick: its effects become true and leave no trace."""


@dataclass(frozen=True, slots=True)
class RowMessage:
    """A row that SQL handed to an agent, before anything was signed."""

    kind: str
    row_id: UUID
    msg_id: UUID
    correlation_id: UUID
    org_id: str
    ordering_key: str
    created_at: datetime


Heard = Message[Any] | RowMessage


class Agent:
    """An agent's module, read once and checked."""

    def __init__(self, name: str, module: ModuleType) -> None:
        self.name = name
        self.module = module
        self.canvas: Canvas = module.CANVAS
        self.hears: tuple[str, ...] = module.HEARS
        self.hears_rows: tuple[str, ...] = getattr(module, "HEARS_ROWS", ())
        self.emits: tuple[str, ...] = module.EMITS
        self.facts: str | None = module.FACTS
        self.effects: tuple[str, ...] = module.EFFECTS
        self.may_call: tuple[str, ...] = module.MAY_CALL
        self.every_ms: int | None = getattr(module, "EVERY_MS", None)
        self.linger_ms: int = getattr(module, "LINGER_MS", 0)
        self.reads_ahead: bool = getattr(module, "READS_AHEAD", False)
        self.tick_facts: str | None = getattr(module, "TICK_FACTS", self.facts)

    @cached_property
    def acts(self) -> bool:
        """True for agents that call something outside Postgres."""
        return hasattr(self.module, "call") or hasattr(self.module, "call_tick")

    def function(self, name: str) -> Callable[..., Any]:
        """Return a function of the agent's module. Raises AttributeError if it has none."""
        return getattr(self.module, name)

    def has(self, name: str) -> bool:
        """Tell whether the agent's module defines a function."""
        return hasattr(self.module, name)


def load(name: str) -> Agent:
    """Return the agent of that name. Raises ModuleNotFoundError if there is none."""
    return Agent(name, import_module(f"workers.agents.{name}"))
