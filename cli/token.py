"""desk token: bearer tokens for people who use the API without Supabase."""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from backend.supabase.roles import DESK_TOKEN_PREFIX, ROLES
from cli.console import err, print_json, print_table
from cli.options import AsJson
from cli.sessions import owner_session

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command()
def create(
    person: Annotated[str, typer.Argument(help="Whose token it is.")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(sorted(ROLES))}.")] = "auditor",
    org: Annotated[str, typer.Option(help="The organisation that the person may see.")] = "demo",
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it is good.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it once; only its hash is kept.

    Examples: `desk token create maria --role auditor --org demo`,
    `TOKEN=$(desk token create grafana --days 366)`.
    """
    if role not in ROLES:
        raise DeskError("token.role", f"no role {role}", f"one of {', '.join(sorted(ROLES))}")
    token = DESK_TOKEN_PREFIX + secrets.token_urlsafe(32)
    with owner_session(load_settings()) as conn:
        known = conn.execute(
            "select 1 from public.organizations o where o.org_id = %s", (org,)
        ).fetchone()
        if known is None:
            raise DeskError("token.org", f"no organisation {org}", "see public.organizations")
        row = conn.execute(
            "insert into ops.api_tokens (token_id, token_sha256, person, role_name, org_id,"
            " created_at, expires_at) values (bus.uuid7(), %s, %s, %s, %s, clock_timestamp(),"
            " clock_timestamp() + %s * interval '1 day') returning token_id, expires_at",
            (hashlib.sha256(token.encode()).digest(), person, role, org, days),
        ).fetchone()
    assert row is not None
    if as_json:
        print_json({"token": token, "token_id": row[0], "expires_at": row[1]})
        return
    err().print("keep it safe, it is not shown again:")
    print(token)


@app.command("list")
def list_tokens(
    as_json: AsJson = False,
) -> None:
    """List tokens, without what would let anyone use them.

    Examples: `desk token list`, `desk token list --json`.
    """
    with owner_session(load_settings()) as conn:
        tokens = conn.execute(
            "select t.token_id, t.person, t.role_name, t.org_id, t.expires_at, t.revoked_at"
            " from ops.api_tokens t order by t.created_at"
        ).fetchall()
    if as_json:
        names = ("token_id", "person", "role", "org_id", "expires_at", "revoked_at")
        print_json([dict(zip(names, token, strict=True)) for token in tokens])
        return
    rows = [
        (str(i), person, role, org, f"{expires:%Y-%m-%d}", "revoked" if revoked else "")
        for i, person, role, org, expires, revoked in tokens
    ]
    print_table("", ("id", "person", "role", "organisation", "good until", ""), rows)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="As `desk token list` shows it.")],
) -> None:
    """Revoke a token by its id; the next request with it is refused.

    Example: `desk token revoke 0199…`.
    """
    with owner_session(load_settings()) as conn:
        done = conn.execute(
            "update ops.api_tokens t set revoked_at = clock_timestamp()"
            " where t.token_id::text = %s and t.revoked_at is null",
            (token_id,),
        ).rowcount
    if done != 1:
        raise DeskError("token.unknown", "no such token is good now", "`desk token list`")
    err().print("revoked")
