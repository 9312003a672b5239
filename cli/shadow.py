"""desk shadow: strategies' twins that run beside production and never send."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)


_LIST = """
select s.strategy_id, s.shadow_of, s.account_id, s.state, a.state as account_state, a.venue_id,
       a.currency, z.equity::text, coalesce(t.alerts, 0) as alerts,
       coalesce(t.traded, 0) as traded
  from public.strategies s
  join public.accounts a on a.account_id = s.account_id
  left join risk.account_state z on z.account_id = s.account_id
  left join execution.twin_report t on t.shadow_strategy_id = s.strategy_id
 where s.shadow_of is not null
 order by s.strategy_id
"""
_DIFFERENCES = """
select c.correlation_id::text, c.shadow_correlation_id::text, c.started_at::text, c.symbol,
       c.side, c.verdict, c.production_outcome, c.production_code, c.shadow_outcome,
       c.shadow_code, c.production_quantity::text, c.shadow_quantity::text,
       c.production_price::text, c.shadow_price::text, c.slippage_difference_bps::text
  from public.shadow_comparisons c
 where c.shadow_account_id = %s
 order by c.started_at desc limit %s
"""


@app.command()
def add(
    strategy: Annotated[str, typer.Argument(help="Beside which strategy it runs.")],
    twin: Annotated[str | None, typer.Option(help="The twin's name; STRATEGY-shadow.")] = None,
    account: Annotated[str | None, typer.Option(help="The account of its own.")] = None,
    balance: Annotated[str | None, typer.Option(help="What it begins with; as its model.")] = None,
    slippage_bps: Annotated[str, typer.Option(help="Slips by this beyond the spread.")] = "0",
    commission_per_lot: Annotated[str, typer.Option(help="Paid per lot traded.")] = "0",
    as_json: AsJson = False,
) -> None:
    """Let a strategy run in the shadow beside itself, with an account and budgets of its own.

    Example: `desk shadow add tv-smc --slippage-bps 0.3 --commission-per-lot 3.5`.
    """
    from backend.db.gateway import call

    item: dict[str, Any] = {
        "i": 0,
        "strategy_id": strategy,
        "terms": {
            "slippage_bps": _number(slippage_bps, "slippage-bps"),
            "commission_per_lot": _number(commission_per_lot, "commission-per-lot"),
        },
    }
    optional = {"twin_id": twin, "account_id": account}
    if balance is not None:
        optional["starting_balance"] = _number(balance, "balance")
    item |= {name: value for name, value in optional.items() if value is not None}
    with session_as(load_settings(), "desk_operator") as conn:
        (answer,) = call(conn, "execution.add_shadows", [item])
    if as_json:
        print_json(answer)
        return
    out().print(
        f"{answer['shadow_strategy_id']} runs in the shadow of {strategy}, in account "
        f"{answer['shadow_account_id']}; the pack in force must allow mode shadow",
        soft_wrap=True,
    )


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show what runs in the shadow. Example: `desk shadow list`."""
    from psycopg.rows import dict_row

    with session_as(load_settings(), "desk_operator") as conn:
        found = conn.cursor(row_factory=dict_row).execute(_LIST).fetchall()
    if as_json:
        print_json(found)
        return
    columns = ("twin", "of", "account", "state", "equity", "alerts", "traded")
    names = ("strategy_id", "shadow_of", "account_id", "state", "equity", "alerts", "traded")
    print_table("", columns, [tuple(str(row[name]) for name in names) for row in found])


@app.command()
def compare(
    account: Annotated[str, typer.Argument(help="An account in the shadow.")],
    limit: Annotated[int, typer.Option(min=0, max=1000, help="Newest alerts to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Say how a twin decides and slips beside production, with confidence intervals.

    The same figures are the evidence of a proposal that the account goes live.
    Example: `desk shadow compare shadow-paper-1 --json`.
    """
    from psycopg.rows import dict_row

    from backend.db.gateway import call

    with session_as(load_settings(), "desk_operator") as conn:
        call(conn, "execution.compare_shadows", [{"i": 0}])
        row = conn.execute(
            "select execution.twin_evidence(a.account_id, a.org_id) from public.accounts a"
            " where a.account_id = %s",
            (account,),
        ).fetchone()
        cursor = conn.cursor(row_factory=dict_row)
        alerts = cursor.execute(_DIFFERENCES, (account, limit)).fetchall()
    if row is None or row[0] is None:
        raise DeskError("shadow.account", f"no account {account} in the shadow", "desk shadow list")
    told: dict[str, Any] = row[0]
    if as_json:
        print_json({**told, "latest": alerts})
        return
    counts = ("compared", "agree", "size", "takes", "leaves", "reasons", "traded", "needed")
    out().print(", ".join(f"{name} {told[name]}" for name in counts), soft_wrap=True)
    measures = [
        (one["name"], str(one["n"]), one["mean"], f"{one['low']} to {one['high']}")
        for one in told["measures"]
    ]
    print_table("", ("measure", "n", "mean", "95 % by default"), measures)
    columns = ("alert", "what", "verdict", "production", "shadow", "bps")
    rows = [
        (
            one["correlation_id"],
            f"{one['side']} {one['symbol']}",
            one["verdict"],
            " ".join(filter(None, (one["production_outcome"], one["production_code"]))),
            " ".join(filter(None, (one["shadow_outcome"], one["shadow_code"]))),
            one["slippage_difference_bps"] or "",
        )
        for one in alerts
    ]
    print_table("", columns, rows)


def _number(text: str, what: str) -> str:
    try:
        number = json.loads(text)
    except ValueError:
        number = None
    if not isinstance(number, int | float) or isinstance(number, bool) or number < 0:
        raise DeskError("shadow.number", f"--{what} is no number: {text}", "0 or more")
    return text
