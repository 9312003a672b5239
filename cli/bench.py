"""desk bench: ratios measured side by side in one run."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.settings import load_settings
from cli.console import err, out, print_table
from cli.options import FiguresFile, keep_figures

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure the desk; only ratios from one run on one machine mean anything."""


@app.command()
def chain(
    json_file: FiguresFile = None,
    seconds: Annotated[float, typer.Option(min=2, help="Length of one window of load.")] = 6.0,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Paired rounds of latency.")] = 3,
) -> None:
    """Compare the whole chain with a Celery chain of 12 empty tasks, interleaved.

    Example: `desk bench chain --json out.json`.
    """
    from research.bench.chain import run_chain_bench

    report = run_chain_bench(load_settings(), seconds, rounds, lambda line: err().print(line))
    keep_figures(json_file, report)
    rows = [
        (
            name,
            *(str(report[name][key]) for key in ("p50_ms", "p95_ms", "p99_ms")),
            str(report[name]["sustained_per_s"]),
            str(report[name]["hops"]),
        )
        for name in ("chain", "celery_empty")
    ]
    print_table("", ("", "p50 ms", "p95 ms", "p99 ms", "sustained/s", "hops"), rows)
    out().print(f"hop median over one-client commit: {report['hop_p50_over_commit']}")
    out().print(f"wake stalls over 1 s: {report['wake_stalls']}")


@app.command()
def authorize(
    json_file: FiguresFile = None,
    quick: Annotated[bool, typer.Option(help="Short windows and little history: to try.")] = False,
) -> None:
    """Compare authorisations with plain commits of as many rows, by pgbench, in turns.

    Example: `desk bench authorize --json out.json`.
    """
    from research.bench.authorize import QUICK, Sizes, run_authorize_bench

    sizes = QUICK if quick else Sizes()
    report = run_authorize_bench(load_settings(), sizes, lambda line: err().print(line))
    keep_figures(json_file, report)
    print_table("", ("figure", "value"), [(name, str(value)) for name, value in report.items()])


@app.command()
def webhook(
    json_file: FiguresFile = None,
    quick: Annotated[bool, typer.Option(help="A few thousand alerts only: to try.")] = False,
) -> None:
    """Post alerts as fast as they are answered while the chain is saturated; kill the API.

    Example: `desk bench webhook --json out.json`.
    """
    from research.bench.webhook import QUICK, Sizes, run_webhook_bench

    sizes = QUICK if quick else Sizes()
    report = run_webhook_bench(load_settings(), sizes, lambda line: err().print(line))
    keep_figures(json_file, report)
    print_table("", ("figure", "value"), [(name, str(value)) for name, value in report.items()])


@app.command()
def smc(
    json_file: FiguresFile = None,
    quick: Annotated[bool, typer.Option(help="10,000 bars instead of 100,000: to try.")] = False,
) -> None:
    """Compare structure detection with the smartmoneyconcepts package on the same bars.

    Takes real bars from DESK_MARKET_DATA where a file there has enough, else generates them.
    Example: `desk bench smc --json out.json`.
    """
    from rich.progress import Progress

    from research.bench.smc import QUICK, Sizes, run_smc_bench

    with Progress(console=err(), transient=True) as bar:
        task = bar.add_task("bars", total=None)
        report = run_smc_bench(
            load_settings().market_data,
            QUICK if quick else Sizes(),
            lambda done, steps, what: bar.update(
                task, completed=done, total=steps, description=what
            ),
        )
    keep_figures(json_file, report)
    rows = [
        (name, *(str(figures[key]) for key in ("ours_s", "reference_s", "speedup")))
        for name, figures in report["structures"].items()
    ]
    rows.append(("together", *(str(report[k]) for k in ("ours_s", "reference_s", "speedup"))))
    print_table("", ("structure", "ours s", "reference s", "speedup"), rows)
    out().print(f"{report['bars']} bars of {report['source']}")
    out().print(f"all we detect: {report['detect_s']} s")
    out().print(
        f"tracker: {report['tracker_us_per_bar_long_history']} µs a bar after "
        f"{report['tracker_history_long']} bars, {report['tracker_cost_ratio']} times that after "
        f"{report['tracker_history_short']}"
    )
    for name, counts in report["agreement"].items():
        out().print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in counts.items()))


