"""desk weights: what signals are scored by, what outcomes teach, and asking for it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import typer
import uuid_utils

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import err, out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)

DECIDER = "desk_operator"
OUTCOMES_MAX = 200_000


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """Show every version: which is in force, what it was learned from.

    Example: `desk weights list --json`.
    """
    from backend.db import weights

    with session_as(load_settings(), DECIDER) as conn:
        rows = weights.versions(conn)
    if as_json:
        print_json(rows)
        return
    table = [
        (
            row["weights_version"],
            row["state"],
            str(row["fit"].get("outcomes", "")),
            row["created_by"],
            f"{row['created_at']:%Y-%m-%d %H:%M}",
        )
        for row in rows
    ]
    print_table("", ("version", "state", "outcomes", "made by", "made at"), table)


@app.command()
def fit(
    propose: Annotated[bool, typer.Option(help="Ask the voters to put them in force.")] = False,
    org: Annotated[str, typer.Option(help="Whose voters are asked.")] = "demo",
    as_json: AsJson = False,
) -> None:
    """Learn weights from known outcomes, and show how far their probabilities hold.

    They are judged on the latest quarter of the outcomes, which they did not see. Nothing is in
    force before a quorum says so. Example: `desk weights fit --propose`.
    """
    from backend.db import weights
    from backend.domain.rationale.learning import fit_weights

    with session_as(load_settings(), DECIDER) as conn:
        before = weights.in_force(conn)
        if before is None:
            raise DeskError("weights.none", "no weights are in force", "`desk db verify`")
        cases = weights.outcomes(conn, OUTCOMES_MAX)
        proposal_id = UUID(bytes=uuid_utils.uuid7().bytes)
        try:
            learned = fit_weights(cases, before, f"learned-{proposal_id.hex[:12]}")
        except ValueError as error:
            raise DeskError(
                "weights.few", str(error), "outcomes close as the market reaches stop or target"
            ) from error
        report: dict[str, Any] = {
            "outcomes": learned.outcomes,
            "from": before.version,
            "better": learned.better,
            "learned": asdict(learned.learned),
            "before": asdict(learned.before),
        }
        asked = None
        if propose:
            asked = weights.propose(conn, proposal_id, org, learned.weights, report)
    if as_json:
        print_json({**report, "line": learned.weights.dump(), "proposal_id": asked})
        return
    figures = ("count", "brier", "log_loss", "error")
    print_table(
        "on the quarter that was held out",
        ("", *figures),
        [
            (name, *(f"{report[name][key]:.4g}" for key in figures))
            for name in ("before", "learned")
        ],
    )
    print_table(
        "",
        ("scores", "promised", "happened"),
        [(str(b.count), f"{b.promised:.3f}", f"{b.happened:.3f}") for b in learned.learned.bins],
    )
    out().print(learned.weights.dump(), soft_wrap=True)
    if asked is not None:
        err().print(f"the voters are asked: proposal {asked}")
