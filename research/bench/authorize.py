"""`desk bench authorize`: authorisations a second beside plain commits of as many rows.

Both are driven by pgbench: 16 clients, on the same server, in turns, with durability on. Ours
authorise for 16 accounts of one organisation, as the risk agent does, in batches; theirs insert
the same rows into tables with the same columns and indexes, which is what storing them costs;
and, for scale, as many bytes into a heap without columns or keys. Then one client's median is
taken twice: with a little history and with a lot of it.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from backend.db.gateway import AGENT_PLANS, dsn_for
from backend.db.roles import ensure_passwords, set_passwords
from backend.db.upgrade import upgrade
from backend.errors import DeskError
from backend.runtime import postgres
from backend.runtime.cluster import binaries_of
from backend.settings import Settings
from research.bench.authorize_rows import (
    ACCOUNTS,
    add_history,
    count_authorized,
    furnish,
    heap_script,
    intent_script,
    keep_fresh,
    like_script,
)
from workers.declare import BATCH_MAX

Report = Callable[[str], None]

CLIENTS = ACCOUNTS
KEEP_FRESH_EVERY_S = 0.2
_TPS = re.compile(r"^tps = ([\d.]+)", re.M)
_TRANSACTIONS = re.compile(r"number of transactions actually processed: (\d+)")
_FAILED = re.compile(r"number of failed transactions: (\d+)")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How long and how much: the defaults are what the desk is judged by."""

    window_s: int = 10
    rounds: int = 3
    # As many as the risk agent claims at once.
    batch: int = BATCH_MAX
    history: tuple[int, int] = (5_000, 5_000_000)
    calls: int = 2_000


QUICK = Sizes(window_s=2, rounds=1, history=(1_000, 50_000), calls=200)


@dataclass(frozen=True, slots=True)
class Throughput:
    """What pgbench says of one run."""

    per_s: float
    transactions: int


@dataclass(frozen=True, slots=True)
class Bench:
    """A database to measure in, and pgbench to do it with."""

    settings: Settings
    owner: Connection[Any]
    pgbench: Path
    owner_url: str
    agent_url: str
    folder: Path

    def throughput(self, script: str, url: str, seconds: int) -> Throughput:
        """Let all clients run a script for so long."""
        text = self._run(script, url, "-c", str(CLIENTS), "-j", "2", "-T", str(seconds))
        return Throughput(float(self._figure(_TPS, text)), int(self._figure(_TRANSACTIONS, text)))

    def latencies_ms(self, script: str, calls: int) -> list[float]:
        """Return what each call of one client took."""
        prefix = self.folder / f"log-{uuid.uuid4().hex[:8]}"
        self._run(
            script, self.agent_url, "-c", "1", "-t", str(calls), "-l", f"--log-prefix={prefix}"
        )
        (log,) = self.folder.glob(f"{prefix.name}.*")
        return [int(line.split()[2]) / 1000 for line in log.read_text().splitlines()]

    def _run(self, script: str, url: str, *options: str) -> str:
        file = self.folder / "script.sql"
        file.write_text(script)
        argv = (str(self.pgbench), "-n", "-M", "prepared", *options, "-f", str(file), url)
        # Both sides keep their plans, as the agents' sessions do.
        plans = " ".join(f"-c {name}={value}" for name, value in AGENT_PLANS.items())
        environment = {**os.environ, "PGOPTIONS": plans}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
        failed = _FAILED.search(done.stdout)
        if done.returncode != 0 or (failed and failed[1] != "0"):
            raise DeskError(
                "bench.pgbench", f"pgbench failed: {done.stderr.strip()[-500:]}", "see the server"
            )
        return done.stdout

    def _figure(self, pattern: re.Pattern[str], text: str) -> str:
        found = pattern.search(text)
        if found is None:
            raise DeskError("bench.pgbench", "pgbench said nothing to count", text[-500:])
        return found[1]


