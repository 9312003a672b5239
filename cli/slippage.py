"""desk slippage: what orders slip by, how far that holds, and how long venues take."""

from __future__ import annotations

from typing import Any

import typer

from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)


_MODEL = """
select m.model, m.fitted_at, m.rows, m.active, m.calibration
  from execution.slippage_models m order by m.fitted_at desc limit 20
"""
_BASELINES = """
select b.venue_id, b.route, b.order_type, b.attempts, b.unanswered, b.p50_ms, b.p95_ms, b.p99_ms
  from execution.latency_baselines b where b.span = 'week' order by 1, 2, 3
"""


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the models of slippage with their calibration, and the venues' latency.

    Example: `desk slippage show`.
    """
    from psycopg.rows import dict_row

    with session_as(load_settings(), "desk_operator") as conn:
        cursor = conn.cursor(row_factory=dict_row)
        models = cursor.execute(_MODEL).fetchall()
        baselines = cursor.execute(_BASELINES).fetchall()
    if as_json:
        print_json({"models": models, "latency_baselines": baselines})
        return
    columns = ("model", "fitted", "fills", "level", "covered", "pinball bps")
    print_table("", columns, [row for model in models[:1] for row in _levels(model)])
    columns = ("venue", "route", "type", "attempts", "unanswered", "p50 ms", "p95 ms", "p99 ms")
    print_table("", columns, [tuple(str(value) for value in b.values()) for b in baselines])


@app.command()
def fit(as_json: AsJson = False) -> None:
    """Fit the model of slippage on the newest fills now, whether or not it is due.

    Example: `desk slippage fit --json`.
    """
    from workers.jobs.slippage_model import fit_now

    report = fit_now()
    if as_json:
        print_json({"report": report})
        return
    out().print(report)


def _levels(model: dict[str, Any]) -> list[tuple[str, ...]]:
    head = (model["model"], f"{model['fitted_at']:%Y-%m-%d %H:%M}", str(model["rows"]))
    return [
        (*head, f"{one['level']:g}", f"{100 * one['covered']:.1f} %", f"{one['pinball_bps']:.4f}")
        for one in model["calibration"]
    ]
