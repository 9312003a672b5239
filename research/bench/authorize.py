"""`desk bench authorize`: authorisations a second beside plain commits of as many rows.

Both are driven by pgbench: 16 clients, on the same server, in turns, with durability on. Ours
authorise for 16 accounts of one organisation, as the risk agent does, in batches; theirs insert
the same rows into tables with the same columns and indexes, which is what storing them costs;
and, for scale, as many bytes into a heap without columns or keys. Then one client's median is
taken twice: with a little history and with a lot of it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backend.db.gateway import dsn_of
from backend.errors import DeskError
from backend.settings import Settings
from research.bench.authorize_rows import (
    add_history,
    count_authorized,
    furnish,
    heap_script,
    intent_script,
    keep_fresh,
    like_script,
)
from research.bench.book import ACCOUNTS
from research.bench.pgbench import (
    CLIENTS,
    Bench,
    Rates,
    Report,
    bench_database,
    kept_fresh,
    measure_in_turns,
)
from workers.declare import BATCH_MAX


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


def run_authorize_bench(settings: Settings, sizes: Sizes, report: Report) -> dict[str, Any]:
    """Run the whole comparison in a database of its own and return its figures."""
    with (
        bench_database(settings, "authorize", furnish, report) as bench,
        kept_fresh(bench.url, keep_fresh),
    ):
        agent_url = dsn_of(bench.scratch.settings, "risk_agent")
        report("warming up")
        bench.throughput(intent_script(sizes.batch), agent_url, max(1, sizes.window_s // 4))
        rows = like_script(bench.owner)
        rates = _measure(bench, agent_url, sizes, report)
        report(f"median with {sizes.history[0]:,} rows of history")
        few = _median_with_history(bench, agent_url, sizes.history[0], sizes.calls, report)
        many = _median_with_history(bench, agent_url, sizes.history[1], sizes.calls, report)
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


def _measure(bench: Bench, agent_url: str, sizes: Sizes, report: Report) -> Rates:
    like, heap = like_script(bench.owner).script, heap_script(bench.owner).script
    seconds = sizes.window_s
    sides: dict[str, Callable[[], float]] = {
        "batches": lambda: _authorized_per_s(bench, agent_url, sizes.batch, seconds),
        "like": lambda: bench.throughput(like, bench.url, seconds).per_s,
        "single": lambda: _authorized_per_s(bench, agent_url, 1, seconds),
        "heap": lambda: bench.throughput(heap, bench.url, seconds).per_s,
    }
    told = (
        f"  {{batches:.0f}}/s in batches of {sizes.batch}, {{single:.0f}}/s one at a time,"
        " {like:.0f} plain commits/s, {heap:.0f} without keys"
    )
    return measure_in_turns(sides, sizes.rounds, report, told)


def _authorized_per_s(bench: Bench, agent_url: str, batch: int, seconds: int) -> float:
    """Count what was authorised, not what was asked for."""
    before = count_authorized(bench.owner)
    done = bench.throughput(intent_script(batch), agent_url, seconds)
    gained = count_authorized(bench.owner) - before
    if gained < 0.99 * done.transactions * batch:
        raise DeskError(
            "bench.denied",
            f"{gained} of {done.transactions * batch} intents were authorised",
            "see public.intents and public.risk_checks",
        )
    return done.per_s * batch


def _median_with_history(
    bench: Bench, agent_url: str, rows: int, calls: int, report: Report
) -> float:
    add_history(bench.owner, rows, report)
    bench.latencies_ms(intent_script(1), agent_url, max(20, calls // 5))
    median = statistics.median(bench.latencies_ms(intent_script(1), agent_url, calls))
    report(f"  {median:.3f} ms with {rows:,} rows of history")
    return median
