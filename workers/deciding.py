"""From a claimed batch to something that can be settled, for both forms of handling.

*Decide*: facts → handle → effects, emissions and acknowledgement in one transaction.
*Act*: prepare and commit → call with no transaction open → record and acknowledge.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils
from psycopg import Connection

from backend.contracts.ballots import sign_vote
from backend.contracts.base import Payload
from backend.contracts.envelope import Unsigned
from backend.contracts.message import Message
from backend.contracts.signing import SigningKey
from backend.db import bus, gateway
from backend.db.bus import Row, Told
from workers.agent import Agent, Context, Decision, Emission, Facts, Heard
from workers.ballots import CAST_VOTES
from workers.tracing import Origin, as_kept, payloads_of, trace_row


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery that this worker holds, verified and parsed."""

    delivery_id: int
    attempts: int
    message: Heard

    @property
    def ordering_key(self) -> str:
        """The key whose order matters."""
        return self.message.ordering_key


@dataclass(slots=True)
class Settlement:
    """Everything that one transaction makes true."""

    acks: list[int] = field(default_factory=list[int])
    effects: dict[str, list[dict[str, Any]]] = field(
        default_factory=dict[str, list[dict[str, Any]]]
    )
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    published: dict[str, Message[Any]] = field(default_factory=dict[str, Message[Any]])
    """The same messages as their hearers get them, by id."""
    traces: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def add_effects(self, decision: Decision, agent: str, key: SigningKey) -> None:
        """Queue a decision's effects; one call per procedure carries the whole batch."""
        for effect in decision.effects:
            items = self.effects.setdefault(effect.procedure, [])
            item = effect.item
            if effect.procedure == CAST_VOTES:
                item = {**item, "sig": sign_vote(item, f"{agent}_agent", key)}
            items.append({"i": len(items), **item})

    def add_message(self, unsigned: Unsigned, wire: dict[str, Any], payload: Payload) -> None:
        """Queue a signed message."""
        self.messages.append(wire)
        self.published[wire["msg_id"]] = Message(
            msg_id=unsigned.msg_id,
            type=unsigned.type,
            version=wire["version"],
            correlation_id=unsigned.correlation_id,
            causation_id=unsigned.causation_id,
            ttl_ms=unsigned.ttl_ms,
            sender=unsigned.sender,
            intent=unsigned.intent,
            idempotency_key=unsigned.idempotency_key,
            org_id=unsigned.org_id,
            ordering_key=unsigned.ordering_key,
            created_at=unsigned.created_at,
            payload=payload,
            key_id=unsigned.key_id,
            sig=wire["sig"],
        )

    @property
    def empty(self) -> bool:
        """True if nothing would change: a tick that found nothing to do leaves no trace."""
        return not (self.acks or self.effects or self.messages)


