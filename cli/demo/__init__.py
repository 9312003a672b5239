"""desk demo: the whole chain on a fresh database, watched live and told as a story."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backend.settings import load_settings

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    alerts: Annotated[int, typer.Option(min=1, max=1_000_000, help="Posts to send.")] = 200,
    seed: Annotated[int, typer.Option(help="Fixes the alerts' shapes, never ids or times.")] = 7,
    rate: Annotated[float, typer.Option(min=0.1, max=1000.0, help="Posts per second.")] = 25.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the desk running afterwards.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the summary to this file as JSON.")
    ] = None,
) -> None:
    """Run a desk on a fresh database, post alerts over HTTP, watch them become fills.

    Exit status 0 only if every accepted alert reached exactly one final outcome.

    Examples: `desk demo`, `desk demo --alerts 1000 --rate 60 --json out.json`,
    `desk demo --keep` (then `desk status`, `desk replay ID`, `desk down`).
    """
    from cli.demo.drive import run_demo

    done = run_demo(load_settings(), alerts, seed, rate, keep, json_file)
    raise typer.Exit(0 if done else 1)
