"""desk venues: what venues are believed to cost, learning it, asking for it to decide."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import uuid_utils

from backend.settings import load_settings
from cli.console import err, out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)

DECIDER = "desk_operator"

_MODELS = """
select m.model, m.state, m.rows, m.evaluation, m.learned_at, m.activated_at, m.proposal_id
  from execution.venue_models m order by m.learned_at desc limit 50
"""
_CHOICES = """
select o.strategy_id, o.venue_id, count(*) as choices,
       count(*) filter (where o.explored) as explored,
       round(avg(o.propensity), 4) as propensity
  from public.opportunities o
 where o.propensity is not null and o.created_at > now() - interval '7 days'
 group by 1, 2 order by 1, 2
"""


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the models with what they would have earned, and where orders went in a week.

    Example: `desk venues show --json`.
    """
    from psycopg.rows import dict_row

    with session_as(load_settings(), DECIDER) as conn:
        cursor = conn.cursor(row_factory=dict_row)
        models = cursor.execute(_MODELS).fetchall()
        choices = cursor.execute(_CHOICES).fetchall()
    if as_json:
        print_json({"models": models, "choices": choices})
        return
    columns = ("model", "state", "learned from", "judged on", "gain in bps", "verdict")
    print_table("", columns, [_model(row) for row in models])
    columns = ("strategy", "venue", "choices", "explored", "mean chance")
    print_table("", columns, [tuple(str(value) for value in row.values()) for row in choices])


@app.command()
def learn(as_json: AsJson = False) -> None:
    """Learn what venues cost from the newest choices now, and judge it off policy.

    Example: `desk venues learn`.
    """
    from workers.jobs.venue_model import learn_now

    report = learn_now()
    if as_json:
        print_json({"report": report})
        return
    out().print(report)


@app.command()
def propose(
    model: Annotated[str, typer.Argument(help="As `desk venues show` names it.")],
    org: Annotated[str, typer.Option(help="Whose voters are asked.")] = "demo",
    as_json: AsJson = False,
) -> None:
    """Ask the voters to let a model choose; its evaluation is the evidence, and must say better.

    Example: `desk venues propose venues-0123456789ab`.
    """
    from backend.db import bus

    item = {"i": 0, "proposal_id": str(uuid_utils.uuid7()), "org_id": org}
    item |= {"kind": "venue_model", "subject": model}
    with session_as(load_settings(), DECIDER) as conn:
        (answer,) = bus.call(conn, "governance.open_proposals", [item])
    if as_json:
        print_json(answer)
        return
    err().print(f"the voters are asked: proposal {answer['proposal_id']}")


def _model(row: dict[str, Any]) -> tuple[str, ...]:
    told = row["evaluation"]
    gain = told.get("off_policy_bps", {}).get("gain")
    words = "unknown"
    if gain is not None:
        words = f"{gain['value']:.3f} [{gain['low']:.3f}, {gain['high']:.3f}]"
    counts = (str(row["rows"]), str(told.get("judged", "")))
    return (row["model"], row["state"], *counts, words, told.get("verdict", ""))
