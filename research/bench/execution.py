"""`desk bench execution`: what execution costs, by algorithm, on a recorded market.

The report is one dict of sections, each made by a function of the same shape: it is given the
tape, how much to do, and where to say what it does. A section adds itself to `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from research.bench.execution_tape import Tape, tape_for

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is simulated: the defaults are what the desk is judged by."""

    episodes: int = 400
    bootstrap: int = 4_000
    seed: int = 20261121
    quick: bool = False


QUICK = Sizes(episodes=60, bootstrap=1_000, quick=True)

Section = Callable[[Tape, Sizes, Report], dict[str, Any]]
SECTIONS: dict[str, Section] = {}


def run_execution_bench(
    market_data: Path | None, sizes: Sizes, report: Report, only: Iterable[str] = ()
) -> dict[str, Any]:
    """Run the sections over one tape and return their figures by name.

    market_data: a folder with recorded ticks; None or none there: a generated tape.
    only: names of sections, all if empty. Raises KeyError for a name that is none.
    """
    tape = tape_for(market_data, sizes.quick)
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
