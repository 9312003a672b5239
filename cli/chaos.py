"""desk chaos: break a desk on purpose, and prove that its books still agree with the venue's."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.settings import load_settings
from cli.console import err, out, print_table
from cli.options import FiguresFile, keep_figures

EXIT_DIFFERENT = 1
KILLS_QUICK = 6

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def chaos() -> None:
    """Kill what runs, as a machine does, and compare what is left."""


@app.command()
def orders(
    kills: Annotated[int, typer.Option(min=1, help="How many processes to kill.")] = 200,
    json_file: FiguresFile = None,
    seed: Annotated[int, typer.Option(help="The same seed kills in the same order.")] = 1,
    rate: Annotated[float, typer.Option(min=0.1, help="Alerts per second.")] = 4.0,
    quick: Annotated[bool, typer.Option(help="Six kills only: to try.")] = False,
) -> None:
    """Kill bridge, terminal, workers and Postgres under orders; compare both sides' books.

    Runs a desk of its own beside whatever runs here. Ends with 0 only if no order was lost or
    doubled, every state agrees and the ledger equals the terminal's balance to the cent.
    Examples: `desk chaos orders --quick`, `desk chaos orders --kills 200 --json out.json`.
    """
    from rich.progress import Progress

    from research.chaos.orders import Sizes, run_orders_chaos

    sizes = Sizes(kills=KILLS_QUICK if quick else kills, rate_per_s=rate)
    with Progress(console=err(), transient=True) as bar:
        task = bar.add_task("kills", total=sizes.kills)
        figures = run_orders_chaos(
            load_settings(),
            seed,
            sizes,
            lambda done, steps, what: bar.update(
                task, completed=done, total=steps, description=what
            ),
        )
    keep_figures(json_file, figures)
    findings = figures.pop("findings")
    print_table("", ("figure", "value"), [(name, str(value)) for name, value in figures.items()])
    for kind, sentences in findings.items():
        for sentence in sentences:
            out().print(f"{kind}: {sentence}", soft_wrap=True)
    if not figures["ok"]:
        raise typer.Exit(EXIT_DIFFERENT)
