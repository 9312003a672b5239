"""Builds the venue of an account from the account's row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from backend.domain.settling import TIMEOUT_CONFIGURED
from backend.ports import Clock
from backend.venues.mt5.terminals import TerminalKind, make_terminal
from backend.venues.mt5.venue import Mt5Options, Mt5Venue

_CONNECTION_KEYS = frozenset(
    {
        *("terminal", "host", "port", "call_timeout_s", "credentials"),
        *("symbols", "server_utc_offset_hours", "offset_symbols"),
    }
)


def build_venue(
    account: Mapping[str, Any], clock: Clock, *, allow_live: bool = False, read_only: bool = False
) -> Mt5Venue:
    """Build a venue; it connects when told to.

    account: `venue_kind` 'mt5', `login` and `connection` with `terminal` paper, mt5linux or
    package, `host`, `port`, and at will `call_timeout_s`, `credentials` (for `initialize`),
    `symbols` (our name to the broker's), `server_utc_offset_hours`, `offset_symbols`.
    Raises ValueError for anything else.
    """
    if account.get("venue_kind") != "mt5":
        raise ValueError(f"no venue of kind {account.get('venue_kind')!r}")
    connection: Mapping[str, Any] = account.get("connection") or {}
    if unknown := set(connection) - _CONNECTION_KEYS:
        raise ValueError(f"unknown keys in connection: {', '.join(sorted(unknown))}")
    kind: Any = connection.get("terminal")
    if kind not in get_args(TerminalKind):
        raise ValueError(f"connection.terminal must be one of {', '.join(get_args(TerminalKind))}")
    if kind != "package" and not connection.get("port"):
        raise ValueError("connection.port is missing")
    timeout_s = float(connection.get("call_timeout_s", TIMEOUT_CONFIGURED.total_seconds()))
    if timeout_s <= 0:
        raise ValueError("connection.call_timeout_s must be positive")
    offset_hours = connection.get("server_utc_offset_hours")
    login = account.get("login")
    options = Mt5Options(
        login=None if login is None else int(login),
        credentials=dict(connection.get("credentials") or {}),
        allow_live=allow_live,
        read_only=read_only,
        symbols=dict(connection.get("symbols") or {}),
        server_utc_offset_hours=None if offset_hours is None else float(offset_hours),
        offset_symbols=tuple(connection.get("offset_symbols") or Mt5Options.offset_symbols),
    )
    host = str(connection.get("host", "127.0.0.1"))
    terminal = make_terminal(kind, host, int(connection.get("port") or 0), timeout_s)
    return Mt5Venue(terminal, clock, options)