class Decider:
    """Runs one agent's functions over batches on one database session."""

    def __init__(
        self,
        agent: Agent,
        conn: Connection[Any],
        key: SigningKey,
        worker_id: UUID,
        version: str,
        peers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.agent = agent
        self.conn = conn
        self.key = key
        self.worker_id = worker_id
        self.version = version
        self.peers = peers
        for effect in agent.effects:
            if effect not in agent.may_call:
                raise ValueError(f"{agent.name} names {effect} in EFFECTS but not in MAY_CALL")

    def decide(self, batch: Sequence[Claimed], now: datetime) -> tuple[Told, Settlement]:
        """Handle a batch in one transaction. Returns what the settlement says."""
        started = time.perf_counter_ns()
        messages = [claimed.message for claimed in batch]
        if getattr(self.agent.module, "FACTS_WRITE", False):
            # Authoritative facts (an authorisation) live or die with what is decided on them.
            with gateway.transaction(self.conn):
                facts = self._facts(messages)
                settlement = self._handle(batch, facts, now, started)
                return self._finish(settlement), settlement
        facts = self._facts(messages)
        settlement = self._handle(batch, facts, now, started)
        return self._finish(settlement), settlement

    def act(self, batch: Sequence[Claimed], now: datetime, outside: Any) -> tuple[Told, Settlement]:
        """Prepare and commit, call without a transaction, record and acknowledge."""
        started = time.perf_counter_ns()
        facts = self._facts([claimed.message for claimed in batch])
        prepared = self._prepare(batch, facts, now)
        reports = [
            None
            if answer is None
            else self.agent.function("call")(claimed.message, answer, outside)
            for claimed, (_, answer) in zip(batch, prepared, strict=True)
        ]
        settlement = Settlement()
        for claimed, known, (decision, answer), report in zip(
            batch, facts, prepared, reports, strict=True
        ):
            context = self._context(claimed.message, now)
            if answer is not None and report is not None:
                # Only now, when everything is sent, what is still to be read is waited for.
                said = as_kept(report())
                known = {"prepared": answer, "report": said}
                decision = self.agent.function("record")(claimed.message, answer, said, context)
            self._settle_one(settlement, claimed, context, known, decision, started)
        return self._finish(settlement), settlement

    def tick(self, now: datetime, outside: Any) -> tuple[Told, Settlement]:
        """Do what the agent does of its own accord."""
        started = time.perf_counter_ns()
        tick_id = UUID(bytes=uuid_utils.uuid7().bytes)
        context = Context(self.agent.name, now, _seed(tick_id), tick_id, now)
        facts: Facts = {}
        if self.agent.tick_facts is not None and self.agent.has("ask_tick"):
            (facts,) = bus.call(
                self.conn, self.agent.tick_facts, [{"i": 0, **self.agent.function("ask_tick")(now)}]
            )
        if self.agent.has("call_tick"):
            report = self.agent.function("call_tick")(facts, context, outside)
            facts = {**facts, "report": as_kept(report)}
        decision: Decision = self.agent.function("handle_tick")(facts, context)
        settlement = Settlement()
        org_id = getattr(self.agent.module, "TICK_ORG", "platform")
        origin = Origin(None, "tick", tick_id, org_id, "")
        self._add(settlement, context, origin, facts, decision, None, started)
        if settlement.empty:
            return Told([], []), settlement
        return self._finish(settlement), settlement

    def _facts(self, messages: Sequence[Heard]) -> list[Row]:
        if self.agent.facts is None:
            return [{} for _ in messages]
        ask = self.agent.function("ask")
        items = [{"i": index, **ask(message)} for index, message in enumerate(messages)]
        facts = bus.call(self.conn, self.agent.facts, items)
        if self.agent.has("digest"):
            digest = self.agent.function("digest")
            facts = [digest(m, f) for m, f in zip(messages, facts, strict=True)]
        if self.agent.has("ask_more"):
            self._ask_more(messages, facts)
        return facts

    def _ask_more(self, messages: Sequence[Heard], facts: list[Row]) -> None:
        """Ask what only the first answers allow to ask; most batches have nothing of the kind."""
        ask_more = self.agent.function("ask_more")
        wanted = [ask_more(m, f) for m, f in zip(messages, facts, strict=True)]
        places = [index for index, item in enumerate(wanted) if item is not None]
        if not places:
            return
        items = [{"i": nr, **wanted[index]} for nr, index in enumerate(places)]
        answers = bus.call(self.conn, self.agent.module.MORE_FACTS, items)
        for index, answer in zip(places, answers, strict=True):
            more = {name: value for name, value in answer.items() if name != "i"}
            facts[index] = {**facts[index], **more}

    def _handle(
        self, batch: Sequence[Claimed], facts: Sequence[Row], now: datetime, started: int
    ) -> Settlement:
        handle = self.agent.function("handle")
        settlement = Settlement()
        for claimed, facts_of_one in zip(batch, facts, strict=True):
            context = self._context(claimed.message, now)
            decision = handle(claimed.message, facts_of_one, context)
            self._settle_one(settlement, claimed, context, facts_of_one, decision, started)
        return settlement

    def _prepare(
        self, batch: Sequence[Claimed], facts: Sequence[Row], now: datetime
    ) -> list[tuple[Decision, Row | None]]:
        prepare = self.agent.function("prepare")
        decisions: list[Decision] = [
            prepare(claimed.message, facts_of_one, self._context(claimed.message, now))
            for claimed, facts_of_one in zip(batch, facts, strict=True)
        ]
        asking = [index for index, decision in enumerate(decisions) if decision.effects]
        if not asking:
            return [(decision, None) for decision in decisions]
        # Committed before anything is sent: an attempt that nobody remembers cannot be resolved.
        procedure = decisions[asking[0]].effects[0].procedure
        items = [
            {"i": nr, "worker_id": str(self.worker_id), **decisions[index].effects[0].item}
            for nr, index in enumerate(asking)
        ]
        answers = dict(zip(asking, bus.call(self.conn, procedure, items), strict=True))
        return [(decision, answers.get(index)) for index, decision in enumerate(decisions)]

    def _settle_one(
        self,
        settlement: Settlement,
        claimed: Claimed,
        context: Context,
        facts: Facts,
        decision: Decision,
        started: int,
    ) -> None:
        settlement.acks.append(claimed.delivery_id)
        origin = Origin.of(claimed.message)
        self._add(settlement, context, origin, facts, decision, claimed.message.msg_id, started)

    def _add(
        self,
        settlement: Settlement,
        context: Context,
        origin: Origin,
        facts: Facts,
        decision: Decision,
        causation_id: UUID | None,
        started: int,
    ) -> None:
        for effect in decision.effects:
            if effect.procedure not in self.agent.effects:
                raise ValueError(f"{self.agent.name} may not cause {effect.procedure}")
        settlement.add_effects(decision, self.agent.name, self.key)
        payloads = payloads_of(decision)
        for index, (emission, payload) in enumerate(zip(decision.emissions, payloads, strict=True)):
            unsigned = self._envelope(emission, payload, index, context, origin, causation_id)
            settlement.add_message(unsigned, self.key.sign_wire(unsigned), emission.payload)
        if decision.quiet and causation_id is None:
            return
        latency_us = (time.perf_counter_ns() - started) // 1000
        settlement.traces.append(
            trace_row(
                self.agent,
                origin,
                context,
                facts,
                decision,
                payloads,
                latency_us=latency_us,
                code_version=self.version,
            )
        )

    def _envelope(
        self,
        emission: Emission,
        payload: dict[str, Any],
        index: int,
        context: Context,
        origin: Origin,
        causation_id: UUID | None,
    ) -> Unsigned:
        family = emission.payload
        if family.TYPE not in self.agent.emits:
            raise ValueError(f"{self.agent.name} does not declare that it emits {family.TYPE}")
        return Unsigned(
            msg_id=context.new_id(f"msg/{family.TYPE}", index),
            type=family.TYPE,
            correlation_id=emission.correlation_id or origin.correlation_id,
            causation_id=causation_id,
            ttl_ms=emission.ttl_ms or family.TTL_MS,
            sender=f"agent.{self.agent.name}",
            intent=emission.intent,
            idempotency_key=f"{self.agent.name}:{family.TYPE}:{context.origin}:{index}",
            org_id=origin.org_id,
            ordering_key=emission.ordering_key,
            created_at=context.now,
            payload=payload,
            key_id=self.key.key_id,
        )

    def _context(self, message: Heard, now: datetime) -> Context:
        return Context(
            self.agent.name, now, _seed(message.msg_id), message.msg_id, message.created_at
        )

    def _finish(self, settlement: Settlement) -> Told:
        return bus.finish(
            self.conn,
            list(settlement.effects.items()),
            self.worker_id,
            settlement.acks,
            settlement.messages,
            settlement.traces,
            self.peers(),
        )


def _seed(origin: UUID) -> int:
    """Return 53 bits that belong to one question, so that every try rolls the same dice."""
    return origin.int & ((1 << 53) - 1)
