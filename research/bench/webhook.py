"""`desk bench webhook`: alerts over HTTP while the chain is busy with all of them.

The whole desk runs, on the machine that also sends. First the chain is given more than it can
carry, then alerts come as fast as the webhook answers (closed loop), then at twice the promised
rate on a schedule (latency from when a post was due), then again while the API is killed with
SIGKILL in the middle. At the end every id that was answered 200 is looked for in the tables.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from backend.bootstrap import Shape
from backend.domain.market.alerts import plan_alerts, write_alert
from backend.errors import DeskError
from backend.ports import SystemClock
from backend.runtime.desk_processes import RunningDesk
from backend.settings import CHECKOUT, Settings
from research.bench.desk import bench_desk
from research.load.market import market_states
from research.load.open_loop import percentiles

Report = Callable[[str], None]

PROMISED_PER_S = 300
P99_MS_MAX = 100
SHAPE = Shape(
    policy=CHECKOUT / "policies" / "bench.toml",
    terminal_options=("--latency-ms", "0"),
    rate_per_minute=100_000_000,
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is posted. burst: posts that saturate the chain before anything is measured."""

    burst: int = 1_500
    closed: int = 12_000
    seconds: float = 20.0
    connections: int = 16


QUICK = Sizes(burst=300, closed=1_500, seconds=4.0)


@dataclass(frozen=True, slots=True)
class Answers:
    """What one flood got."""

    rows: list[tuple[float, float, int, str | None]]
    resent: int

    @property
    def ids(self) -> list[str]:
        """Every id that was answered 200."""
        return [row[3] for row in self.rows if row[2] == 200 and row[3] is not None]

    def figures(self) -> dict[str, Any]:
        """Return rate and latencies of what was answered 200."""
        good = [row for row in self.rows if row[2] == 200]
        if not good:
            raise DeskError("bench.refused", "the webhook accepted nothing", "see api.log")
        took = max(row[0] for row in good)
        return {
            "rate_per_s": round(len(good) / took, 1),
            **percentiles([row[1] for row in good]),
            "max_ms": round(max(row[1] for row in good), 1),
            "accepted": len(good),
            "other_answers": len(self.rows) - len(good),
        }


@dataclass(slots=True)
class WebhookBench:
    """A desk under a flood."""

    desk: RunningDesk
    conn: psycopg.Connection[Any]
    url: str
    folder: Path
    sizes: Sizes
    seed: int = 0

    def flood(self, count: int, rate_per_s: float = 0.0) -> Answers:
        """Post alerts and wait for the last answer."""
        with self.flooding(count, rate_per_s) as (process, answers):
            process.wait()
        return _read(answers)

    @contextmanager
    def flooding(
        self, count: int, rate_per_s: float = 0.0
    ) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """Post alerts in the background."""
        self.seed += 1
        bodies, answers = (self.folder / f"{self.seed}.{end}" for end in ("bodies", "answers"))
        bodies.write_bytes(b"\n".join(map(b64encode, self._bodies(count))))
        argv = [sys.executable, "-m", "research.load.flood", self.url, str(bodies), str(answers)]
        argv += ["--connections", str(self.sizes.connections), "--rate", str(rate_per_s)]
        process = subprocess.Popen(argv, cwd=CHECKOUT)
        try:
            yield process, answers
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()

    def _bodies(self, count: int) -> list[bytes]:
        clock, markets = SystemClock(), market_states(self.conn)
        plans = plan_alerts(self.seed, count, markets, 0.0, 0.0)
        return [write_alert(plan, f"bench-{uuid.uuid4()}", clock.now()).body for plan in plans]

    def backlog(self) -> int:
        """Count the alerts that were stored and have no outcome yet."""
        row = self.conn.execute(
            "select (select count(*) from public.signals_raw)"
            " - (select count(*) from public.alert_outcomes)"
        ).fetchone()
        assert row is not None
        return row[0]

    def lost(self, ids: list[str]) -> int:
        """Count the ids that were answered and are not in the table."""
        row = self.conn.execute(
            "select count(*) from unnest(%s::uuid[]) as answered(alert_id)"
            " where not exists (select from public.signals_raw r"
            " where r.alert_id = answered.alert_id)",
            (ids,),
        ).fetchone()
        assert row is not None
        return row[0]

    def kill_api(self) -> None:
        """Kill the API's process as a crash would."""
        (pid,) = (p.pid for p in self.desk.supervisor.processes() if p.name == "api")
        os.kill(pid, signal.SIGKILL)


def run_webhook_bench(settings: Settings, sizes: Sizes, report: Report) -> dict[str, Any]:
    """Run all floods and return their figures."""
    with open_bench(settings, sizes) as bench:
        report(f"saturating the chain with {sizes.burst} alerts")
        bench.flood(sizes.burst)
        before = bench.backlog()
        report(f"closed loop, {sizes.closed} alerts, {before} wait in the chain")
        closed = bench.flood(sizes.closed)
        report(f"closed loop: {closed.figures()}")
        rate = float(PROMISED_PER_S)
        report(f"on schedule, {rate:.0f}/s")
        scheduled = bench.flood(int(rate * sizes.seconds), rate)
        report(f"on schedule: {scheduled.figures()}")
        report("on schedule, and the API is killed in the middle")
        with bench.flooding(int(PROMISED_PER_S * sizes.seconds), PROMISED_PER_S) as (
            process,
            path,
        ):
            time.sleep(sizes.seconds / 2 + 1)
            bench.kill_api()
            process.wait()
        killed = _read(path)
        backlog = bench.backlog()
        ids = [*closed.ids, *scheduled.ids, *killed.ids]
        figures = closed.figures()
        return {
            "rate_per_s": figures["rate_per_s"],
            "p50_ms": figures["p50_ms"],
            "p95_ms": figures["p95_ms"],
            "p99_ms": figures["p99_ms"],
            "accepted": len(ids),
            "lost": bench.lost(ids),
            "closed_loop": figures,
            "on_schedule": {"asked_per_s": rate, **scheduled.figures()},
            "api_killed": {**killed.figures(), "resent": killed.resent},
            "backlog": {"before": before, "after": backlog},
            "connections": sizes.connections,
        }


@contextmanager
def open_bench(settings: Settings, sizes: Sizes) -> Iterator[WebhookBench]:
    """Start a whole desk of its own, with a market to write alerts about."""
    with bench_desk(settings, SHAPE) as desk, tempfile.TemporaryDirectory() as folder:
        yield WebhookBench(desk.running, desk.conn, desk.webhook_url, Path(folder), sizes)


def _read(path: Path) -> Answers:
    if not path.exists():
        raise DeskError("bench.flood", "the flood ended without answers", "see its output above")
    *rows, last = [json.loads(line) for line in path.read_text().splitlines()]
    return Answers([tuple(row) for row in rows], last["resent"])
