"""How much the bench of execution does, and what its sections are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from research.bench.execution_tape import Tape

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

Table = Callable[[dict[str, Any]], tuple[Sequence[str], Sequence[Sequence[str]]]]
"""Column titles and rows of a section's figures."""
