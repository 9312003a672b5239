"""desk report: the books by day, what is at stake, and whether positions are what fills make."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

if TYPE_CHECKING:
    from psycopg import Connection

app = typer.Typer(add_completion=False, no_args_is_help=True)

EXIT_DIFFERS = 1

_STATEMENTS = """
select s.account_id, s.day, s.currency, s.opening, s.movements, s.closing, s.unrealized, s.equity,
       s.venue_balance, s.venue_as_of, s.difference, s.positions, s.currencies, s.base_currency,
       s.base_rate, s.state, s.generated_at
  from ledger.statements s
 where s.day = coalesce(%(day)s, (select max(x.day) from ledger.statements x))
   and (%(account)s::text is null or s.account_id = %(account)s)
 order by s.account_id
"""
_VIEWS = {
    "account": ("ledger.account_exposures", ("account_id", "currency")),
    "symbol": ("ledger.symbol_exposures", ("org_id", "symbol", "currency")),
    "currency": ("ledger.currency_exposures", ("account_id", "currency")),
    "strategy": ("ledger.strategy_exposures", ("strategy_id", "account_id", "symbol")),
    "organization": ("ledger.organization_exposures", ("org_id", "currency")),
    "cover": ("ledger.cover_exposures", ("account_id", "symbol")),
}


@app.command()
def daily(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="UTC; the last closed by default.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="Only one account.")] = None,
    close: Annotated[
        bool, typer.Option(help="Close the day first, if the nightly job has not yet.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show each account's statement of a day; ends with status 1 if a venue disagrees.

    Examples: `desk report daily`, `desk report daily --day 2026-11-20 --close --json`.
    """
    if close and day is None:
        raise DeskError("report.day", "say which day is to be closed", "--day 2026-11-20")
    wanted = None if day is None else day.replace(tzinfo=UTC).date()
    with session_as(load_settings(), "desk_operator") as conn:
        if close:
            conn.execute("select ledger.close_day(%s)", (wanted,))
        found = _rows(conn, _STATEMENTS, {"day": wanted, "account": account})
    if not found:
        raise DeskError("report.none", "no statement of that day", "--close, or wait for the night")
    differs = any(s["state"] == "differs" or s["positions"] for s in found)
    if as_json:
        print_json({"statements": found, "agreed": not differs})
    else:
        _show(found)
    if differs:
        raise typer.Exit(EXIT_DIFFERS)


@app.command()
def exposure(
    by: Annotated[str, typer.Option(help=f"One of {', '.join(_VIEWS)}.")] = "account",
    as_json: AsJson = False,
) -> None:
    """Show what is at stake now, by account, symbol, currency, strategy or organization.

    `--by cover` shows which residuals are to be covered, and which stand uncovered.
    """
    if by not in _VIEWS:
        raise DeskError("report.by", f"no exposure by {by}", f"one of {', '.join(_VIEWS)}")
    view, keys = _VIEWS[by]
    order = ", ".join(str(number + 1) for number in range(len(keys)))
    with session_as(load_settings(), "desk_operator") as conn:
        found = _rows(conn, f"select * from {view} order by {order}", None)
    if as_json:
        print_json(found)
        return
    columns = tuple(found[0]) if found else keys
    print_table("", columns, [tuple("" if v is None else str(v) for v in r.values())
                              for r in found])  # fmt: skip


@app.command()
def positions(
    account: Annotated[str | None, typer.Argument(help="Or all of them.")] = None,
    rebuild: Annotated[bool, typer.Option(help="Correct what differs; needs a reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why; it goes on record.")] = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild positions from their fills and name those that differ (then status 1)."""
    if rebuild and (account is None or not reason):
        raise DeskError("report.rebuild", "say which account, and why", "paper-1 --reason …")
    statement, words = "select ledger.compare_positions(%s)", (account,)
    if rebuild:
        statement, words = "select ledger.rebuild_positions(%s, %s)", (account, reason)
    with session_as(load_settings(), "desk_operator") as conn:
        row = conn.execute(statement.encode(), words).fetchone()
    found = [] if row is None else row[0]
    if as_json:
        print_json(found)
    elif not found:
        out().print("every position is what its fills make it")
    else:
        rows = [
            (f"{d['account_id']} {d['symbol']}", str(d["held"]), str(d["rebuilt"])) for d in found
        ]
        print_table("", ("position", "held", "rebuilt from fills"), rows)
    if found and not rebuild:
        raise typer.Exit(EXIT_DIFFERS)


def _show(found: list[dict[str, Any]]) -> None:
    out().print(f"{found[0]['day']} (UTC)")
    rows = [
        (
            s["account_id"],
            f"{s['opening']:.2f}",
            ", ".join(f"{book} {Decimal(amount):+.2f}" for book, amount in s["movements"].items()),
            f"{s['closing']:.2f} {s['currency']}",
            "" if s["equity"] is None else f"{s['equity']:.2f}",
            "" if s["venue_balance"] is None else f"{s['venue_balance']:.2f}",
            s["state"] + (f" by {s['difference']}" if s["state"] == "differs" else ""),
        )
        for s in found
    ]
    columns = ("account", "opening", "moved by", "closing", "equity", "venue", "")
    print_table("", columns, rows)
    for statement in found:
        for position in statement["positions"]:
            out().print(f"  {position['account_id']} {position['symbol']} is not what its fills"
                        f" make: {position['held']} instead of {position['rebuilt']}")  # fmt: skip


def _rows(conn: Connection[Any], query: str, arguments: Any) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), arguments).fetchall()
