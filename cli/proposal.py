"""desk proposal and desk instruction: ask the voters, carry out what they allowed."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
import uuid_utils

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)
instructions = typer.Typer(add_completion=False, no_args_is_help=True)


_LIST = """
select p.proposal_id::text, p.org_id, p.kind, p.subject, p.state, p.proposed_by,
       p.opened_at::text, p.expires_at::text, r.humans, r.personas
  from public.proposals p
  join governance.quorum_rules r on r.kind = p.kind
 where %(every)s or p.state in ('open', 'approved')
 order by p.opened_at desc limit 200
"""
_INSTRUCTIONS = """
select n.proposal_id::text, n.org_id, n.kind, n.amount::text, n.currency, n.state,
       n.instructed_at::text, n.settled_by, n.reference
  from treasury.instructions n
 where %(every)s or n.state = 'pending'
 order by n.instructed_at desc limit 200
"""


@app.command("open")
def open_(
    kind: Annotated[str, typer.Argument(help="go_live, buyback, mint, halt, parameter, …")],
    subject: Annotated[str, typer.Argument(help="What it is about: an account, a name.")],
    payload: Annotated[str, typer.Option(help="What exactly is asked, as JSON.")] = "{}",
    evidence: Annotated[str, typer.Option(help="What speaks for it, as JSON.")] = "{}",
    org: Annotated[str | None, typer.Option(help="Whose people vote.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a proposal before the voters; the rule of its kind says who must approve.

    Examples:

    `desk proposal open go_live mt5-main --evidence '{"shadow": "see report 2026-11-01"}'`,

    `desk proposal open buyback november --payload '{"currency": "USD", "amount": "5000"}'`.
    """
    item = {
        "proposal_id": str(uuid_utils.uuid7()),
        "org_id": org or _only_organization(),
        "kind": kind,
        "subject": subject,
        "payload": _object(payload, "payload"),
        "evidence": _object(evidence, "evidence"),
    }
    answer = _call("governance.open_proposals", item)
    if as_json:
        print_json(answer)
        return
    out().print(f"proposal {answer['proposal_id']} waits for votes", soft_wrap=True)


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what waits for votes, or to be carried out. Example: `desk proposal list --json`."""
    _show(_LIST, every, as_json)


@app.command()
def execute(
    proposal_id: Annotated[str, typer.Argument(help="As `desk proposal list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Carry out what the voters approved; it happens once, however often it is asked.

    An account goes live only while it holds nothing. Example: `desk proposal execute 0199…`.
    """
    answer = _call("governance.execute_proposals", {"proposal_id": proposal_id})
    if as_json:
        print_json(answer)
        return
    done = "was carried out before" if answer["repeated"] else "is carried out"
    out().print(f"{answer['kind']} {answer['subject']} {done}", soft_wrap=True)


@instructions.command("list")
def list_instructions(
    every: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the treasury was told to do. Example: `desk instruction list`."""
    _show(_INSTRUCTIONS, every, as_json)


@instructions.command()
def done(
    proposal_id: Annotated[str, typer.Argument(help="As `desk instruction list` shows it.")],
    reference: Annotated[str, typer.Option(help="What shows it: a transfer, a transaction.")],
    withdrawn: Annotated[
        bool, typer.Option(help="It was not carried out, and will not be.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say that an instruction was carried out, or withdrawn; its cash is free again then.

    Example: `desk instruction done 0199… --reference "transfer 2026-11-21/7"`.
    """
    answer = _call(
        "treasury.settle_instructions",
        {
            "proposal_id": proposal_id,
            "state": "withdrawn" if withdrawn else "done",
            "reference": reference,
        },
    )
    if as_json:
        print_json(answer)
        return
    out().print(f"{answer['proposal_id']} is {answer['state']}: {answer['reference']}")


def _show(query: str, every: bool, as_json: bool) -> None:
    from psycopg.rows import dict_row

    with session_as(load_settings(), "desk_operator") as conn:
        rows = conn.cursor(row_factory=dict_row).execute(query.encode(), {"every": every})
        found = rows.fetchall()
    if as_json:
        print_json(found)
        return
    columns = tuple(found[0]) if found else ("nothing",)
    print_table("", columns, [tuple(str(row[name] or "") for name in columns) for row in found])


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DeskError("proposal.json", f"--{what} is no JSON: {error}", "quote it") from error
    if not isinstance(value, dict):
        raise DeskError("proposal.json", f"--{what} is no JSON object", 'write {"name": "value"}')
    return value


def _only_organization() -> str:
    with session_as(load_settings(), "desk_operator") as conn:
        rows = conn.execute("select org_id from public.organizations order by 1").fetchall()
    if len(rows) != 1:
        raise DeskError("proposal.org", "whose people vote is not clear", "pass --org")
    return rows[0][0]


def _call(procedure: str, item: dict[str, Any]) -> dict[str, Any]:
    from backend.db.gateway import call

    with session_as(load_settings(), "desk_operator") as conn:
        answers: list[dict[str, Any]] = call(conn, procedure, [{"i": 0, **item}])
    return answers[0]
