"""desk cooldown: send a strategy or a venue to rest, show who rests, end a rest by votes."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer
import uuid_utils

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command()
def start(
    scope: Annotated[str, typer.Argument(help="strategy or venue.")],
    scope_id: Annotated[str, typer.Argument(help="Which one.")],
    reason: Annotated[str, typer.Option(help="Why; it goes on record.")],
    minutes: Annotated[
        int | None, typer.Option(min=1, help="For how long; without it, until votes end it.")
    ] = None,
) -> None:
    """Let a strategy or a venue open nothing for a while; what only closes passes.

    Example: `desk cooldown start strategy tv-smc --reason "lost five in a row" --minutes 60`.
    """
    item = {
        "cooldown_id": str(uuid_utils.uuid7()),
        "scope": scope,
        "scope_id": scope_id,
        "reason": reason,
        "rests_s": None if minutes is None else timedelta(minutes=minutes) // timedelta(seconds=1),
    }
    answer = _call("risk.start_cooldowns", item)
    until = answer["rests_until"] or "votes end it"
    out().print(f"{scope} {scope_id} rests until {until}: {answer['cooldown_id']}", soft_wrap=True)


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """Show who rests.

    Example: `desk cooldown list --json`.
    """
    from psycopg.rows import dict_row

    with session_as(load_settings(), "desk_operator") as conn:
        resting = (
            conn.cursor(row_factory=dict_row)
            .execute(
                "select c.cooldown_id::text, c.scope, c.scope_id, c.reason, c.started_by,"
                " c.started_at::text, c.rests_until::text from risk.cooldowns c"
                " where c.ended_at is null"
                "   and (c.rests_until is null or c.rests_until > clock_timestamp())"
                " order by c.started_at"
            )
            .fetchall()
        )
    if as_json:
        print_json(resting)
        return
    columns = ("cooldown_id", "scope", "scope_id", "reason", "started_by", "rests_until")
    print_table("", columns, [tuple(str(row[name] or "") for name in columns) for row in resting])


@app.command()
def end(
    cooldown_id: Annotated[str, typer.Argument(help="As `desk cooldown list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why it may go on; the voters read it.")],
    org: Annotated[str | None, typer.Option(help="Whose people vote.")] = None,
) -> None:
    """End a rest early: asks the voters first; repeat it once they have agreed.

    Example: `desk cooldown end 0199… --reason "the feed was wrong, it is mended"`.
    """
    try:
        answer = _call("risk.end_cooldowns", {"cooldown_id": cooldown_id})
    except DeskError as denied:
        if denied.code != "TR512":
            raise
        proposal_id = _propose(cooldown_id, reason, org)
        out().print(f"proposal {proposal_id} waits for votes, it rests meanwhile", soft_wrap=True)
        return
    if answer["ended_at"] is None:
        raise DeskError("cooldown.unknown", f"no cooldown {cooldown_id}", "desk cooldown list")
    out().print(f"ended {answer['ended_at']} by {answer['ended_by']}")


def _propose(cooldown_id: str, reason: str, org: str | None) -> str:
    with session_as(load_settings(), "desk_operator") as conn:
        if org is None:
            row = conn.execute("select min(org_id) from public.organizations").fetchone()
            org = row[0] if row else None
    item = {
        "proposal_id": str(uuid_utils.uuid7()),
        "org_id": org,
        "kind": "end_cooldown",
        "subject": cooldown_id,
        "payload": {"reason": reason},
    }
    return _call("governance.open_proposals", item)["proposal_id"]


def _call(procedure: str, item: dict[str, Any]) -> dict[str, Any]:
    from backend.db.gateway import call

    with session_as(load_settings(), "desk_operator") as conn:
        answers: list[dict[str, Any]] = call(conn, procedure, [{"i": 0, **item}])
    return answers[0]
