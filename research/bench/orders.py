"""`desk bench orders`: orders a second through open, send, fill and ledger, beside pgbench's own.

Both are driven by pgbench: 16 clients, on the same server, in turns, with durability on. Ours
take authorised intents of 16 accounts through the desk's own procedures in batches, three
transactions each; theirs are pgbench's own transaction (tpcb-like, a branch for each client).
What the server can commit at all is told too: transactions of one row. Afterwards the books
must hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backend.errors import DeskError
from backend.settings import Settings
from research.bench.book import ACCOUNTS, renew_quote
from research.bench.orders_rows import (
    PLAIN,
    add_stock,
    batch_script,
    count_filled,
    furnish,
    refuse_unsound,
)
from research.bench.pgbench import (
    CLIENTS,
    Bench,
    Rates,
    Report,
    bench_database,
    kept_fresh,
    measure_in_turns,
)

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
    with (
        bench_database(settings, "orders", furnish, report, as_superuser=True) as bench,
        kept_fresh(bench.url, renew_quote),
    ):
        bench.furnish_builtin()
        report("warming up")
        add_stock(bench.owner, sizes.warm_up_s * 1_000)
        rate = _filled_per_s(bench, sizes.batch, sizes.warm_up_s)
        rates = _measure(bench, rate, sizes, report)
        refuse_unsound(bench.owner)
        return {
            "orders_per_s": rates.median("batches"),
            "pgbench_per_s": rates.median("pgbench"),
            "ratio_to_pgbench": rates.ratio("batches", "pgbench"),
            "one_row_commits_per_s": rates.median("plain"),
            "ratio_to_one_row_commits": rates.ratio("batches", "plain"),
            "one_at_a_time_per_s": rates.median("single"),
            "one_at_a_time_ratio": rates.ratio("single", "pgbench"),
            "batch": sizes.batch,
            "clients": CLIENTS,
            "accounts": ACCOUNTS,
            "fills": count_filled(bench.owner),
            "ledger_entries": _count(bench, "ledger.entries"),
            "order_events": _count(bench, "public.order_events"),
        }


def _measure(bench: Bench, rate: float, sizes: Sizes, report: Report) -> Rates:
    def in_batches() -> float:
        add_stock(bench.owner, int(STOCK_MARGIN * rate * sizes.window_s * 2 / ACCOUNTS))
        return _filled_per_s(bench, sizes.batch, sizes.window_s)

    sides: dict[str, Callable[[], float]] = {
        "batches": in_batches,
        "pgbench": lambda: bench.builtin(sizes.window_s).per_s,
        "plain": lambda: bench.throughput(PLAIN, bench.url, sizes.window_s).per_s,
        "single": lambda: _filled_per_s(bench, 1, max(2, sizes.window_s // 2)),
    }
    told = (
        f"  {{batches:.0f}} orders/s in batches of {sizes.batch}, {{single:.0f}}/s one at a time,"
        " {pgbench:.0f} of pgbench's own, {plain:.0f} commits of one row"
    )
    return measure_in_turns(sides, sizes.rounds, report, told)


def _filled_per_s(bench: Bench, batch: int, seconds: int) -> float:
    """Count what was filled, not what was asked for."""
    before = count_filled(bench.owner)
    ran = bench.throughput(batch_script(batch), bench.url, seconds)
    gained = count_filled(bench.owner) - before
    if gained == 0 or gained != ran.transactions * batch:
        raise DeskError("bench.unfilled", f"{gained} orders were filled", "see orders")
    return ran.per_s * batch


def _count(bench: Bench, table: str) -> int:
    row = bench.owner.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None
    return row[0]