@app.command()
def precedents(
    json_file: FiguresFile = None,
    quick: Annotated[bool, typer.Option(help="Sixty thousand rationales: to try.")] = False,
) -> None:
    """Search a million rationales for the nearest, and compare with the exact answers.

    Example: `desk bench precedents --json out.json`.
    """
    from research.bench.precedents import QUICK, SCENARIOS, Sizes, run_precedents_bench

    sizes = QUICK if quick else Sizes()
    report = run_precedents_bench(load_settings(), sizes, lambda line: err().print(line))
    keep_figures(json_file, report)
    keys = ("recall_at_10", "rows_fewest", "p50_ms", "p95_ms", "p99_ms")
    rows = [(s.name, *(str(report[s.name][key]) for key in keys)) for s in SCENARIOS]
    print_table("", ("search", "recall@10", "fewest rows", "p50 ms", "p95 ms", "p99 ms"), rows)


@app.command()
def orders(
    json_file: FiguresFile = None,
    quick: Annotated[bool, typer.Option(help="Short windows: to try.")] = False,
) -> None:
    """Compare orders through open, fill and ledger with pgbench's own transaction, in turns.

    Example: `desk bench orders --json out.json`.
    """
    from research.bench.orders import QUICK, Sizes, run_orders_bench

    sizes = QUICK if quick else Sizes()
    report = run_orders_bench(load_settings(), sizes, lambda line: err().print(line))
    keep_figures(json_file, report)
    print_table("", ("figure", "value"), [(name, str(value)) for name, value in report.items()])


@app.command()
def execution(
    json_file: FiguresFile = None,
    quick: Annotated[bool, typer.Option(help="Few windows only: to try.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Sections to run, e.g. algorithms; all if none.")
    ] = None,
) -> None:
    """Work orders through recorded ticks and say what each way of it costs against immediate.

    Takes ticks from DESK_MARKET_DATA where there are some, else generates them.
    Example: `desk bench execution --json out.json`.
    """
    from research.bench.execution import QUICK, TABLES, Sizes, run_execution_bench

    sizes = QUICK if quick else Sizes()
    market_data = load_settings().market_data
    report = run_execution_bench(market_data, sizes, lambda line: err().print(line), only or ())
    keep_figures(json_file, report)
    for name, table in TABLES.items():
        if name in report:
            print_table(name, *table(report[name]))
    out().print(f"market: {report['source']}")


@app.command()
def fuzz(
    count: Annotated[int, typer.Option(min=1, help="Bodies to read and decide on.")] = 100_000,
    http: Annotated[int, typer.Option(min=0, help="Bodies to post to a whole desk.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same bodies.")] = 1,
    json_file: FiguresFile = None,
) -> None:
    """Send mutated alerts through reading and deciding, and through the webhook if asked.

    Examples: `desk bench fuzz`, `desk bench fuzz --count 1000 --http 3000 --seed 7`.
    """
    from research.bench.fuzz import run_fuzz, run_http_fuzz

    report = run_fuzz(seed, count, lambda line: err().print(line))
    if http:
        say = err().print
        report["http"] = run_http_fuzz(load_settings(), seed + 1, http, lambda line: say(line))


@app.command()
def scoring(
    json_file: FiguresFile = None,
    quick: Annotated[bool, typer.Option(help="Fifteen hundred signals: to try.")] = False,
) -> None:
    """Count the signals a second that one worker scores, from claim to record.

    Example: `desk bench scoring --json out.json`.
    """
    from research.bench.scoring import QUICK, Sizes, run_scoring_bench

    sizes = QUICK if quick else Sizes()
    report = run_scoring_bench(load_settings(), sizes, lambda line: err().print(line))
    keep_figures(json_file, report)
    print_table("", ("figure", "value"), [(name, str(value)) for name, value in report.items()])
