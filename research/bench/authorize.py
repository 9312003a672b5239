"""`desk bench authorize`: authorisations a second beside plain commits of as many rows.

Both are driven by pgbench: 16 clients, on the same server, in turns, with durability on. Ours
authorise for 16 accounts of one organisation, as the risk agent does, in batches; theirs insert
as many rows of the same width in one statement. Then one client's median is taken twice: with a
little history and with a lot of it.
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
    baseline_script,
    count_authorized,
    furnish,
    intent_script,
    keep_fresh,
)

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
    batch: int = 16
    history: tuple[int, int] = (5_000, 5_000_000)
    calls: int = 2_000


QUICK = Sizes(window_s=2, rounds=1, history=(1_000, 50_000), calls=200)


@dataclass(frozen=True, slots=True)
class Bench:
    """A database to measure in, and pgbench to do it with."""

    settings: Settings
    owner: Connection[Any]
    pgbench: Path
    owner_url: str
    agent_url: str
    folder: Path

    def throughput(self, script: str, url: str, seconds: int) -> float:
        """Return transactions a second of all clients together."""
        options = ("-c", str(CLIENTS), "-j", "2", "-T", str(seconds))
        return float(self._figure(_TPS, self._run(script, url, *options)))

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
        rows = baseline_script(bench.owner)
        ours, theirs, single = _paired(bench, sizes, rows.script, report)
        report(f"median with {sizes.history[0]:,} rows of history")
        few = _median_with_history(bench, sizes.history[0], sizes.calls, report)
        many = _median_with_history(bench, sizes.history[1], sizes.calls, report)
        return {
            "authorize_per_s": round(statistics.median(ours), 1),
            "pgbench_per_s": round(statistics.median(theirs), 1),
            "ratio_to_pgbench": _ratio(ours, theirs),
            "growth_ratio": round(many / few, 3),
            "clients": CLIENTS,
            "accounts": ACCOUNTS,
            "batch": sizes.batch,
            "one_at_a_time_per_s": round(statistics.median(single), 1),
            "one_at_a_time_ratio": _ratio(single, theirs),
            "rows_per_authorization": rows.count,
            "bytes_per_authorization": rows.width,
            "history_rows": list(sizes.history),
            "median_ms": [round(few, 3), round(many, 3)],
        }


def _paired(
    bench: Bench, sizes: Sizes, baseline: str, report: Report
) -> tuple[list[float], list[float], list[float]]:
    ours: list[float] = []
    theirs: list[float] = []
    single: list[float] = []
    for number in range(sizes.rounds):
        report(f"round {number + 1} of {sizes.rounds}")
        ours.append(_authorized_per_s(bench, sizes.batch, sizes.window_s))
        theirs.append(bench.throughput(baseline, bench.owner_url, sizes.window_s))
        single.append(_authorized_per_s(bench, 1, sizes.window_s))
        report(
            f"  {ours[-1]:.0f}/s in batches of {sizes.batch}, {single[-1]:.0f}/s one at a time,"
            f" {theirs[-1]:.0f} plain commits/s"
        )
    return ours, theirs, single


def _authorized_per_s(bench: Bench, batch: int, seconds: int) -> float:
    """Count what was authorised, not what was asked for."""
    before = count_authorized(bench.owner)
    tps = bench.throughput(intent_script(batch), bench.agent_url, seconds)
    gained = count_authorized(bench.owner) - before
    # pgbench finishes what it began: its own rate times the batch, unless something was denied.
    asked = tps * seconds * batch
    if gained < 0.9 * asked:
        raise DeskError(
            "bench.denied", f"{gained} of about {asked:.0f} intents were authorised", "see intents"
        )
    return tps * batch


def _median_with_history(bench: Bench, rows: int, calls: int, report: Report) -> float:
    add_history(bench.owner, rows, report)
    bench.latencies_ms(intent_script(1), max(20, calls // 5))
    median = statistics.median(bench.latencies_ms(intent_script(1), calls))
    report(f"  {median:.3f} ms with {rows:,} rows of history")
    return median


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(ours, theirs, strict=True)), 3)


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
