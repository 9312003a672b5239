"""Open-loop load: arrivals on a fixed schedule that no slow answer can delay.

A closed loop waits for answers and so hides exactly the delays one looks for.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of load: what was asked for and what came of it."""

    rate_per_s: float
    seconds: float
    sent: int
    backlog: tuple[int, ...]
    """Arrivals not yet complete, sampled evenly over the window."""

    @property
    def flat(self) -> bool:
        """True if the backlog does not grow: its last third stays near its middle third.

        The allowance is a quarter of a second of arrivals, at least three.
        """
        third = max(len(self.backlog) // 3, 1)
        middle = statistics.median(self.backlog[third : 2 * third])
        last = statistics.median(self.backlog[-third:])
        return last <= middle + max(3.0, self.rate_per_s * 0.25)


class Load:
    """Arrivals being sent on schedule by several threads."""

    def __init__(
        self, send: Callable[[int], None], total: int, rate_per_s: float, senders: int
    ) -> None:
        self.total = total
        self.rate_per_s = rate_per_s
        self.start = time.monotonic() + 0.05
        self.sent = 0
        self._send = send
        self._next = iter(range(total))
        self._lock = threading.Lock()
        self._errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(senders)]
        for thread in self._threads:
            thread.start()

    @property
    def scheduled(self) -> int:
        """How many arrivals were due by now."""
        elapsed_s = time.monotonic() - self.start
        return min(self.total, max(0, int(elapsed_s * self.rate_per_s)))

    @property
    def finished(self) -> bool:
        """True once every arrival was sent. Raises what a sender raised."""
        if self._errors:
            raise self._errors[0]
        return self.sent == self.total

    def join(self) -> None:
        """Wait until everything is sent. Raises what a sender raised."""
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def cancel(self) -> None:
        """Send nothing more."""
        with self._lock:
            self._next = iter(())

    def _work(self) -> None:
        while not self._errors:
            with self._lock:
                number = next(self._next, None)
            if number is None:
                return
            delay = self.start + number / self.rate_per_s - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            try:
                self._send(number)
            except Exception as error:  # noqa: BLE001 - join() hands it on
                self._errors.append(error)
                return
            with self._lock:
                self.sent += 1


@contextmanager
def schedule(
    send: Callable[[int], None], total: int, rate_per_s: float, senders: int
) -> Iterator[Load]:
    """Send arrivals on schedule in the background; leaving early sends no more."""
    load = Load(send, total, rate_per_s, senders)
    try:
        yield load
    finally:
        load.cancel()
    load.join()


def run_window(
    send: Callable[[int], None],
    completed: Callable[[], int],
    rate_per_s: float,
    seconds: float,
    senders: int,
    samples: int = 30,
) -> Window:
    """Send at the scheduled instants; sample the backlog meanwhile.

    send: gets the arrival's number, may block. completed: how many of this window's
    arrivals are complete by now.
    """
    backlog: list[int] = []
    with schedule(send, max(int(rate_per_s * seconds), 1), rate_per_s, senders) as load:
        for sample in range(1, samples + 1):
            due = load.start + seconds * sample / samples
            time.sleep(max(0.0, due - time.monotonic()))
            backlog.append(max(0, load.scheduled - completed()))
        load.join()
    return Window(rate_per_s, seconds, load.sent, tuple(backlog))


def sustained_rate(
    window: Callable[[float], Window],
    settle: Callable[[], None],
    first_rate_per_s: float,
    report: Callable[[str], None],
    bisections: int = 4,
) -> float:
    """Return the highest rate whose backlog stays flat, by doubling and bisecting.

    settle: waits until the system under test is empty again.
    """
    good, rate = 0.0, first_rate_per_s
    while True:
        result = window(rate)
        report(f"{rate:.0f}/s: {'flat' if result.flat else 'growing'} {list(result.backlog[-5:])}")
        settle()
        if not result.flat:
            break
        good, rate = rate, rate * 1.6
    bad = rate
    for _ in range(bisections):
        rate = (good + bad) / 2
        result = window(rate)
        report(f"{rate:.0f}/s: {'flat' if result.flat else 'growing'} {list(result.backlog[-5:])}")
        settle()
        good, bad = (rate, bad) if result.flat else (good, rate)
    return good


def percentiles(values_ms: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99 of some latencies in milliseconds."""
    ordered = sorted(values_ms)
    if not ordered:
        raise ValueError("no latency was measured")

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

    return {"p50_ms": at(0.50), "p95_ms": at(0.95), "p99_ms": at(0.99)}


def as_json(window: Window) -> dict[str, Any]:
    """Return a window in the form that reports keep."""
    return {"rate_per_s": window.rate_per_s, "sent": window.sent, "backlog": list(window.backlog)}
