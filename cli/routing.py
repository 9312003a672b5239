"""desk routing: the router's policies, what shadows would have done otherwise, flags."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import uuid_utils

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)

Shadow = Annotated[str, typer.Argument(help="A shadow policy of the pack in force.")]
Organization = Annotated[str | None, typer.Option("--org", help="Whose decisions and votes.")]

_FLAGS = ("strategy.", "venue.", "symbol.", "routing.shadow.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the policy that decides beside those that decide in the shadow.

    Example: `desk routing show`.
    """
    routing = _routing()
    if as_json:
        print_json(routing)
        return
    policies = [routing, *routing.get("shadows", [])]
    names = [name for name in routing if name not in ("name", "shadows", "promotion")]
    rows = [(name, *(_told(policy.get(name)) for policy in policies)) for name in names]
    columns = [f"{policy['name']} (shadow)" for policy in policies[1:]]
    print_table("", ("number", f"{routing['name']} (decides)", *columns), rows)


@app.command()
def differences(
    shadow: Annotated[str | None, typer.Option(help="Of this shadow policy only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Newest so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List decisions that a shadow policy would have taken otherwise, and what that was worth.

    Example: `desk routing differences --shadow stricter --limit 50`.
    """
    from psycopg.rows import dict_row

    with session_as(load_settings(), "desk_operator") as conn:
        found = (
            conn.cursor(row_factory=dict_row)
            .execute(
                "select d.correlation_id::text, d.decided_at, d.shadow, d.kind, d.side, d.symbol,"
                " d.active, d.active_code, d.code, d.detail, d.outcome, d.gain_r, d.org_id"
                "  from public.routing_differences d"
                " where d.shadow = coalesce(%s, d.shadow)"
                " order by d.decided_at desc limit %s",
                (shadow, limit),
            )
            .fetchall()
        )
    if as_json:
        print_json(found)
        return
    columns = ("alert", "at", "shadow", "", "what", "because", "then", "gain R")
    rows = [
        (
            row["correlation_id"],
            f"{row['decided_at']:%m-%d %H:%M:%S}",
            row["shadow"],
            row["kind"],
            f"{row['side']} {row['symbol']}",
            " ".join(filter(None, (row["code"], row["detail"]))),
            row["outcome"],
            _told(row["gain_r"]),
        )
        for row in found
    ]
    print_table("", columns, rows)


@app.command()
def report(org: Organization = None, as_json: AsJson = False) -> None:
    """Sum up what each shadow policy did otherwise since the routing policies changed.

    Example: `desk routing report --json`.
    """
    with session_as(load_settings(), "desk_operator") as conn:
        org = org or _organization(conn)
        found = [
            conn.execute("select execution.shadow_evidence(%s, %s)", (one["name"], org)).fetchone()
            for one in _routing(conn).get("shadows", [])
        ]
    told: list[dict[str, Any]] = [row[0] for row in found if row is not None]
    if as_json:
        print_json(told)
        return
    columns = ("shadow", "decisions", "takes", "leaves", "reasons", "resolved", "gain R", "each")
    rows = [
        (
            one["shadow"],
            *(str(one[name]) for name in columns[1:6]),
            one["gain_r"],
            "; ".join(f"{m['mean']} ({m['low']} to {m['high']})" for m in one["measures"])
            + ("" if one["enough"] else " not enough yet"),
        )
        for one in told
    ]
    print_table("", columns, rows)


@app.command()
def promote(
    shadow: Shadow,
    reason: Annotated[str, typer.Option(help="Why; the voters read it.")],
    org: Organization = None,
    as_json: AsJson = False,
) -> None:
    """Ask the voters to let a shadow policy decide; the database adds what it did otherwise.

    Example: `desk routing promote stricter --reason "it left what lost for three weeks"`.
    """
    from backend.db.gateway import call

    with session_as(load_settings(), "desk_operator") as conn:
        routing = _routing(conn)
        known = [one["name"] for one in routing.get("shadows", [])]
        if shadow not in known:
            raise DeskError(
                "routing.no_shadow", f"no shadow policy {shadow}", f"one of {', '.join(known)}"
            )
        item = {
            "i": 0,
            "proposal_id": str(uuid_utils.uuid7()),
            "org_id": org or _organization(conn),
            "kind": "promote_shadow",
            "subject": shadow,
            "payload": {"active": routing["name"], "reason": reason},
        }
        (answer,) = call(conn, "governance.open_proposals", [item])
        row = conn.execute(
            "select p.evidence from public.proposals p where p.proposal_id = %s",
            (answer["proposal_id"],),
        ).fetchone()
    evidence: dict[str, Any] = {} if row is None else row[0]
    if as_json:
        print_json({"proposal_id": answer["proposal_id"], "evidence": evidence})
        return
    out().print(f"proposal {answer['proposal_id']} waits for votes", soft_wrap=True)
    if not evidence.get("enough"):
        out().print(f"its {evidence.get('resolved', 0)} differences are not enough: it will fail")


@app.command()
def flag(
    name: Annotated[str, typer.Argument(help="strategy.ID, venue.ID, symbol.X, routing.shadow.X.")],
    state: Annotated[str, typer.Argument(help="on or off.")],
    note: Annotated[str | None, typer.Option(help="Why; it stays beside the flag.")] = None,
) -> None:
    """Switch off, or on again, what the router works with; what has no flag is on.

    Example: `desk routing flag symbol.XAUUSD off --note "the feed jumps"`.
    """
    from backend.db.gateway import call

    if not name.startswith(_FLAGS) or name in _FLAGS:
        raise DeskError("routing.flag", f"no flag {name}", f"begins with {', '.join(_FLAGS)}")
    if state not in ("on", "off"):
        raise DeskError("routing.flag", f"a flag is not {state}", "on or off")
    item = {"i": 0, "flag": name, "enabled": state == "on", "note": note}
    with session_as(load_settings(), "desk_operator") as conn:
        call(conn, "ops.set_flags", [item])
    out().print(f"{name} is {state}")


def _routing(conn: Any = None) -> dict[str, Any]:
    if conn is None:
        with session_as(load_settings(), "desk_operator") as own:
            return _routing(own)
    row = conn.execute("select risk.active_policy() #> '{body,routing}'").fetchone()
    if row is None or row[0] is None:
        raise DeskError("policy.none", "no policy pack is in force", "desk policy apply FILE")
    return row[0]


def _organization(conn: Any) -> str:
    row = conn.execute("select min(org_id) from public.organizations").fetchone()
    return "" if row is None else row[0]


def _told(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
