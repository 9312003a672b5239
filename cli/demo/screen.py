"""The chain at work, drawn while it runs; plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from cli.console import err
from cli.demo.summary import Progress as Run

CHAIN = (
    "intake",
    "normalizer",
    "rationale_scorer",
    "strategy_analyst",
    "strategy_router",
    "portfolio",
    "risk",
    "policy_guard",
    "order",
    "execution",
    "hedger",
    "compliance",
    "feedback",
)
PLAIN_EVERY = 8


class Screen:
    """Progress bars and one line per agent of the chain."""

    def __init__(self, total: int) -> None:
        self._bars = Progress(
            TextColumn("{task.description:>10}"), BarColumn(40), MofNCompleteColumn()
        )
        self._posted = self._bars.add_task("posted", total=total)
        self._decided = self._bars.add_task("decided", total=total)
        self._filled = self._bars.add_task("fills", total=total)
        self._live: Live | None = None
        self._updates = 0
        self._total = total

    @contextmanager
    def live(self) -> Iterator[None]:
        """Draw until left."""
        if not err().is_terminal:
            yield
            return
        with Live(self._bars, console=err(), refresh_per_second=8) as live:
            self._live = live
            yield

    def update(self, sent: int, run: Run) -> None:
        """Show a new state."""
        self._updates += 1
        self._bars.update(self._posted, completed=sent)
        # What was dropped as a duplicate is decided with that.
        self._bars.update(self._decided, completed=run.decided + run.duplicates)
        self._bars.update(self._filled, completed=run.fills, total=max(run.orders, 1))
        if self._live is not None:
            self._live.update(Group(self._bars, _agents(run), _outcomes(run)))
        elif self._updates % PLAIN_EVERY == 0 or (sent == self._total and run.settled):
            err().print(
                f"posted {sent}, accepted {run.accepted}, decided {run.decided},"
                f" orders {run.orders}, fills {run.fills}"
            )


def _agents(run: Run) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("agent")
    table.add_column("handled", justify="right")
    table.add_column("median decision", justify="right")
    known = {name: (count, p50) for name, count, p50 in run.agents}
    for name in CHAIN:
        count, p50 = known.get(name, (0, 0.0))
        table.add_row(name, str(count), f"{p50:.2f} ms" if count else "")
    return table


def _outcomes(run: Run) -> Text:
    parts = (
        Text.assemble((name, "bold"), f" {count}") for name, count in sorted(run.outcomes.items())
    )
    return Text("  ").join(parts)