def run_authorize_bench(settings: Settings, sizes: Sizes, report: Report) -> dict[str, Any]:
    """Run the whole comparison in a database of its own and return its figures."""
    with _bench_database(settings, report) as bench, _kept_fresh(bench.owner_url):
        report("warming up")
        bench.throughput(intent_script(sizes.batch), bench.agent_url, max(1, sizes.window_s // 4))
        rows = like_script(bench.owner)
        rates = _paired(bench, sizes, report)
        report(f"median with {sizes.history[0]:,} rows of history")
        few = _median_with_history(bench, sizes.history[0], sizes.calls, report)
        many = _median_with_history(bench, sizes.history[1], sizes.calls, report)
        return {
            "authorize_per_s": rates.median("batches"),
            "pgbench_per_s": rates.median("like"),
            "ratio_to_pgbench": rates.ratio("batches", "like"),
            "growth_ratio": round(many / few, 3),
            "heap_per_s": rates.median("heap"),
            "ratio_to_heap": rates.ratio("batches", "heap"),
            "one_at_a_time_per_s": rates.median("single"),
            "one_at_a_time_ratio": rates.ratio("single", "like"),
            "clients": CLIENTS,
            "accounts": ACCOUNTS,
            "batch": sizes.batch,
            "rows_per_authorization": rows.count,
            "bytes_per_authorization": rows.width,
            "history_rows": list(sizes.history),
            "median_ms": [round(few, 3), round(many, 3)],
        }


@dataclass(frozen=True, slots=True)
class Rates:
    """What each side reached in each round, per second."""

    by_side: dict[str, list[float]]

    def median(self, side: str) -> float:
        """Return the middle of a side's rounds."""
        return round(statistics.median(self.by_side[side]), 1)

    def ratio(self, side: str, to: str) -> float:
        """Return the middle of the rounds' ratios."""
        pairs = zip(self.by_side[side], self.by_side[to], strict=True)
        return round(statistics.median(a / b for a, b in pairs), 3)


def _paired(bench: Bench, sizes: Sizes, report: Report) -> Rates:
    like, heap = like_script(bench.owner).script, heap_script(bench.owner).script
    seconds = sizes.window_s
    sides: dict[str, Callable[[], float]] = {
        "batches": lambda: _authorized_per_s(bench, sizes.batch, seconds),
        "like": lambda: bench.throughput(like, bench.owner_url, seconds).per_s,
        "single": lambda: _authorized_per_s(bench, 1, seconds),
        "heap": lambda: bench.throughput(heap, bench.owner_url, seconds).per_s,
    }
    rates = Rates({side: [] for side in sides})
    for number in range(sizes.rounds):
        report(f"round {number + 1} of {sizes.rounds}")
        for side, measure in sides.items():
            rates.by_side[side].append(measure())
        last = {side: values[-1] for side, values in rates.by_side.items()}
        report(
            f"  {last['batches']:.0f}/s in batches of {sizes.batch}, {last['single']:.0f}/s one at"
            f" a time, {last['like']:.0f} plain commits/s, {last['heap']:.0f} without keys"
        )
    return rates


def _authorized_per_s(bench: Bench, batch: int, seconds: int) -> float:
    """Count what was authorised, not what was asked for."""
    before = count_authorized(bench.owner)
    done = bench.throughput(intent_script(batch), bench.agent_url, seconds)
    gained = count_authorized(bench.owner) - before
    if gained < 0.99 * done.transactions * batch:
        raise DeskError(
            "bench.denied",
            f"{gained} of {done.transactions * batch} intents were authorised",
            "see public.intents and public.risk_checks",
        )
    return done.per_s * batch


def _median_with_history(bench: Bench, rows: int, calls: int, report: Report) -> float:
    add_history(bench.owner, rows, report)
    bench.latencies_ms(intent_script(1), max(20, calls // 5))
    median = statistics.median(bench.latencies_ms(intent_script(1), calls))
    report(f"  {median:.3f} ms with {rows:,} rows of history")
    return median


@contextmanager
def _bench_database(settings: Settings, report: Report) -> Generator[Bench]:
    settings = settings.model_copy(
        update={
            "home": settings.home / "bench-authorize",
            "keys_folder": None,
            "database_url": None,
            "broker_url": None,
        }
    )
    name = f"bench_{uuid.uuid4().hex[:8]}"
    with postgres.running(settings) as server, tempfile.TemporaryDirectory() as folder:
        report("making a database")
        url = postgres.create_database(server, name)
        try:
            upgrade(url)
            passwords = ensure_passwords(settings.keys)
            with psycopg.connect(url, autocommit=True) as owner:
                set_passwords(owner, passwords)
                furnish(owner)
                yield Bench(
                    settings,
                    owner,
                    binaries_of(settings.postgres_version) / "pgbench",
                    url,
                    dsn_for(url, "risk_agent", passwords["risk_agent"]),
                    Path(folder),
                )
        finally:
            postgres.drop_database(server, name)


@contextmanager
def _kept_fresh(url: str) -> Generator[None]:
    """Let quotes stay young and orders end meanwhile, as they do beside a desk that trades."""
    over = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("set role desk_owner")
            while not over.wait(KEEP_FRESH_EVERY_S):
                keep_fresh(conn)

    thread = threading.Thread(target=work, name="keep-fresh")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
