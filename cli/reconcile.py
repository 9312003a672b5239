"""desk reconcile: compare an account's books with its venue, and say what a person has to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

if TYPE_CHECKING:
    from psycopg import Connection

EXIT_UNEXPLAINED = 1
_POLL_S = 0.2
_LATEST = """
select r.reconciliation_id, r.account_id, r.state, r.cause, r.asked_at, r.surveyed_at,
       r.finished_at, r.summary, r.findings, r.counts, r.venue_balance, r.our_balance,
       r.halt_id, g.lifted_at is null and r.halt_id is not null as halted
  from execution.reconciliations r
  left join governance.halts g on g.halt_id = r.halt_id
 where r.account_id = %s and r.state <> 'asked' and (%s::uuid is null or r.reconciliation_id = %s)
 order by r.asked_at desc limit 1
"""


def reconcile(
    account: Annotated[str, typer.Option("--account", help="Which account.")],
    last: Annotated[
        bool, typer.Option("--last", help="Show the last comparison; ask for none.")
    ] = False,
    wait_s: Annotated[
        float, typer.Option("--wait", help="Seconds to wait for the account's bridge.")
    ] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Have an account's bridge compare books and venue now, and show what it found.

    Ends with 1 where something cannot be explained: the account stands halted then, and lifting
    the halt (`desk resume`) accepts what the report says. Examples:

    `desk reconcile --account paper-1`, `desk reconcile --account paper-1 --last --json`.
    """
    with session_as(load_settings(), "desk_operator") as conn:
        found = _latest(conn, account, None) if last else _compared(conn, account, wait_s)
    if as_json:
        print_json(found)
    else:
        _show(found)
    if found["state"] == "unexplained":
        raise typer.Exit(EXIT_UNEXPLAINED)


def _compared(conn: Connection[Any], account: str, wait_s: float) -> dict[str, Any]:
    """Ask, and wait for the answer; what is unsettled is looked at again until it settles."""
    from backend.db.gateway import call

    deadline = time.monotonic() + wait_s
    while True:
        asked = call(conn, "execution.ask_reconciliations", [{"i": 0, "account_id": account}])
        if not asked:
            raise DeskError("reconcile.account", f"no account {account}", "`desk status`")
        conn.execute("select bus.wake('{execution}')")
        found = _wait(conn, account, asked[0]["reconciliation_id"], deadline)
        if found["state"] != "unsettled" or time.monotonic() > deadline:
            return found


def _wait(
    conn: Connection[Any], account: str, reconciliation_id: str, deadline: float
) -> dict[str, Any]:
    while True:
        found = _row(conn, account, reconciliation_id)
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise DeskError(
                "reconcile.no_bridge",
                f"no bridge has compared {account} yet",
                "start one with `desk work --agents execution`, or wait longer with --wait",
            )
        time.sleep(_POLL_S)


def _latest(conn: Connection[Any], account: str, reconciliation_id: str | None) -> dict[str, Any]:
    found = _row(conn, account, reconciliation_id)
    if found is None:
        raise DeskError(
            "reconcile.never",
            f"{account} was never compared",
            f"desk reconcile --account {account}",
        )
    return found


def _row(
    conn: Connection[Any], account: str, reconciliation_id: str | None
) -> dict[str, Any] | None:
    from psycopg.rows import dict_row

    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            _LATEST.encode(), (account, reconciliation_id, reconciliation_id)
        ).fetchone()


def _show(found: dict[str, Any]) -> None:
    at = found["surveyed_at"] or found["finished_at"]
    out().print(f"{found['state']} at {at:%Y-%m-%d %H:%M:%S} UTC: {found['summary']}")
    if found["venue_balance"] is not None:
        out().print(f"balance: ours {found['our_balance']}, the venue's {found['venue_balance']}")
    if found["findings"]:
        rows = [
            (f["kind"], f["subject"], f["ours"], f["theirs"], f["done"], f["todo"])
            for f in found["findings"]
        ]
        print_table("", ("what", "of", "ours", "theirs", "done", "to do"), rows)
    if found["halted"]:
        out().print(
            f"the account is halted; once the list is worked off: desk resume {found['halt_id']}"
            " --reason …",
            soft_wrap=True,
        )
