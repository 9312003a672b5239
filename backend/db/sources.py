"""Sources of alerts: made, changed and revoked by the owner; tokens are stored as hashes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import dict_row

TRADINGVIEW_ADDRESSES = ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7")
"""From where TradingView says that its webhooks come."""

_CHANGEABLE = frozenset(
    ("rate_per_minute", "max_age_ms", "allowed_addresses", "secret_sha256", "strategy_id")
)


@dataclass(frozen=True, slots=True)
class NewSource:
    """Who may send alerts to which strategy, how fast and how late."""

    source_id: str
    strategy_id: str
    rate_per_minute: int
    max_age_ms: int
    allowed_addresses: Sequence[str] | None = None
    secret: str | None = None


def new_token() -> str:
    """Make a token that nobody guesses: 256 bits, fit for a URL."""
    return secrets.token_urlsafe(32)


def new_secret() -> str:
    """Make a secret for the body of alerts: 128 bits, easy to paste."""
    return secrets.token_hex(16)


def register(conn: Connection[Any], source: NewSource) -> bool:
    """Store a source of its strategy's organisation; False without such a strategy.

    Raises psycopg.errors.UniqueViolation for a name that is taken.
    """
    return (
        conn.execute(
            "insert into intake.sources (source_id, org_id, strategy_id, rate_per_minute,"
            " max_age_ms, allowed_addresses, secret_sha256)"
            " select %s, t.org_id, t.strategy_id, %s, %s, %s::inet[], %s"
            "   from public.strategies t where t.strategy_id = %s",
            (
                source.source_id,
                source.rate_per_minute,
                source.max_age_ms,
                None if source.allowed_addresses is None else list(source.allowed_addresses),
                hashed(source.secret),
                source.strategy_id,
            ),
        ).rowcount
        == 1
    )


def add_token(conn: Connection[Any], source_id: str, token: str) -> None:
    """Let alerts in under a token."""
    conn.execute(
        "insert into intake.source_tokens (token_id, source_id, token_sha256)"
        " values (bus.uuid7(), %s, %s)",
        (source_id, hashed(token)),
    )


def retire_tokens(conn: Connection[Any], source_id: str, overlap: timedelta) -> int:
    """Let a source's tokens end after a while, unless they end before. Returns how many."""
    return conn.execute(
        "update intake.source_tokens t set valid_until = clock_timestamp() + %s"
        " where t.source_id = %s and t.revoked_at is null"
        " and coalesce(t.valid_until, 'infinity') > clock_timestamp() + %s",
        (overlap, source_id, overlap),
    ).rowcount


def revoke_token(conn: Connection[Any], source_id: str, token_id: str) -> bool:
    """End one token at once; False if the source has no such token any more."""
    return (
        conn.execute(
            "update intake.source_tokens t set revoked_at = clock_timestamp()"
            " where t.source_id = %s and t.token_id::text = %s and t.revoked_at is null",
            (source_id, token_id),
        ).rowcount
        == 1
    )


def revoke(conn: Connection[Any], source_id: str) -> bool:
    """End a source with all its tokens at once; False if none of that name is active."""
    return (
        conn.execute(
            "update intake.sources s set state = 'revoked', revoked_at = clock_timestamp()"
            " where s.source_id = %s and s.state = 'active'",
            (source_id,),
        ).rowcount
        == 1
    )


def change(conn: Connection[Any], source_id: str, columns: Mapping[str, Any]) -> bool:
    """Change what a source may; False if there is none. Raises ValueError for other columns."""
    if not columns or not _CHANGEABLE.issuperset(columns):
        raise ValueError(f"cannot change {sorted(columns)}")
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in columns
    )
    statement = sql.SQL("update intake.sources set {} where source_id = %s").format(assignments)
    return conn.execute(statement, (*columns.values(), source_id)).rowcount == 1


def listed(conn: Connection[Any]) -> list[dict[str, Any]]:
    """Return every source with its tokens, its last alert and its open gaps; no hashes."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_LISTED).fetchall()


def gaps(conn: Connection[Any]) -> list[dict[str, Any]]:
    """Return the numbers that did not come, newest first, open ones first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_GAPS).fetchall()


def close_gap(conn: Connection[Any], gap_id: str, person: str) -> bool:
    """Note that a person looked into a gap; False if it is not open."""
    return (
        conn.execute(
            "update intake.gaps g set closed_at = clock_timestamp(), closed_by = %s"
            " where g.gap_id::text = %s and g.closed_at is null",
            (person, gap_id),
        ).rowcount
        == 1
    )


def hashed(text: str | None) -> bytes | None:
    """Hash a token or a secret as it is stored; None stays None."""
    return None if text is None else hashlib.sha256(text.encode()).digest()


_LISTED = """
select s.source_id, s.org_id, s.strategy_id, s.state, s.rate_per_minute, s.max_age_ms,
       s.secret_sha256 is not null as needs_secret, s.allowed_addresses::text[],
       s.created_at, s.revoked_at,
       (select max(r.received_at) from public.signals_raw r
         where r.source_id = s.source_id) as last_alert_at,
       (select count(*) from intake.gaps g
         where g.source_id = s.source_id and g.closed_at is null) as open_gaps,
       (select coalesce(jsonb_agg(jsonb_build_object(
                 'token_id', t.token_id, 'created_at', t.created_at,
                 'valid_until', t.valid_until, 'revoked_at', t.revoked_at,
                 'good', t.revoked_at is null
                     and coalesce(t.valid_until, 'infinity') > clock_timestamp())
                 order by t.created_at), '[]')
          from intake.source_tokens t where t.source_id = s.source_id) as tokens
  from intake.sources s
 order by s.source_id
"""
_GAPS = """
select g.gap_id, g.source_id, g.first_missing, g.last_missing, g.after_alert_id, g.noticed_at,
       g.closed_at, g.closed_by
  from intake.gaps g
 order by g.closed_at is not null, g.noticed_at desc
 limit 500
"""
