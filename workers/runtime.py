"""The loop that every agent shares: wake → claim → decide → commit → acknowledge.

Nothing here knows Celery. A loop owns one database session under its agent's own role;
the hint that wakes it may get lost, the poll behind it may not.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
import uuid_utils
from psycopg import Connection

from backend.contracts.denials import Code
from backend.contracts.signing import SigningKey
from backend.db import bus
from backend.db.bus import Lease, Told
from backend.ports import Clock
from backend.runtime.pace import Pace, Throughput
from workers.agent import Agent, RowMessage
from workers.deciding import Claimed, Decider, Settlement
from workers.hearing import Hearing, lease_lost
from workers.in_hand import InHand
from workers.reading_ahead import ReadingAhead
from workers.signatures import KeyRegistry

log = structlog.get_logger()

POLL_S = 1.0
LEASE_S = 2.0
RECOVER_S = 5.0
THROTTLED_POLL_S = 0.1
RECONNECT_S_MAX = 5.0


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """What a loop is given: who it is, how it connects, and where it says what it woke."""

    process_id: UUID
    host: str
    pid: int
    version: str
    connect: Callable[[str], Connection[Any]]
    """Opens an autocommit session under the named role."""
    clock: Clock
    keys: KeyRegistry
    outside: Any
    """What Act agents call: venues, notifiers."""
    pass_on: Callable[[Told, Settlement], None]
    """Gives what was published to loops of this process and hints to others."""
    peers: Callable[[], Mapping[str, str]]
    """The current workers of this process, by agent."""
    pace: Pace
    """Says how long messages gather when the machine is full."""
    accounts: tuple[str, ...] = ()
    """Accounts that this process's bridge serves, and no others; none means a share of all."""


@dataclass(frozen=True, slots=True)
class Session:
    """What lasts as long as one database session: a new one is a new worker."""

    conn: Connection[Any]
    worker_id: UUID
    decider: Decider
    hearing: Hearing
    ahead: ReadingAhead | None
    """Only for agents that read ahead."""


