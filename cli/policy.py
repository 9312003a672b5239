"""desk policy: check a pack, apply it, show the one in force."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Pack = Annotated[Path, typer.Argument(help="A pack's TOML file.", show_default=False)]


@app.command()
def check(file: Pack, as_json: AsJson = False) -> None:
    """Validate a pack and print its hash; nothing is changed.

    Example: `desk policy check policies/default.toml`.
    """
    from backend.policies import load_pack

    pack = load_pack(file)
    if as_json:
        print_json({"name": pack.name, "version": pack.version, "policy_hash": pack.policy_hash})
        return
    out().print(f"{pack.name} {pack.version}: valid, {len(pack.rows())} limits")
    out().print(pack.policy_hash)


@app.command()
def apply(file: Pack) -> None:
    """Make a pack the one in force.

    Beside a live account this needs a passed proposal, and packs for paper are refused.
    Example: `desk policy apply policies/default.toml`.
    """
    import psycopg

    from backend.contracts.denials import Code
    from backend.policies import apply_pack, load_pack

    pack = load_pack(file)
    with session_as(load_settings(), "desk_operator") as conn:
        try:
            changed = apply_pack(conn, pack, applied_by="desk policy apply")
        except psycopg.Error as error:
            if error.sqlstate not in Code:
                raise
            code = Code(error.sqlstate)
            raise DeskError(
                "policy.refused", f"{code} {code.name}: {code.meaning}", "nothing was changed"
            ) from error
    state = "in force now" if changed else "was in force already"
    out().print(f"{pack.name} {pack.version} {state}: {pack.policy_hash}")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the pack in force and its limits.

    Example: `desk policy show --json`.
    """
    with session_as(load_settings(), "desk_operator") as conn:
        row = conn.execute("select risk.active_policy()").fetchone()
    active: dict[str, Any] | None = None if row is None else row[0]
    if active is None:
        raise DeskError("policy.none", "no policy pack is in force", "desk policy apply FILE")
    if as_json:
        print_json(active)
        return
    out().print(f"[bold]{active['name']} {active['version']}[/] {active['policy_hash']}")
    out().print(f"applied {active['applied_at']} by {active['applied_by']}")
    from backend.policies import parse_pack

    rows = [
        (limit["kind"], limit["scope"], limit["scope_id"], limit["value"], limit["unit"])
        for limit in parse_pack(active["body"], "the active pack").rows()
    ]
    print_table("", ("limit", "scope", "of", "value", "unit"), sorted(rows))
