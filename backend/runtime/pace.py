"""How long work is let gather: not at all while there is room, longer where there is none.

Ten messages in one transaction cost much less than ten transactions. While processors are free
nobody waits, and a message is decided at once. When they are not, everyone who has enough to
do waits some milliseconds, so that the next batch is larger; the room that this makes goes to
whoever must answer meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import psutil

MEASURED_EVERY_S = 0.25
FULL_AT = 0.90
ROOM_AT = 0.78
"""Shares of the machine in use: above the first loops wait longer, below the second less."""
OWN_FULL_AT = 0.90
"""Processors in use by this process, which runs Python on one at a time."""
FIRST_S = 0.008
LONGEST_S = 0.04
GROWTH = 1.5
WORTH_MESSAGES = 1.5
"""Waiting pays only where so many messages come meanwhile."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of processor time since some beginning."""

    idle_s: float
    total_s: float
    own_s: float


class Use(Protocol):
    """Reads what was used so far."""

    def __call__(self) -> Usage: ...


def read_usage() -> Usage:
    """Read the machine's and this process' processor times."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    return Usage(idle, sum(times[:8]), time.process_time())


class Pace:
    """Says how long to gather; shared by the threads of a process."""

    def __init__(
        self, use: Use = read_usage, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._use = use
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._gather_s = 0.0
        self._last = use()
        self._last_at = monotonic()

    def gather_s(self, messages_per_s: float) -> float:
        """Return how long somebody who handles so many messages should wait for more."""
        with self._lock:
            now = self._monotonic()
            if now - self._last_at >= MEASURED_EVERY_S:
                self._measure(now)
            gather_s = self._gather_s
        return gather_s if messages_per_s * gather_s >= WORTH_MESSAGES else 0.0

    def _measure(self, now: float) -> None:
        usage, last = self._use(), self._last
        total_s = usage.total_s - last.total_s
        used = 1 - (usage.idle_s - last.idle_s) / total_s if total_s > 0 else 0.0
        own = (usage.own_s - last.own_s) / (now - self._last_at)
        self._last, self._last_at = usage, now
        if used > FULL_AT or own > OWN_FULL_AT:
            self._gather_s = min(max(self._gather_s * GROWTH, FIRST_S), LONGEST_S)
        elif used < ROOM_AT:
            shorter = self._gather_s / GROWTH
            self._gather_s = shorter if shorter >= FIRST_S else 0.0


class Throughput:
    """What somebody handles per second, over the last second or two."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since = monotonic()
        self._count = 0
        self._per_s = 0.0

    def add(self, messages: int) -> None:
        """Count messages that were handled."""
        self._count += messages

    @property
    def per_s(self) -> float:
        """Return the rate of the last whole second."""
        now = self._monotonic()
        elapsed_s = now - self._since
        if elapsed_s >= 1.0:
            self._per_s = self._count / elapsed_s
            self._since, self._count = now, 0
        return self._per_s
