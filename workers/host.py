"""One worker process: its agents' loops, one LISTEN connection, one clean end.

Hints between agents of one process are events in memory; hints to other processes are
NOTIFYs, sent after the commit by a thread of their own and coalesced.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import psycopg
import structlog
import uuid_utils
from psycopg import Connection

from backend.contracts.signing import SigningKey
from backend.db import bus, halts
from backend.db.bus import Told
from backend.ports import Clock
from backend.runtime.pace import Pace
from workers.agent import Agent
from workers.deciding import Claimed, Settlement
from workers.runtime import AgentLoop, LoopSettings
from workers.signatures import KeyRegistry

log = structlog.get_logger()

LISTEN_TIMEOUT_S = 1.0
STOP_TIMEOUT_S = 20.0
GC_ALLOCATIONS = 20_000


class Host:
    """Runs agents until it is told to stop."""

    def __init__(
        self,
        agents: Iterable[Agent],
        keys: dict[str, SigningKey],
        connect: Callable[[str], Connection[Any]],
        clock: Clock,
        outside: Any,
        version: str,
        accounts: tuple[str, ...] = (),
    ) -> None:
        self.process_id = UUID(bytes=uuid_utils.uuid7().bytes)
        self._connect = connect
        self._registry = KeyRegistry()
        self._outside = outside
        self._stopping = threading.Event()
        self._alive_due = 0.0
        self._pending: set[str] = set()
        self._pending_changed = threading.Condition()
        settings = LoopSettings(
            process_id=self.process_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=version,
            connect=connect,
            clock=clock,
            keys=self._registry,
            outside=outside,
            pass_on=self.pass_on,
            peers=self.peers,
            pace=Pace(),
            accounts=accounts,
        )
        self.loops = {agent.name: AgentLoop(agent, keys[agent.name], settings) for agent in agents}
        self._first_role = f"{next(iter(self.loops))}_agent"
        self._threads = [
            threading.Thread(target=self._listen, name="listen", daemon=True),
            threading.Thread(target=self._notify, name="notify", daemon=True),
        ]

    def start(self) -> None:
        """Start every loop. Fails if the database cannot be reached at all."""
        # Many short turns: the default of 5 ms lets one loop hold up all others.
        sys.setswitchinterval(0.0005)
        with self._connect(self._first_role) as conn:
            self._registry.refresh(conn)
        # What is loaded by now stays: no collection need look at it again, and the short-lived
        # objects of a decision have no cycles.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS)
        for thread in self._threads:
            thread.start()
        for loop in self.loops.values():
            loop.start()

    def stop(self) -> None:
        """Finish what is in hand, hand back the rest, close."""
        self._stopping.set()
        for loop in self.loops.values():
            loop.stop()
        for loop in self.loops.values():
            if not loop.join(STOP_TIMEOUT_S):
                log.warning("agent.did_not_stop", agent=loop.agent.name)
        with self._pending_changed:
            self._pending_changed.notify_all()
        for thread in self._threads:
            thread.join(LISTEN_TIMEOUT_S * 3)
        close = getattr(self._outside, "close", None)
        if close is not None:
            close()

    def wait(self, stop: threading.Event) -> None:
        """Serve until the event is set, then stop."""
        stop.wait()
        self.stop()

    def peers(self) -> dict[str, str]:
        """Return the workers of this process that can be handed messages, by agent."""
        return {
            name: str(loop.worker_id)
            for name, loop in self.loops.items()
            if loop.worker_id is not None
        }

    def pass_on(self, told: Told, settlement: Settlement) -> None:
        """Hand on what is leased to loops of this process, hint at the rest."""
        for handed in told.handed:
            message = settlement.published[handed.msg_id]
            claimed = Claimed(handed.delivery_id, 1, message)
            self.loops[handed.agent].hand(handed.worker_id, claimed)
        if not told.wake:
            return
        remote: set[str] = set()
        for name in told.wake:
            loop = self.loops.get(name)
            if loop is not None:
                loop.wake()
            if loop is None or loop.lease is None or loop.lease.workers > 1:
                remote.add(name)
        if remote:
            with self._pending_changed:
                self._pending |= remote
                self._pending_changed.notify()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._connect(self._first_role) as conn:
                    bus.listen(conn, self.loops)
                    # LISTEN first, then look: what came before the LISTEN is found by looking.
                    self._wake_all()
                    self._hear_hints(conn)
            except psycopg.Error as error:
                log.warning("listen.lost", error=str(error).strip())
                self._stopping.wait(0.5)

    def _hear_hints(self, conn: Connection[Any]) -> None:
        with self._connect(self._first_role) as work:
            while not self._stopping.is_set():
                for hint in conn.notifies(timeout=LISTEN_TIMEOUT_S):
                    loop = self.loops.get(hint.channel.removeprefix(bus.CHANNEL_PREFIX))
                    if loop is not None:
                        loop.wake()
                    self._keep_alive(work)
                self._keep_alive(work)

    def _keep_alive(self, work: Connection[Any]) -> None:
        now = time.monotonic()
        if now >= self._alive_due:
            self._alive_due = now + LISTEN_TIMEOUT_S
            bus.renew_process(work, self.process_id)
            halts.acknowledge(work, self.process_id)
            self._registry.refresh(work)

    def _wake_all(self) -> None:
        for loop in self.loops.values():
            loop.wake()

    def _notify(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._connect(self._first_role) as conn:
                    self._send_hints(conn)
            except psycopg.Error as error:
                # Polling stands behind every hint: dropping one costs a second.
                log.warning("notify.lost", error=str(error).strip())
                self._stopping.wait(0.5)

    def _send_hints(self, conn: Connection[Any]) -> None:
        while not self._stopping.is_set():
            with self._pending_changed:
                while not self._pending and not self._stopping.is_set():
                    self._pending_changed.wait(LISTEN_TIMEOUT_S)
                agents, self._pending = self._pending, set()
            if agents:
                bus.wake(conn, agents)
