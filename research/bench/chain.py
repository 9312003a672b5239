"""`desk bench chain`: the whole durable chain beside a Celery chain of empty tasks.

Both run on the same machine in the same minutes, in turns: first each one's sustained rate,
then latencies at the same open-loop arrivals. Ours is timed from the webhook's receipt to
the venue's answer, with durability on; theirs from sending to the last empty task.
"""

from __future__ import annotations

import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from redis import Redis

from backend.bootstrap import Shape
from backend.domain.market.alerts import plan_alerts, write_alert
from backend.errors import DeskError
from backend.ports import SystemClock
from backend.runtime.desk_processes import RunningDesk
from backend.runtime.supervisor import ProcessSpec
from backend.settings import CHECKOUT, Settings
from research.bench import celery_empty
from research.bench.chain_figures import CommitProbe, hop_figures, latencies_ms, outcomes
from research.bench.desk import bench_desk
from research.load.open_loop import Window, percentiles, run_window, sustained_rate
from research.load.post import Poster
from workers.agent import AGENTS

Report = Callable[[str], None]

FIRST_RATE_PER_S = 20.0
SETTLE_WAIT_S = 120.0
FIXED_RATE_PER_S = 50.0
SENDERS = 8
SHAPE = Shape(
    # All in one process: what is handed on within it need not be claimed, verified and read again,
    # and observers gather batches, so that they hardly stand in the way.
    workers=(",".join(AGENTS),),
    beat=False,
    niceness=0,  # as the tasks beside it
    policy=CHECKOUT / "policies" / "bench.toml",
    terminal_options=("--latency-ms", "0"),
)


@dataclass(slots=True)
class OurChain:
    """The desk under load."""

    conn: psycopg.Connection[Any]
    poster: Poster
    markets: list[Any]
    clock: SystemClock
    sent: int = 0
    latencies: list[float] = field(default_factory=list[float])

    def window(self, rate_per_s: float, seconds: float) -> Window:
        """Post alerts at a rate."""
        total = max(int(rate_per_s * seconds), 1)
        plans = plan_alerts(self.sent + 1, total, self.markets, 0.0, 0.0)
        before = self._decided()
        self.sent += total

        def send(number: int) -> None:
            post = write_alert(plans[number], f"bench-{uuid.uuid4()}", self.clock.now())
            status = self.poster.post(post.body, post.content_type)
            if status != 200:
                raise DeskError("bench.refused", f"the webhook answered {status}", "see api.log")

        return run_window(send, lambda: self._decided() - before, rate_per_s, seconds, SENDERS)

    def settle(self) -> None:
        """Wait until every accepted alert has its outcome."""
        _until(lambda: self._decided() >= self._accepted(), "the desk's backlog")

    def measure(self, rate_per_s: float, seconds: float) -> list[float]:
        """Return the latencies of one window, in milliseconds."""
        since = self.clock.now()
        self.window(rate_per_s, seconds)
        self.settle()
        return latencies_ms(self.conn, since)

    def _decided(self) -> int:
        return self._count("select count(*) from public.alert_outcomes")

    def _accepted(self) -> int:
        return self._count("select count(*) from public.signals_raw")

    def _count(self, query: str) -> int:
        row = self.conn.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


@dataclass(slots=True)
class CeleryChain:
    """The yardstick under load."""

    redis: Redis
    sent: int = 0

    def window(self, rate_per_s: float, seconds: float) -> Window:
        """Send chains at a rate."""
        before = self._done()
        self.sent += max(int(rate_per_s * seconds), 1)
        return run_window(
            celery_empty.send, lambda: self._done() - before, rate_per_s, seconds, SENDERS
        )

    def settle(self) -> None:
        """Wait until every chain has ended."""
        _until(lambda: self._done() >= self.sent, "the Celery chain's backlog")

    def measure(self, rate_per_s: float, seconds: float) -> list[float]:
        """Return the latencies of one window, in milliseconds."""
        before = self._done()
        self.window(rate_per_s, seconds)
        self.settle()
        lines: Any = self.redis.lrange(celery_empty.DONE_KEY, before, -1)
        return [float(line.split()[1]) for line in lines]

    def _done(self) -> int:
        length: Any = self.redis.llen(celery_empty.DONE_KEY)
        return int(length)


