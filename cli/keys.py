"""desk keys: the agents' signing keys, rotated and revoked."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import err, print_json, print_table
from cli.options import AsJson
from cli.sessions import owner_session

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command("list")
def list_keys(
    as_json: AsJson = False,
) -> None:
    """List registered public keys.

    Examples: `desk keys list`, `desk keys list --json`.
    """
    with owner_session(load_settings()) as conn:
        keys = conn.execute(
            "select k.key_id, k.agent, k.valid_from, k.revoked_at, k.revoked_reason"
            " from bus.agent_keys k order by k.agent, k.valid_from"
        ).fetchall()
    if as_json:
        names = ("key_id", "agent", "valid_from", "revoked_at", "revoked_reason")
        print_json([dict(zip(names, key, strict=True)) for key in keys])
        return
    rows = [
        (key_id, agent, f"{since:%Y-%m-%d %H:%M}", f"revoked: {reason}" if revoked else "good")
        for key_id, agent, since, revoked, reason in keys
    ]
    print_table("", ("key", "agent", "since (UTC)", ""), rows)


@app.command()
def rotate(agent: Annotated[str, typer.Argument(help="Whose key to replace.")]) -> None:
    """Replace an agent's key; the old one stays good for what it signed until revoked.

    Restart the workers that host the agent afterwards. Example: `desk keys rotate risk`.
    """
    from backend.keys import rotate_key
    from backend.ports import SystemClock
    from workers.agent import AGENTS

    if agent not in AGENTS:
        raise DeskError("keys.agent", f"no agent {agent}", "`desk agents list` names them")
    settings = load_settings()
    with owner_session(settings) as conn:
        key = rotate_key(settings.keys, agent)
        conn.execute(
            "select bus.register_key(%s, %s, %s, %s)",
            (agent, key.key_id, key.public_bytes, SystemClock().now()),
        )
    err().print(f"{agent} signs with {key.key_id} once its workers have restarted")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `desk keys list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why; it goes on record.")],
) -> None:
    """Revoke a key: nothing that it signed is acted upon from now on.

    Example: `desk keys revoke 3f9a… --reason "laptop lost"`.
    """
    with owner_session(load_settings()) as conn:
        row = conn.execute("select bus.revoke_key(%s, %s)", (key_id, reason)).fetchone()
    if row is None or not row[0]:
        raise DeskError("keys.unknown", f"no good key {key_id}", "`desk keys list`")
    err().print("revoked")