class AgentLoop:
    """One agent in one process, on a thread of its own."""

    def __init__(self, agent: Agent, key: SigningKey, settings: LoopSettings) -> None:
        self.agent = agent
        self.settings = settings
        self.key = key
        self.lease: Lease | None = None
        self.handled = 0
        self._throughput = Throughput()
        self.worker_id: UUID | None = None
        self._wake = threading.Event()
        self._look = True
        self._poll_due = 0.0
        self._in_hand = InHand()
        self._stopping = threading.Event()
        self._random = random.Random()
        self._conn: Connection[Any] | None = None
        self._thread = threading.Thread(target=self._run, name=f"agent-{agent.name}", daemon=True)
        self._next_tick = 0.0
        self._lease_due = 0.0
        self._recover_due = 0.0
        self._batch_max, self._full = 1, False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Hint that something may be waiting to be claimed."""
        self._look = True
        self._wake.set()

    def hand(self, worker_id: str, claimed: Claimed) -> None:
        """Give a message that is leased to this loop's worker already."""
        self._in_hand.put(worker_id, [claimed])
        self._wake.set()

    def stop(self) -> None:
        """Ask the loop to finish what is in hand and hand back the rest."""
        self._stopping.set()
        self._wake.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the loop to end. Returns False if it is still at work."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        delay_s = 0.1
        while not self._stopping.is_set():
            try:
                self._serve()
                delay_s = 0.1
            except (psycopg.OperationalError, psycopg.InterfaceError) as fault:
                log.warning("agent.disconnected", agent=self.agent.name, error=str(fault).strip())
                self._close()
                self._stopping.wait(delay_s * (0.5 + self._random.random() / 2))
                delay_s = min(delay_s * 2, RECONNECT_S_MAX)
            except Exception:
                # The one place where everything is caught: a loop must outlive a bug in it.
                log.exception("agent.crashed", agent=self.agent.name)
                self._close()
                self._stopping.wait(delay_s)
                delay_s = min(delay_s * 2, RECONNECT_S_MAX)
        self._close()

    def _serve(self) -> None:
        settings = self.settings
        conn = self._conn = settings.connect(f"{self.agent.name}_agent")
        # A new session is a new worker: what the old one claimed comes back by its epoch.
        worker_id = UUID(bytes=uuid_utils.uuid7().bytes)
        # Before it registers: who stands in the register and does not come holds up its shards.
        ahead = self._reading_ahead(worker_id)
        try:
            registration = bus.register_worker(
                conn, worker_id, settings.process_id, settings.host, settings.pid, settings.version
            )
            self._batch_max = registration.batch_max
            if settings.accounts:
                item = {"i": 0, "worker_id": str(worker_id), "accounts": settings.accounts}
                bus.call(conn, "execution.pin_accounts", [item])
            decider = Decider(
                self.agent, conn, self.key, worker_id, settings.version, settings.peers
            )
            self.worker_id = worker_id
            self._lease_due = 0.0
            log.info("agent.started", agent=self.agent.name, worker_id=str(worker_id))
            self._work(Session(conn, worker_id, decider, self._hearing(conn, worker_id), ahead))
        finally:
            self.worker_id = None
            if ahead is not None:
                ahead.close()
            if not conn.closed:
                bus.stop_worker(conn, worker_id)

    def _work(self, session: Session) -> None:
        while not self._stopping.is_set():
            self._linger()
            # Cleared before looking: a hint that comes while we look is not lost.
            self._wake.clear()
            self._renew(session)
            busy = self._drain(session)
            self._tick(session.decider)
            if not busy:
                self._wake.wait(self._pause_s())

    def _hearing(self, conn: Connection[Any], worker_id: UUID) -> Hearing:
        settings = self.settings
        return Hearing(
            self.agent.name, conn, worker_id, settings.keys, settings.clock, settings.version
        )

    def _reading_ahead(self, worker_id: UUID) -> ReadingAhead | None:
        if not self.agent.reads_ahead:
            return None
        conn = self.settings.connect(f"{self.agent.name}_agent")
        return ReadingAhead(self._hearing(conn, worker_id), conn, self.agent.name)

    def _linger(self) -> None:
        if self._full or not (self._look or self._in_hand):
            return
        # Nobody waits for an observer: more per batch leaves more of the machine to the others.
        gather_s = self.settings.pace.gather_s(self._throughput.per_s)
        if self.agent.linger_ms or gather_s:
            self._stopping.wait(max(self.agent.linger_ms / 1000, gather_s))

    def _renew(self, session: Session) -> None:
        now = time.monotonic()
        if now >= self._lease_due:
            self.lease = bus.lease(session.conn, session.worker_id)
            self._lease_due = now + (THROTTLED_POLL_S if self.lease.throttled_by else LEASE_S)
        if now >= self._recover_due and not self._holds(session):
            self._recover_due = now + RECOVER_S
            # A sender whose session broke while it committed could not tell us what it handed on.
            if bus.recover(session.conn, session.worker_id):
                log.warning("messages.recovered", agent=self.agent.name)
                self._look = True

    def _holds(self, session: Session) -> bool:
        """Tell whether the worker has leases on what it has not handled."""
        return bool(self._in_hand) or (session.ahead is not None and session.ahead.pending)

    def _pause_s(self) -> float:
        due = [self._lease_due]
        if self._may_claim():
            due.append(self._poll_due)
        if self.agent.every_ms is not None and self._ticks_here():
            due.append(self._next_tick)
        return max(0.0, min(due) - time.monotonic())

    def _may_claim(self) -> bool:
        lease = self.lease
        return lease is not None and lease.throttled_by is None and lease.shards > 0

    def _drain(self, session: Session) -> bool:
        if not self._may_claim():
            return False
        self._take_up(session)
        handed = self._take_handed(session)
        # More waits behind a full batch: there is nothing to gather.
        self._full = len(handed) == self._batch_max
        if handed:
            self._handle(session, handed)
            return True
        now = time.monotonic()
        if not self._look and now < self._poll_due:
            return False
        # Lowered before looking: a hint that comes while we look raises it again.
        self._look = False
        self._poll_due = now + POLL_S
        batch, self._full = session.hearing.claim(self._batch_max)
        self._in_hand.claimed(batch)
        if batch:
            self._handle(session, batch)
        # After a short batch nothing waits that would not also send a hint.
        if self._full:
            self._look = True
        return self._look

    def _take_up(self, session: Session) -> None:
        """Put what was read ahead among what is in hand."""
        if session.ahead is None or not session.ahead.pending:
            return
        batch, full = session.ahead.collect()
        if full:
            self._look = True
        self._in_hand.claimed(batch)
        self._in_hand.put(str(session.worker_id), batch)

    def _read_ahead(self, session: Session) -> None:
        """Let the next batch come while this one is decided, if there is more than one.

        Now and then not: what was handed on and never told is found only with nothing in hand.
        """
        if session.ahead is not None and self._full and time.monotonic() < self._recover_due:
            session.ahead.start(self._batch_max)

    def _take_handed(self, session: Session) -> list[Claimed]:
        taken, back = self._in_hand.take(str(session.worker_id), self._batch_max)
        if back:
            bus.release(session.conn, session.worker_id, back)
        batch: list[Claimed] = []
        now = self.settings.clock.now()
        for claimed in taken:
            message = claimed.message
            if not isinstance(message, RowMessage) and (
                message.created_at + timedelta(milliseconds=message.ttl_ms) < now
            ):
                session.hearing.give_up(
                    claimed.delivery_id, Code.MESSAGE_EXPIRED, "waited too long"
                )
            else:
                batch.append(claimed)
        return batch

    def _handle(self, session: Session, batch: list[Claimed]) -> None:
        self._read_ahead(session)
        try:
            self._settle(session.decider, batch)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception as error:
            if len(batch) > 1:
                self._one_by_one(session, batch)
            elif lease_lost(error):
                log.warning("agent.fenced", agent=self.agent.name, messages=1)
            else:
                self._fail(session, batch[0], error)

    def _one_by_one(self, session: Session, batch: list[Claimed]) -> None:
        # One poisoned message must not hold up its neighbours, only its own key.
        failed_keys: set[str] = set()
        for claimed in batch:
            if claimed.ordering_key in failed_keys:
                bus.release(session.conn, session.worker_id, [claimed.delivery_id])
                continue
            try:
                self._settle(session.decider, [claimed])
            except (psycopg.OperationalError, psycopg.InterfaceError):
                raise
            except Exception as error:
                if lease_lost(error):
                    log.warning("agent.fenced", agent=self.agent.name, messages=1)
                    continue
                failed_keys.add(claimed.ordering_key)
                self._fail(session, claimed, error)

    def _settle(self, decider: Decider, batch: list[Claimed]) -> None:
        now = self.settings.clock.now()
        if self.agent.acts:
            told, settlement = decider.act(batch, now, self.settings.outside)
        else:
            told, settlement = decider.decide(batch, now)
        self.handled += len(batch)
        self._throughput.add(len(batch))
        self.settings.pass_on(told, settlement)

    def _fail(self, session: Session, claimed: Claimed, error: Exception) -> None:
        code = getattr(error, "sqlstate", None) or Code.HANDLER_FAILED
        detail = f"{type(error).__name__}: {error}"
        log.warning(
            "message.failed",
            agent=self.agent.name,
            msg_id=str(claimed.message.msg_id),
            correlation_id=str(claimed.message.correlation_id),
            attempts=claimed.attempts,
            code=code,
            error=detail,
            exc_info=error,
        )
        session.hearing.retry(claimed.delivery_id, code, detail, final=False)
        # What is in hand of its key may not overtake it.
        self._take_up(session)
        back = self._in_hand.fail(claimed)
        if back:
            bus.release(session.conn, session.worker_id, back)

    def _ticks_here(self) -> bool:
        everywhere = getattr(self.agent.module, "TICK_EVERYWHERE", False)
        return self.lease is not None and (everywhere or self.lease.rank == 0)

    def _tick(self, decider: Decider) -> None:
        if self.agent.every_ms is None or not self._ticks_here():
            return
        now = time.monotonic()
        if now < self._next_tick:
            return
        self._next_tick = now + self.agent.every_ms / 1000
        try:
            told, settlement = decider.tick(self.settings.clock.now(), self.settings.outside)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception:
            log.exception("tick.failed", agent=self.agent.name)
            return
        self.settings.pass_on(told, settlement)

    def _close(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None
