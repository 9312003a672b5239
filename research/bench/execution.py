"""`desk bench execution`: what execution costs, on a recorded market.

The report is one dict of sections, each made by a function of the same shape: it is given the
tape, how much to do, and where to say what it does. A section adds itself to `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from research.bench.execution_algorithms import algorithms_table, run_algorithms
from research.bench.execution_sizes import QUICK, Report, Section, Sizes, Table
from research.bench.execution_slippage import run_slippage, slippage_table
from research.bench.execution_tape import tape_for
from research.bench.execution_venues import run_venues, venues_table
from research.bench.hedging import hedging_table, run_hedging

__all__ = ["QUICK", "SECTIONS", "TABLES", "Sizes", "run_execution_bench"]

SECTIONS: dict[str, Section] = {
    "algorithms": run_algorithms,
    "hedging": run_hedging,
    "venues": run_venues,
    "slippage": run_slippage,
}
TABLES: dict[str, Table] = {
    "algorithms": algorithms_table,
    "hedging": hedging_table,
    "venues": venues_table,
    "slippage": slippage_table,
}
"""How a section is shown to people; one without a table is in the file only."""


def run_execution_bench(
    market_data: Path | None, sizes: Sizes, report: Report, only: Iterable[str] = ()
) -> dict[str, Any]:
    """Run the sections over one tape and return their figures by name.

    market_data: a folder with recorded ticks; None or none there: a generated tape.
    only: names of sections, all if empty. Raises KeyError for a name that is none.
    """
    tape = tape_for(market_data)
    report(f"{len(tape.seconds)} seconds of {tape.symbol}: {tape.source}")
    figures: dict[str, Any] = {
        "source": tape.source,
        "recorded": tape.recorded,
        "symbol": tape.symbol,
        "seconds": len(tape.seconds),
        "seed": sizes.seed,
    }
    for name in tuple(only) or tuple(SECTIONS):
        figures[name] = SECTIONS[name](tape, sizes, report)
    return figures
