"""desk source: who may send alerts, by tokens that rotate and can be revoked."""

from __future__ import annotations

import getpass
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated, Any

import psycopg
import typer

from backend.db import sources
from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import err, out, print_json, print_table
from cli.options import AsJson
from cli.sessions import owner_session

app = typer.Typer(add_completion=False, no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The source's name.")]
Rate = Annotated[int | None, typer.Option(min=1, help="Alerts a minute; more are answered 429.")]
Age = Annotated[int | None, typer.Option(min=1, help="Seconds; older alerts go to review.")]
Allow = Annotated[
    list[str] | None, typer.Option(help="Address or network that may post; may be repeated.")
]
TradingView = Annotated[
    bool, typer.Option("--tradingview", help="Allow TradingView's four addresses.")
]


@app.callback()
def source() -> None:
    """Manage who may send alerts."""


@app.command()
def add(
    name: Name,
    strategy: Annotated[str, typer.Option(help="The strategy that its alerts feed.")] = "tv-smc",
    rate: Rate = 600,
    max_age: Age = 300,
    allow: Allow = None,
    tradingview: TradingView = False,
    secret: Annotated[
        bool, typer.Option("--secret", help="Demand a secret in the body as well.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a source and print its webhook's address once; only hashes are kept.

    Examples: `desk source add tv-eurusd --strategy tv-smc --tradingview`,
    `desk source add script --secret --rate 60 --max-age 30 --json`.
    """
    token, made_secret = sources.new_token(), sources.new_secret() if secret else None
    made = sources.NewSource(
        source_id=name,
        strategy_id=strategy,
        rate_per_minute=rate or 600,
        max_age_ms=(max_age or 300) * 1000,
        allowed_addresses=_addresses(allow, tradingview),
        secret=made_secret,
    )
    try:
        with owner_session(load_settings()) as conn:
            if not sources.register(conn, made):
                raise DeskError("source.strategy", f"no strategy {strategy}", "public.strategies")
            sources.add_token(conn, name, token)
    except psycopg.errors.UniqueViolation:
        raise DeskError("source.taken", f"there is a source {name}", "`desk source list`") from None
    _show_once({"source_id": name, "token": token, "secret": made_secret}, as_json)


@app.command("set")
def change(
    name: Name,
    rate: Rate = None,
    max_age: Age = None,
    strategy: Annotated[str | None, typer.Option(help="Feed another strategy.")] = None,
    allow: Allow = None,
    tradingview: TradingView = False,
    allow_all: Annotated[
        bool, typer.Option("--allow-all", help="Let every address post again.")
    ] = False,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Demand a new secret, printed once.")
    ] = False,
    no_secret: Annotated[bool, typer.Option("--no-secret", help="Demand none.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change what a source may; what is not named stays.

    Examples: `desk source set tv-eurusd --rate 60`, `desk source set tv-eurusd --tradingview`,
    `desk source set script --new-secret`.
    """
    made_secret = sources.new_secret() if new_secret else None
    columns: dict[str, Any] = {}
    if rate is not None:
        columns["rate_per_minute"] = rate
    if max_age is not None:
        columns["max_age_ms"] = max_age * 1000
    if strategy is not None:
        columns["strategy_id"] = strategy
    if allow or tradingview or allow_all:
        columns["allowed_addresses"] = None if allow_all else _addresses(allow, tradingview)
    if new_secret or no_secret:
        columns["secret_sha256"] = sources.hashed(made_secret)
    if not columns:
        raise DeskError("source.unchanged", "nothing was named to change", "see --help")
    try:
        with owner_session(load_settings()) as conn:
            if not sources.change(conn, name, columns):
                raise _unknown(name)
    except psycopg.errors.ForeignKeyViolation:
        raise DeskError("source.strategy", f"no strategy {strategy}", "public.strategies") from None
    if made_secret is not None:
        _show_once({"source_id": name, "secret": made_secret}, as_json)
    else:
        err().print("changed")


@app.command()
def rotate(
    name: Name,
    overlap_minutes: Annotated[
        int, typer.Option(min=0, max=60 * 24 * 90, help="How long the old token stays good.")
    ] = 24 * 60,
    as_json: AsJson = False,
) -> None:
    """Give a source a new token; the old one stays good for a while, to paste the new one.

    Alerts keep what they are known by: one sent under both tokens is one alert.

    Examples: `desk source rotate tv-eurusd`, `desk source rotate tv-eurusd --overlap-minutes 0`.
    """
    token = sources.new_token()
    with owner_session(load_settings()) as conn:
        if name not in {row["source_id"] for row in sources.listed(conn)}:
            raise _unknown(name)
        sources.retire_tokens(conn, name, timedelta(minutes=overlap_minutes))
        sources.add_token(conn, name, token)
    _show_once({"source_id": name, "token": token}, as_json)


@app.command()
def revoke(
    name: Name,
    token: Annotated[
        str | None, typer.Option(help="One token's id, as `desk source list` shows it.")
    ] = None,
) -> None:
    """Revoke a source, or one of its tokens; the next post is answered 410.

    Examples: `desk source revoke tv-eurusd`, `desk source revoke tv-eurusd --token 0199…`.
    """
    with owner_session(load_settings()) as conn:
        done = (
            sources.revoke(conn, name) if token is None else sources.revoke_token(conn, name, token)
        )
    if not done:
        raise _unknown(name)
    err().print("revoked")


@app.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """List sources and their tokens, without what would let anyone post.

    Examples: `desk source list`, `desk source list --json`.
    """
    with owner_session(load_settings()) as conn:
        found = sources.listed(conn)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            row["source_id"],
            row["state"],
            row["strategy_id"],
            f"{row['rate_per_minute']}/min",
            f"{row['max_age_ms'] // 1000} s",
            ", ".join(row["allowed_addresses"] or ["any"]),
            "yes" if row["needs_secret"] else "",
            str(row["open_gaps"] or ""),
            "\n".join(str(t["token_id"]) for t in row["tokens"] if t["good"]),
        )
        for row in found
    ]
    columns = ("source", "", "feeds", "rate", "oldest", "addresses", "secret", "gaps", "tokens")
    print_table("", columns, rows)


@app.command()
def gaps(
    close: Annotated[str | None, typer.Option(help="A gap's id: somebody looked into it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show which numbers of numbered sources never came; `intake.gaps` has them in SQL.

    Examples: `desk source gaps`, `desk source gaps --close 0199…`.
    """
    with owner_session(load_settings()) as conn:
        if close is not None and not sources.close_gap(conn, close, getpass.getuser()):
            raise DeskError("source.gap", "no such gap is open", "`desk source gaps`")
        found = sources.gaps(conn)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            str(row["gap_id"]),
            row["source_id"],
            f"{row['first_missing']}-{row['last_missing']}",
            f"{row['noticed_at']:%Y-%m-%d %H:%M:%S}",
            row["closed_by"] or "open",
        )
        for row in found
    ]
    print_table("", ("gap", "source", "numbers", "noticed", ""), rows)


def _addresses(allow: list[str] | None, tradingview: bool) -> list[str] | None:
    """Read the addresses that were named; None if there are none. Raises DeskError."""
    named = [*(allow or []), *(sources.TRADINGVIEW_ADDRESSES if tradingview else ())]
    try:
        return [str(ip_network(text.strip(), strict=False)) for text in named] or None
    except ValueError as error:
        raise DeskError(
            "source.address", f"{error}", "an address such as 10.1.2.3, or 10.0.0.0/8"
        ) from None


def _show_once(made: dict[str, str | None], as_json: bool) -> None:
    token = made.get("token")
    if token is not None:
        made = {**made, "url": f"{_base()}/webhooks/tradingview/{token}"}
    if as_json:
        print_json(made)
        return
    err().print("keep it safe, it is not shown again:")
    if token is not None:
        out().print(made["url"], soft_wrap=True)
    if made.get("secret") is not None:
        out().print(f"secret: {made['secret']}", soft_wrap=True)


def _base() -> str:
    """Return the running desk's address; a placeholder where another host serves it."""
    from backend.runtime.control import report

    return report(load_settings()).endpoints.get("api", "https://YOUR-HOST")


def _unknown(name: str) -> DeskError:
    return DeskError(
        "source.unknown", f"no such source or token is active: {name}", "`desk source list`"
    )
