"""desk structures: what readers voted on structures, and what a person says of the odd ones."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)


_LIST = """
select s.structure_id::text, s.symbol, s.timeframe, s.kind, s.direction, s.event_at, s.known_at,
       s.lower, s.upper, s.agree, s.readers, s.votes, s.confirmed, s.conviction, s.high,
       s.outlier, s.outlier_score, s.verdict, s.judged_by, s.judged_reason
  from public.structures s
 where (%(symbol)s::text is null or s.symbol = %(symbol)s)
   and (not %(odd)s or s.outlier and s.verdict is null)
   and (not %(high)s or s.high)
 order by s.known_at desc, s.structure_id
 limit %(limit)s
"""


@app.command(name="list")
def list_(
    symbol: Annotated[str | None, typer.Option(help="Of this symbol only.")] = None,
    odd: Annotated[
        bool, typer.Option("--odd", help="Only those out of pattern that wait for a person.")
    ] = False,
    high: Annotated[bool, typer.Option("--high", help="Only those of high conviction.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Newest so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List structures with the votes of their readers, newest first.

    Example: `desk structures list --odd`.
    """
    from psycopg.rows import dict_row

    asked = {"symbol": symbol and symbol.upper(), "odd": odd, "high": high, "limit": limit}
    with session_as(load_settings(), "desk_operator") as conn:
        found = conn.cursor(row_factory=dict_row).execute(_LIST, asked).fetchall()
    if as_json:
        print_json(found)
        return
    columns = ("structure", "known", "what", "expects", "votes", "confirmed by", "conviction", "")
    print_table("", columns, [_row(row) for row in found])


@app.command()
def judge(
    structure_id: Annotated[str, typer.Argument(help="As `desk structures list` shows it.")],
    verdict: Annotated[str, typer.Argument(help="sound or odd.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept as a label.")],
) -> None:
    """Say of a structure that was flagged whether it is sound; what is odd teaches nothing.

    Example: `desk structures judge 0199… odd --reason "one bad tick made the wick"`.
    """
    from uuid import UUID

    from backend.db.gateway import call

    if verdict not in ("sound", "odd"):
        raise DeskError("structures.verdict", f"no verdict {verdict}", "sound or odd")
    try:
        item = {"i": 0, "structure_id": str(UUID(structure_id)), "verdict": verdict}
    except ValueError:
        raise DeskError(
            "structures.unknown", f"no structure {structure_id}", "desk structures list"
        ) from None
    with session_as(load_settings(), "desk_operator") as conn:
        answers: list[dict[str, Any]] = call(
            conn, "ops.judge_structures", [item | {"reason": reason}]
        )
    if not answers[0]["known"]:
        raise DeskError(
            "structures.unknown", f"no structure {structure_id}", "desk structures list"
        )
    out().print(f"{structure_id} is {verdict}")


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    flags = ["high"] if row["high"] else []
    if row["verdict"] is not None:
        flags.append(f"{row['verdict']} ({row['judged_by']})")
    elif row["outlier"]:
        flags.append("out of pattern")
    return (
        row["structure_id"],
        f"{row['known_at']:%m-%d %H:%M}",
        f"{row['symbol']} {row['timeframe']} {row['kind']}",
        "up" if row["direction"] > 0 else "down",
        f"{row['agree']} of {row['readers']}",
        ", ".join(row["confirmed"]),
        str(row["conviction"]),
        ", ".join(flags),
    )
