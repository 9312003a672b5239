"""desk halt and desk resume: stop a part of the desk at once; ask the voters to let it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

if TYPE_CHECKING:
    from psycopg import Connection

SCOPES = ("platform", "organization", "venue", "account", "strategy", "instrument")
WORKING = ("cancel", "leave")


def halt(
    scope: Annotated[str | None, typer.Argument(help=f"One of {', '.join(SCOPES)}.")] = None,
    scope_id: Annotated[str | None, typer.Argument(help="Which one; none for platform.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it goes on record.")] = None,
    working_orders: Annotated[
        str, typer.Option(help="What becomes of orders that work: cancel or leave.")
    ] = "leave",
    list_: Annotated[bool, typer.Option("--list", help="Show what stands halted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Halt a scope, in force before this command returns; lifting it takes a quorum.

    Orders that only reduce a position pass. Examples:

    `desk halt account paper-1 --reason "strange fills" --working-orders cancel`,

    `desk halt platform --reason "news"`, `desk halt --list --json`.
    """
    with session_as(load_settings(), "desk_operator") as conn:
        if list_:
            _show(_standing(conn), as_json)
            return
        answer = _halt(conn, scope, scope_id, reason, working_orders)
        if answer["orders_cancelled"]:
            conn.execute("select bus.wake('{execution}')")
    if as_json:
        print_json(answer)
        return
    state = "stood halted already" if answer["repeated"] else "is halted"
    out().print(f"{scope} {answer['scope_id']} {state}: {answer['halt_id']}", soft_wrap=True)
    if answer["orders_cancelled"]:
        count = answer["orders_cancelled"]
        out().print(f"orders denied unsent, or being withdrawn at their venues: {count}")
    out().print(f"to lift it: desk resume {answer['halt_id']} --reason …", soft_wrap=True)


