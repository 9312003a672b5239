"""desk order: look at orders, ask the venue for other terms, cancel."""

from __future__ import annotations

from datetime import datetime
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

app = typer.Typer(add_completion=False, no_args_is_help=True)

Which = Annotated[str, typer.Argument(help="The order's id, or how it begins.")]
Why = Annotated[str, typer.Option(help="Why; it goes on record.")]
NONE = "none"

_LISTED = """
select o.order_id, o.account_id, o.strategy_id, o.symbol, o.side, o.order_type, o.quantity,
       o.filled_quantity, o.limit_price, o.stop_price, o.status, o.updated_at
  from public.orders o
 where (%(status)s::text is null or o.status = %(status)s)
   and (%(account)s::text is null or o.account_id = %(account)s)
   and (not %(working)s or o.status in ('initialized', 'submitted', 'accepted', 'triggered',
                                        'partially_filled', 'unknown', 'pending_update',
                                        'pending_cancel'))
 order by o.created_at desc limit %(limit)s
"""
_ORDER = """
select o.*, (select coalesce(jsonb_agg(jsonb_build_object(
               'at', e.occurred_at, 'from', e.from_status, 'to', e.to_status, 'code', e.code,
               'message', e.message, 'by', e.recorded_by) order by e.occurred_at), '[]')
               from public.order_events e where e.order_id = o.order_id) as steps,
       (select coalesce(jsonb_agg(jsonb_build_object(
          'venue_trade_id', f.venue_trade_id, 'quantity', f.quantity::text,
          'price', f.price::text, 'realized_pnl', f.realized_pnl::text,
          'commission', f.commission::text, 'filled_at', f.filled_at) order by f.filled_at), '[]')
          from public.fills f where f.order_id = o.order_id) as fills,
       (select coalesce(jsonb_agg(jsonb_build_object(
          'change_id', c.change_id, 'kind', c.kind, 'state', c.state, 'wanted', c.wanted,
          'reason', c.reason, 'requested_by', c.requested_by, 'code', c.code,
          'message', c.message) order by c.requested_at), '[]')
          from execution.order_changes c where c.order_id = o.order_id) as changes
  from public.orders o where o.order_id = %s
"""


@app.command("list")
def list_orders(
    status: Annotated[str | None, typer.Option(help="Such as `accepted`.")] = None,
    account: Annotated[str | None, typer.Option(help="Of one account.")] = None,
    working: Annotated[bool, typer.Option(help="Only what has not ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List orders, newest first.

    Examples: `desk order list --working`, `desk order list --status filled --json`.
    """
    words = {"status": status, "account": account, "working": working, "limit": limit}
    with session_as(load_settings(), "desk_operator") as conn:
        found = _rows(conn, _LISTED, words)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            str(o["order_id"]),
            o["account_id"],
            f"{o['side']} {o['quantity']} {o['symbol']}",
            o["order_type"],
            str(o["limit_price"] or o["stop_price"] or ""),
            str(o["filled_quantity"]),
            o["status"],
        )
        for o in found
    ]
    print_table("", ("order", "account", "what", "type", "price", "filled", "status"), rows)


@app.command()
def show(order: Which, as_json: AsJson = False) -> None:
    """Show an order with its steps, fills and changes."""
    with session_as(load_settings(), "desk_operator") as conn:
        (found,) = _rows(conn, _ORDER, (_id_of(conn, order),))
    if as_json:
        print_json(found)
        return
    price = found["limit_price"] or found["stop_price"] or "the market"
    out().print(
        f"{found['side']} {found['quantity']} {found['symbol']} at {price}, {found['status']}:"
        f" {found['filled_quantity']} filled at {found['average_price'] or '-'}"
    )
    for step in found["steps"]:
        what = " ".join(filter(None, (step["code"], step["message"])))
        out().print(f"  {step['at']}  {step['to']:16} {what} ({step['by']})", soft_wrap=True)
    for change in found["changes"]:
        out().print(f"  {change['kind']} {change['wanted']}: {change['state']}", soft_wrap=True)


@app.command()
def cancel(order: Which, reason: Why, as_json: AsJson = False) -> None:
    """Cancel an order: at once if it was not sent, else at its venue. Passes every halt."""
    from backend.db.gateway import call

    with session_as(load_settings(), "desk_operator") as conn:
        item = {"i": 0, "order_id": str(_id_of(conn, order)), "reason": reason}
        (answer,) = call(conn, "execution.cancel_orders", [item])
        conn.execute("select bus.wake('{execution}')")
    _tell(answer, as_json)


@app.command()
def modify(
    order: Which,
    reason: Why,
    quantity: Annotated[str | None, typer.Option(help="Lots in all, filled ones included.")] = None,
    limit_price: Annotated[str | None, typer.Option()] = None,
    stop_price: Annotated[str | None, typer.Option(help="What triggers a stop.")] = None,
    trail_distance: Annotated[str | None, typer.Option()] = None,
    stop_loss: Annotated[str | None, typer.Option(help="`none` takes it away.")] = None,
    take_profit: Annotated[str | None, typer.Option(help="`none` takes it away.")] = None,
    good_till: Annotated[datetime | None, typer.Option(help="UTC.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the venue for other terms of a working order, or other stops of what an order opened.

    More at stake (lots, price, a wider stop or none) is authorised afresh, or refused. Of an
    order that is over, stop loss and take profit of its position can be changed.
    Example: `desk order modify 0199ab --limit-price 1.0980 --reason "the level moved"`.
    """
    from backend.db.gateway import call

    told = {
        "quantity": quantity,
        "limit_price": limit_price,
        "stop_price": stop_price,
        "trail_distance": trail_distance,
        "stop_loss": stop_loss,
        "take_profit": take_profit,
        "good_till": None if good_till is None else f"{good_till.isoformat()}Z",
    }
    wanted = {k: None if v == NONE else v for k, v in told.items() if v is not None}
    if not wanted:
        raise DeskError("order.terms", "say what is to be different", "`desk order modify --help`")
    with session_as(load_settings(), "desk_operator") as conn:
        item = {"order_id": str(_id_of(conn, order)), "wanted": wanted, "reason": reason}
        (answer,) = call(conn, "execution.modify_orders", [{"i": 0, **item}])
        conn.execute("select bus.wake('{execution}')")
    _tell(answer, as_json)


def _tell(answer: dict[str, Any], as_json: bool) -> None:
    from backend.contracts.denials import Code

    code = Code.of_number(answer.get("code"))
    if code is not None:
        raise DeskError(code.value, f"the desk says no: {code.meaning}")
    if as_json:
        print_json(answer)
        return
    asked = (
        ""
        if answer["status"].startswith("pending") or not answer.get("state")
        else ("; its venue is asked for other stops")
    )
    out().print(f"{answer['order_id']} is {answer['status']}{asked}", soft_wrap=True)


def _id_of(conn: Connection[Any], begins: str) -> UUID:
    rows = conn.execute(
        "select o.order_id from public.orders o where o.order_id::text like %s || '%%' limit 2",
        (begins.lower(),),
    ).fetchall()
    if len(rows) != 1:
        what = "no order begins" if not rows else "several orders begin"
        raise DeskError("order.unknown", f"{what} with {begins}", "`desk order list`")
    return rows[0][0]


def _rows(conn: Connection[Any], query: str, arguments: Any) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), arguments).fetchall()