def run_chain_bench(
    settings: Settings, seconds: float, rounds: int, report: Report
) -> dict[str, Any]:
    """Run the whole comparison and return its figures."""
    with _both_chains(settings) as (desk, ours, theirs):
        commits = CommitProbe(desk.servers.owner_url)
        report("warming up")
        for side in (ours, theirs):
            side.window(FIRST_RATE_PER_S, seconds)
            side.settle()
        report("Celery chain: sustained rate")
        celery_rate = sustained_rate(
            lambda rate: theirs.window(rate, seconds), theirs.settle, FIRST_RATE_PER_S, report
        )
        report("our chain: sustained rate")
        our_rate = sustained_rate(
            lambda rate: ours.window(rate, seconds), ours.settle, celery_rate, report
        )
        rate = celery_rate / 2
        since = SystemClock().now()
        paired: dict[str, list[list[float]]] = {"ours": [], "theirs": []}
        for number in range(rounds):
            report(f"latencies at {rate:.1f}/s, round {number + 1} of {rounds}")
            with commits.watching():
                paired["ours"].append(ours.measure(rate, seconds))
            paired["theirs"].append(theirs.measure(rate, seconds))
        hops = hop_figures(ours.conn, since)
        report(f"latencies at {FIXED_RATE_PER_S:.0f}/s")
        fixed = ours.measure(FIXED_RATE_PER_S, seconds)
        commit = statistics.median(commits.times_ms)
        return {
            "rate_per_s": round(rate, 2),
            "chain": {
                **_median_of_rounds(paired["ours"]),
                "sustained_per_s": round(our_rate, 1),
                "hops": hops.hops,
                "per_hop_ms": hops.per_hop_ms,
                "at_50_per_s": percentiles(fixed),
                "outcomes": outcomes(ours.conn),
            },
            "celery_empty": {
                **_median_of_rounds(paired["theirs"]),
                "sustained_per_s": round(celery_rate, 1),
                "hops": celery_empty.HOPS,
            },
            "p50_ratio": _ratio(paired),
            "sustained_ratio": round(our_rate / celery_rate, 2),
            "commit_ms": round(commit, 3),
            "hop_p50_ms": hops.p50_ms,
            "hop_p50_over_commit": round(hops.p50_ms / commit, 2),
            "wake_stalls": hops.stalls,
        }


def _median_of_rounds(rounds: list[list[float]]) -> dict[str, float]:
    figures = [percentiles(values) for values in rounds]
    return {name: statistics.median(f[name] for f in figures) for name in figures[0]}


def _ratio(paired: dict[str, list[list[float]]]) -> float:
    ratios = [
        statistics.median(a) / statistics.median(b)
        for a, b in zip(paired["ours"], paired["theirs"], strict=True)
    ]
    return round(statistics.median(ratios), 3)


@contextmanager
def _both_chains(settings: Settings) -> Iterator[tuple[RunningDesk, OurChain, CeleryChain]]:
    with bench_desk(settings, SHAPE) as desk:
        broker_url = _start_celery(desk.running)
        ours = OurChain(desk.conn, Poster(desk.webhook_url), desk.markets, SystemClock())
        yield desk.running, ours, CeleryChain(Redis.from_url(broker_url))


def _start_celery(desk: RunningDesk) -> str:
    broker_url = desk.servers.broker_url.rpartition("/")[0] + "/1"
    Redis.from_url(broker_url).flushdb()
    celery_empty.app.conf.broker_url = broker_url
    argv = (
        *(sys.executable, "-m", "celery", "-A", "research.bench.celery_empty", "worker"),
        *("--pool", "prefork", "--concurrency", "2", "--loglevel", "error"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )
    environment = {celery_empty.BROKER_VARIABLE: broker_url}
    desk.supervisor.start(ProcessSpec("celery-bench", argv, env=environment, cwd=CHECKOUT))
    return broker_url


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SETTLE_WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise DeskError(
                "bench.stuck", f"{what} did not empty within {SETTLE_WAIT_S:.0f} s", "see the logs"
            )
        time.sleep(0.05)
