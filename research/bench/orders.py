"""`desk bench orders`: orders a second through open, send, fill and ledger, beside plain commits.

Both are driven by pgbench: 16 clients, on the same server, in turns, with durability on. Ours
take authorised intents of 16 accounts through the desk's own procedures in batches, three
transactions each; theirs commit one row. Afterwards the books must hold.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from backend.db.upgrade import upgrade
from backend.errors import DeskError
from backend.runtime import postgres
from backend.runtime.cluster import binaries_of
from backend.settings import Settings
from research.bench.authorize import CLIENTS, Bench
from research.bench.orders_rows import (
    ACCOUNTS,
    PLAIN,
    QUOTE,
    add_stock,
    batch_script,
    count_filled,
    furnish,
    refuse_unsound,
)

Report = Callable[[str], None]

KEEP_FRESH_EVERY_S = 0.2
STOCK_MARGIN = 2.0
"""So much more authority than the warm-up's rate would use up."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How long and how much: the defaults are what the desk is judged by."""

    window_s: int = 10
    rounds: int = 3
    batch: int = 100
    warm_up_s: int = 3


QUICK = Sizes(window_s=2, rounds=1, warm_up_s=1)


def run_orders_bench(settings: Settings, sizes: Sizes, report: Report) -> dict[str, Any]:
    """Run the comparison in a database of its own and return its figures."""
    with _bench_database(settings, report) as bench, _kept_fresh(bench.owner_url):
        report("warming up")
        add_stock(bench.owner, sizes.warm_up_s * 1_000)
        rate = _filled_per_s(bench, sizes.batch, sizes.warm_up_s)
        ours: list[float] = []
        theirs: list[float] = []
        single: list[float] = []
        for number in range(sizes.rounds):
            report(f"round {number + 1} of {sizes.rounds}")
            add_stock(bench.owner, int(STOCK_MARGIN * rate * sizes.window_s * 2 / ACCOUNTS))
            ours.append(_filled_per_s(bench, sizes.batch, sizes.window_s))
            theirs.append(bench.throughput(PLAIN, bench.owner_url, sizes.window_s).per_s)
            single.append(_filled_per_s(bench, 1, max(2, sizes.window_s // 2)))
            report(
                f"  {ours[-1]:.0f} orders/s in batches of {sizes.batch}, {single[-1]:.0f}/s one"
                f" at a time, {theirs[-1]:.0f} plain commits/s"
            )
        refuse_unsound(bench.owner)
        return {
            "orders_per_s": round(statistics.median(ours), 1),
            "pgbench_per_s": round(statistics.median(theirs), 1),
            "ratio_to_pgbench": _ratio(ours, theirs),
            "one_at_a_time_per_s": round(statistics.median(single), 1),
            "one_at_a_time_ratio": _ratio(single, theirs),
            "batch": sizes.batch,
            "clients": CLIENTS,
            "accounts": ACCOUNTS,
            "fills": count_filled(bench.owner),
            "ledger_entries": _count(bench, "ledger.entries"),
            "order_events": _count(bench, "public.order_events"),
        }


def _filled_per_s(bench: Bench, batch: int, seconds: int) -> float:
    """Count what was filled, not what was asked for."""
    before = count_filled(bench.owner)
    ran = bench.throughput(batch_script(batch), bench.owner_url, seconds)
    gained = count_filled(bench.owner) - before
    if gained == 0 or gained != ran.transactions * batch:
        raise DeskError("bench.unfilled", f"{gained} orders were filled", "see orders")
    return ran.per_s * batch


def _count(bench: Bench, table: str) -> int:
    row = bench.owner.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None
    return row[0]


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(ours, theirs, strict=True)), 3)


@contextmanager
def _bench_database(settings: Settings, report: Report) -> Generator[Bench]:
    settings = settings.model_copy(
        update={
            "home": settings.home / "bench-orders",
            "keys_folder": None,
            "database_url": None,
            "broker_url": None,
        }
    )
    name = f"bench_{uuid.uuid4().hex[:8]}"
    with postgres.running(settings) as server, tempfile.TemporaryDirectory() as folder:
        report("making a database")
        upgrade(postgres.create_database(server, name))
        url = server.superuser_url(name)
        try:
            with psycopg.connect(url, autocommit=True) as owner:
                furnish(owner)
                yield Bench(
                    settings,
                    owner,
                    binaries_of(settings.postgres_version) / "pgbench",
                    url,
                    url,
                    Path(folder),
                )
        finally:
            postgres.drop_database(server, name)


@contextmanager
def _kept_fresh(url: str) -> Generator[None]:
    """Let the quote stay young meanwhile, as it does beside a desk that trades."""
    over = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            while not over.wait(KEEP_FRESH_EVERY_S):
                conn.execute(QUOTE)

    thread = threading.Thread(target=work, name="keep-fresh")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