def resume(
    halt_id: Annotated[str, typer.Argument(help="As `desk halt --list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why it may go on; the voters read it.")],
    org: Annotated[
        str | None, typer.Option(help="Whose people vote, where the halt covers several.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Propose to lift a halt, and show whose votes are missing; the last of them lifts it.

    Example: `desk resume 0199… --reason "the venue confirmed every fill"`.
    """
    from psycopg.rows import dict_row

    from backend.db.gateway import call

    with session_as(load_settings(), "desk_operator") as conn:
        standing = _find(conn, halt_id)
        item = {
            "i": 0,
            "proposal_id": str(_new_id()),
            "org_id": org or _organization(conn, standing),
            "kind": "lift_halt",
            "subject": str(standing["halt_id"]),
            "payload": {"scope": standing["scope"], "scope_id": standing["scope_id"],
                        "reason": reason},
            "evidence": {"cause": standing["cause"], "halted_for": standing["reason"]},
        }  # fmt: skip
        (answer,) = call(conn, "governance.open_proposals", [item])
        with conn.cursor(row_factory=dict_row) as cursor:
            pending = cursor.execute(
                "select proposal_id, org_id, waits_for, expires_at from treasury.pending_votes"
                " where proposal_id = %s",
                (answer["proposal_id"],),
            ).fetchone()
    if pending is None:
        raise DeskError("halt.lifting", "the proposal is decided already", "`desk halt --list`")
    if as_json:
        print_json(pending)
        return
    out().print(f"proposal {pending['proposal_id']} waits for:", soft_wrap=True)
    for voter in pending["waits_for"]:
        out().print(f"  {voter}")
    out().print("people vote in psql under their own login, before "
                f"{pending['expires_at']:%Y-%m-%d %H:%M} UTC:")  # fmt: skip
    out().print(
        "  update treasury.my_ballots set decision = 'approve', reason = '…'"
        f" where proposal_id = '{pending['proposal_id']}';",
        soft_wrap=True,
        markup=False,
    )


def _halt(
    conn: Connection[Any],
    scope: str | None,
    scope_id: str | None,
    reason: str | None,
    working_orders: str,
) -> dict[str, Any]:
    from backend.db.gateway import call

    if scope not in SCOPES:
        raise DeskError("halt.scope", f"no scope {scope or ''}", f"one of {', '.join(SCOPES)}")
    if (scope == "platform") != (scope_id is None):
        hint = "desk halt platform" if scope == "platform" else f"desk halt {scope} ID"
        raise DeskError("halt.scope_id", f"say which {scope} is meant", hint)
    if reason is None or not reason.strip():
        raise DeskError("halt.reason", "a halt needs a reason", "--reason …")
    if working_orders not in WORKING:
        raise DeskError("halt.working_orders", f"no way {working_orders}", "cancel or leave")
    item = {
        "i": 0,
        "halt_id": str(_new_id()),
        "scope": scope,
        "scope_id": scope_id or "*",
        "reason": reason,
        "cancel_working_orders": working_orders == "cancel",
    }
    (answer,) = call(conn, "governance.record_halts", [item])
    return {"scope": scope, "scope_id": item["scope_id"]} | {
        key: answer[key] for key in ("halt_id", "halted_at", "orders_cancelled", "repeated")
    }


def _standing(conn: Connection[Any]) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select g.halt_id, g.scope, g.scope_id, g.cause, g.reason, g.requested_by,"
            "       g.halted_at, case when g.cancel_working_orders then 'cancel' else 'leave' end"
            "         as working_orders,"
            "       (select count(distinct k.agent) from governance.halt_acknowledgements k"
            "         where k.halt_id = g.halt_id) as agents_acknowledged,"
            "       (select p.proposal_id from public.proposals p"
            "         where p.kind = 'lift_halt' and p.subject = g.halt_id::text"
            "           and p.state = 'open' and p.expires_at > clock_timestamp()) as lifting"
            "  from governance.halts g where g.lifted_at is null order by g.halted_at"
        ).fetchall()


def _show(halts: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(halts)
        return
    if not halts:
        out().print("nothing is halted")
        return
    rows = [
        (
            str(h["halt_id"]),
            f"{h['scope']} {h['scope_id']}",
            h["cause"],
            h["reason"],
            h["requested_by"],
            f"{h['halted_at']:%Y-%m-%d %H:%M:%S}",
            str(h["agents_acknowledged"]),
            "proposed" if h["lifting"] else "",
        )
        for h in halts
    ]
    columns = ("halt", "of", "cause", "reason", "by", "since (UTC)", "agents", "lifting")
    print_table("", columns, rows)


def _find(conn: Connection[Any], halt_id: str) -> dict[str, Any]:
    found = [h for h in _standing(conn) if str(h["halt_id"]).startswith(halt_id)]
    if len(found) != 1:
        what = "no standing halt begins" if not found else f"{len(found)} halts begin"
        raise DeskError("halt.unknown", f"{what} with {halt_id}", "`desk halt --list`")
    return found[0]


def _organization(conn: Connection[Any], standing: dict[str, Any]) -> str:
    """Name the organisation whose people answer for the halted scope."""
    rows = conn.execute(
        "select org_id from public.accounts where %(scope)s = 'account' and account_id = %(id)s"
        " union select org_id from public.strategies"
        "  where %(scope)s = 'strategy' and strategy_id = %(id)s"
        " union select org_id from public.organizations"
        "  where %(scope)s = 'organization' and org_id = %(id)s"
        "     or %(scope)s in ('platform', 'venue', 'instrument')",
        {"scope": standing["scope"], "id": standing["scope_id"]},
    ).fetchall()
    if len(rows) != 1:
        raise DeskError(
            "halt.org", f"{len(rows)} organisations are concerned", "--org says whose people vote"
        )
    return rows[0][0]


def _new_id() -> UUID:
    import uuid_utils

    return UUID(bytes=uuid_utils.uuid7().bytes)
