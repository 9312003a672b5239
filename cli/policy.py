"""desk policy: check a pack, compare it, apply it; show the one in force and those before."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)

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
def apply(file: Pack, as_json: AsJson = False) -> None:
    """Ask for a pack: a tighter one is in force at once, a looser one waits for votes.

    Repeat it, once the votes are in. Packs for paper are refused beside a live account.
    Example: `desk policy apply policies/default.toml`.
    """
    from backend.policies import load_pack, request_pack

    pack = load_pack(file)
    with session_as(load_settings(), "desk_operator") as conn:
        answer = request_pack(conn, pack, applied_by="desk policy apply")
    if as_json:
        print_json({"policy_hash": pack.policy_hash, **asdict(answer)})
        return
    _print_differences(answer.differences)
    if answer.proposal_id is not None:
        out().print(f"it loosens: proposal {answer.proposal_id} waits for votes, nothing changed")
        return
    state = "in force now" if answer.changed else "was in force already"
    out().print(f"{pack.name} {pack.version} {state}: {pack.policy_hash}")


@app.command()
def diff(file: Pack, as_json: AsJson = False) -> None:
    """Show in what a pack differs from the one in force, and what of it loosens.

    Example: `desk policy diff policies/default.toml`.
    """
    from backend.policies import load_pack

    pack = load_pack(file)
    with session_as(load_settings(), "desk_operator") as conn:
        row = conn.execute(
            "select coalesce(jsonb_agg(to_jsonb(c)), '[]')"
            "  from risk.compare_policies((select p.body from risk.policies p where p.active),"
            "  %s::jsonb) c",
            (pack.canonical,),
        ).fetchone()
    differences: list[dict[str, Any]] = [] if row is None else row[0]
    if as_json:
        print_json(differences)
        return
    _print_differences(differences)
    loosens = sum(d["effect"] == "loosens" for d in differences)
    out().print(f"{len(differences)} differences, {loosens} need votes")


@app.command()
def history(as_json: AsJson = False) -> None:
    """Show which pack followed which, on whose word and by which votes.

    Example: `desk policy history`.
    """
    with session_as(load_settings(), "desk_operator") as conn:
        row = conn.execute(
            "select coalesce(jsonb_agg(to_jsonb(c) || jsonb_build_object("
            "   'name', p.name, 'version', p.version) order by c.changed_at), '[]')"
            "  from risk.policy_changes c"
            "  join risk.policies p on p.policy_hash = c.after_hash"
        ).fetchone()
    changes: list[dict[str, Any]] = [] if row is None else row[0]
    if as_json:
        print_json(changes)
        return
    rows = [
        (
            change["changed_at"][:19],
            f"{change['name']} {change['version']}",
            change["after_hash"][:12],
            change["effect"],
            str(len(change["differences"])),
            change["changed_by"],
            change["proposal_id"] or "",
        )
        for change in changes
    ]
    print_table("", ("at", "pack", "hash", "effect", "numbers", "by", "proposal"), rows)


def _print_differences(differences: list[dict[str, Any]]) -> None:
    def told(value: Any) -> str:
        return "" if value is None else str(value)

    if differences:
        rows = [(d["path"], told(d["before"]), told(d["after"]), d["effect"]) for d in differences]
        print_table("", ("number", "before", "after", "effect"), rows)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the pack in force and its limits.

    Example: `desk policy show --json`.
    """
    with session_as(load_settings(), "desk_operator") as conn:
        row = conn.execute("select risk.active_policy()").fetchone()
        limits = conn.execute(
            "select l.kind, l.scope, l.scope_id, l.value, l.unit from risk.limits l"
            " join risk.policies p on p.policy_hash = l.policy_hash and p.active order by 1, 2, 3"
        ).fetchall()
    active: dict[str, Any] | None = None if row is None else row[0]
    if active is None:
        raise DeskError("policy.none", "no policy pack is in force", "desk policy apply FILE")
    if as_json:
        print_json(active)
        return
    out().print(f"[bold]{active['name']} {active['version']}[/] {active['policy_hash']}")
    out().print(f"applied {active['applied_at']} by {active['applied_by']}")
    rows = [tuple(map(str, limit)) for limit in limits]
    print_table("", ("limit", "scope", "of", "value", "unit"), rows)
