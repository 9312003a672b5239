"""Open-loop load: arrivals on a fixed schedule that no slow answer can delay.

A closed loop waits for answers and so hides exactly the delays one looks for.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
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


def run_window(
    send: Callable[[int], None],
    completed: Callable[[], int],
    rate_per_s: float,
    seconds: float,
    senders: int,
    samples: int = 30,
) -> Window:
    """Send at the scheduled instants from several threads; sample the backlog meanwhile.

    send: gets the arrival's number, may block. completed: how many of this window's
    arrivals are complete by now.
    """
    total = max(int(rate_per_s * seconds), 1)
    start = time.monotonic() + 0.05
    next_number = iter(range(total))
    lock = threading.Lock()
    sent = [0]
    errors: list[BaseException] = []

    def work() -> None:
        while not errors:
            with lock:
                number = next(next_number, None)
            if number is None:
                return
            delay = start + number / rate_per_s - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            try:
                send(number)
            except BaseException as error:
                errors.append(error)
                return
            with lock:
                sent[0] += 1

    threads = [threading.Thread(target=work, daemon=True) for _ in range(senders)]
    for thread in threads:
        thread.start()
    backlog: list[int] = []
    for sample in range(1, samples + 1):
        due = start + seconds * sample / samples
        time.sleep(max(0.0, due - time.monotonic()))
        scheduled = min(total, int((time.monotonic() - start) * rate_per_s))
        backlog.append(max(0, scheduled - completed()))
    for thread in threads:
        thread.join(seconds + 30)
    if errors:
        raise errors[0]
    return Window(rate_per_s, seconds, sent[0], tuple(backlog))


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
