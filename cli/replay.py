"""desk replay: decide again on what an agent knew then, and compare."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False)


@app.command()
def replay(
    decision: Annotated[str, typer.Argument(help="A trace's id, or an alert's correlation id.")],
    as_json: AsJson = False,
) -> None:
    """Run recorded decisions again from their traces; status 0 only if all are the same.

    Examples: `desk replay 0199…` (a trace, or every decision about an alert).
    """
    from workers.replaying import replay as run_again

    with session_as(load_settings(), "desk_reader") as conn:
        traces = _traces(conn, _uuid(decision))
        try:
            replays = [run_again(trace, _event(conn, trace)) for trace in traces]
        except ValueError as error:
            raise DeskError(
                "replay.impossible", str(error), "replay it with the release that decided"
            ) from error
    same = all(item.same for item in replays)
    if as_json:
        print_json({"same": same, "decisions": replays})
    else:
        rows = [
            (str(item.trace_id), item.agent, item.recorded["outcome"], _verdict(item.same))
            for item in replays
        ]
        print_table("", ("trace", "agent", "outcome", ""), rows)
        for item in replays:
            if not item.same:
                out().print(f"\n{item.agent} decided then:", item.recorded)
                out().print("and decides now:", item.replayed)
    raise typer.Exit(0 if same else 1)


def _verdict(same: bool) -> str:
    return "[green]same, bit for bit[/]" if same else "[red]different[/]"


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise DeskError(
            "replay.id", f"{text} is no id", "take one from decision_traces or the demo's summary"
        ) from error


def _traces(conn: Any, wanted: UUID) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    with conn.cursor(row_factory=dict_row) as cursor:
        traces = cursor.execute(
            "select * from public.decision_traces t"
            " where t.trace_id = %(id)s or t.correlation_id = %(id)s order by t.decided_at",
            {"id": wanted},
        ).fetchall()
    if not traces:
        raise DeskError("replay.unknown", f"no decision is recorded under {wanted}", "check the id")
    return traces


def _event(conn: Any, trace: dict[str, Any]) -> dict[str, Any] | None:
    from psycopg.rows import dict_row

    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from bus.events e where e.msg_id = %s", (trace["msg_id"],)
        ).fetchone()
