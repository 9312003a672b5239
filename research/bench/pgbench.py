"""A bench database that pgbench drives: 16 clients, plans kept, durability on."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from backend.db.gateway import AGENT_PLANS
from backend.errors import DeskError
from backend.runtime.cluster import binaries_of
from backend.settings import Settings
from research.bench.book import ACCOUNTS
from research.bench.scratch import Scratch, scratch_database

Report = Callable[[str], None]
Work = Callable[[Connection[Any]], None]

# Each client trades an account of its own.
CLIENTS = ACCOUNTS
KEEP_FRESH_EVERY_S = 0.2
BUILTIN_SCHEMA = "pgbench"
_TPS = re.compile(r"^tps = ([\d.]+)", re.M)
_TRANSACTIONS = re.compile(r"number of transactions actually processed: (\d+)")
_FAILED = re.compile(r"number of failed transactions: (\d+)")


@dataclass(frozen=True, slots=True)
class Throughput:
    """What pgbench says of one run."""

    per_s: float
    transactions: int


@dataclass(frozen=True, slots=True)
class Bench:
    """A database to measure in, and pgbench to do it with."""

    scratch: Scratch
    url: str
    owner: Connection[Any]
    pgbench: Path
    folder: Path

    def throughput(self, script: str, url: str, seconds: int) -> Throughput:
        """Let all clients run a script for so long."""
        text = self._run(script, url, "-c", str(CLIENTS), "-j", "2", "-T", str(seconds))
        return Throughput(float(self._figure(_TPS, text)), int(self._figure(_TRANSACTIONS, text)))

    def furnish_builtin(self) -> None:
        """Make the tables of pgbench's own transaction, a branch for each client."""
        argv = (str(self.pgbench), "-i", "-q", "-s", str(CLIENTS), self.url)
        environment = {**os.environ, "PGOPTIONS": f"-c search_path={BUILTIN_SCHEMA}"}
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(f"create schema {BUILTIN_SCHEMA}".encode())
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
        if done.returncode != 0:
            raise DeskError(
                "bench.pgbench", f"pgbench failed: {done.stderr.strip()[-500:]}", "see the server"
            )

    def builtin(self, seconds: int) -> Throughput:
        """Let all clients run pgbench's own transaction for so long."""
        options = ("-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-b", "tpcb-like")
        text = self._pgbench(self.url, options, {"search_path": BUILTIN_SCHEMA})
        return Throughput(float(self._figure(_TPS, text)), int(self._figure(_TRANSACTIONS, text)))

    def latencies_ms(self, script: str, url: str, calls: int) -> list[float]:
        """Return what each call of one client took."""
        prefix = self.folder / f"log-{uuid.uuid4().hex[:8]}"
        self._run(script, url, "-c", "1", "-t", str(calls), "-l", f"--log-prefix={prefix}")
        (log,) = self.folder.glob(f"{prefix.name}.*")
        return [int(line.split()[2]) / 1000 for line in log.read_text().splitlines()]

    def _run(self, script: str, url: str, *options: str) -> str:
        file = self.folder / "script.sql"
        file.write_text(script)
        # Both sides keep their plans, as the agents' sessions do.
        return self._pgbench(url, (*options, "-f", str(file)), AGENT_PLANS)

    def _pgbench(self, url: str, options: tuple[str, ...], set_to: Mapping[str, str]) -> str:
        argv = (str(self.pgbench), "-n", "-M", "prepared", *options, url)
        settings = " ".join(f"-c {name}={value}" for name, value in set_to.items())
        environment = {**os.environ, "PGOPTIONS": settings}
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


@contextmanager
def bench_database(
    settings: Settings, name: str, furnish: Work, report: Report, *, as_superuser: bool = False
) -> Generator[Bench]:
    """Lend a furnished database of a bench's own, and pgbench; both are gone afterwards.

    as_superuser: whether the bench's own sessions may do anything, or only what the migrator may.
    """
    report("making a database")
    with (
        scratch_database(settings, name) as scratch,
        tempfile.TemporaryDirectory() as folder,
    ):
        url = scratch.superuser_url if as_superuser else scratch.url
        with psycopg.connect(url, autocommit=True) as owner:
            furnish(owner)
            pgbench = binaries_of(settings.postgres_version) / "pgbench"
            yield Bench(scratch, url, owner, pgbench, Path(folder))


@contextmanager
def kept_fresh(url: str, refresh: Work) -> Generator[None]:
    """Renew what ages again and again meanwhile, as it happens beside a desk that trades."""
    over = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("set role desk_owner")
            while not over.wait(KEEP_FRESH_EVERY_S):
                refresh(conn)

    thread = threading.Thread(target=work, name="keep-fresh")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


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


def measure_in_turns(
    sides: dict[str, Callable[[], float]], rounds: int, report: Report, told: str
) -> Rates:
    """Measure each side once in each round; `told` is filled in with a round's rates by side."""
    rates = Rates({side: [] for side in sides})
    for number in range(rounds):
        report(f"round {number + 1} of {rounds}")
        for side, measure in sides.items():
            rates.by_side[side].append(measure())
        report(told.format_map({side: values[-1] for side, values in rates.by_side.items()}))
    return rates
