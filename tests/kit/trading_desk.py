"""A small desk in a migrated database: one book, one source, two instruments, bars, a quote."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from base64 import b64encode
from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from backend.db.master_data import TradingBook, add_book, add_instruments, add_source
from backend.domain.instruments import Instrument, Lifecycle
from backend.domain.intake import NotUnderstood, dedupe_key, parse_alert
from backend.domain.intake.wire import encode_alert
from backend.domain.sessions import Calendar
from backend.values import Mode
from tests.kit import postgres as kit
from tests.kit.postgres import Database
from tests.kit.signals import (
    HEALTH_POLICY,
    HYPOTHESIS_POLICY,
    INTAKE_POLICY,
    POLICY_HASH,
    ROUTING_POLICY,
    SCORING_POLICY,
)

TOKEN = "token-of-tests"
BODY = b'{"ticker": "OANDA:EURUSD", "action": "buy", "interval": "15"}'

BOOK = TradingBook(
    org_id="demo",
    org_name="Demo",
    venue_id="mt5-paper",
    account_id="paper-1",
    strategy_id="tv-smc",
    mode=Mode.PAPER,
    currency="USD",
    starting_balance=Decimal(100_000),
    login=1,
    connection={},
)

PACK: dict[str, Any] = {
    "intake": INTAKE_POLICY,
    "scoring": {k: v for k, v in SCORING_POLICY.items() if k != "quote_age_ms_max"},
    "hypothesis": HYPOTHESIS_POLICY,
    "health": {k: v for k, v in HEALTH_POLICY.items() if k != "open_risk_max"},
    "routing": ROUTING_POLICY,
}


def an_instrument(symbol: str = "EURUSD", **changes: Any) -> Instrument:
    """Give an instrument of foreign exchange that trades at any hour."""
    values: dict[str, Any] = {
        "symbol": symbol,
        "symbol_class": "fx",
        "base_currency": symbol[:3],
        "quote_currency": symbol[3:],
        "digits": 5,
        "tick_size": Decimal("0.00001"),
        "pip_size": Decimal("0.0001"),
        "contract_size": Decimal(100_000),
        "volume_min": Decimal("0.01"),
        "volume_max": Decimal(100),
        "volume_step": Decimal("0.01"),
        "calendar": Calendar.ALWAYS,
        "lifecycle": Lifecycle.TRADABLE,
        "aliases": frozenset(),
    }
    return Instrument(**{**values, **changes})


def furnish(database: Database) -> None:
    """Put book, source, instruments and an active policy pack into a database."""
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute("set local role desk_owner")
        add_instruments(
            conn,
            [
                an_instrument("EURUSD", aliases=frozenset({"EUR/USD", "EURO"})),
                an_instrument("GBPUSD"),
            ],
        )
        add_book(conn, BOOK)
        add_source(conn, "tv", BOOK, TOKEN, 6_000, 300_000)
        conn.execute(
            "insert into risk.policies (policy_hash, name, version, body, applied_by, active)"
            " values (%s, 'tests', '2026-01-01.1', %s, 'tests', true)",
            (POLICY_HASH, Jsonb(PACK)),
        )


@contextlib.contextmanager
def furnished_database(version: int = 16) -> Generator[Database]:
    """Lend a furnished database to a whole module; `clear` empties it between tests."""
    with kit.fresh_database(version) as database:
        furnish(database)
        yield database


def clear(conn: Connection[Any]) -> None:
    """Forget every flow row, as only a superuser can: the records are append-only."""
    conn.execute("set session_replication_role = replica")
    conn.execute(sql.SQL("truncate {}").format(sql.SQL(", ").join(_FLOW)))
    conn.execute("set session_replication_role = origin")
    conn.execute("delete from intake.source_tokens where source_id <> 'tv'")
    conn.execute("delete from intake.sources where source_id <> 'tv'")
    conn.execute("update intake.source_tokens set valid_until = null, revoked_at = null")
    conn.execute(
        "update intake.sources set state = 'active', revoked_at = null, secret_sha256 = null,"
        " allowed_addresses = null"
    )


_FLOW = tuple(
    sql.Identifier(*name.split("."))
    for name in (
        "intake.alert_keys",
        "intake.duplicates",
        "intake.gaps",
        "intake.numberings",
        "intake.readings",
        "intake.spendings",
        "bus.deliveries",
        "execution.venue_health",
        "governance.halts",
        "governance.halt_acknowledgements",
        "ops.feature_flags",
        "public.signals_raw",
        "public.signals_normalized",
        "public.strategy_rationales",
        "public.precedents",
        "intake.precedent_groups",
        "ops.notices",
        "ops.notice_deliveries",
        "public.review_labels",
        "public.review_queue",
        "public.hypotheses",
        "public.opportunities",
        "public.alert_outcomes",
        "public.decision_deltas",
        "public.market_bars",
        "public.latest_quotes",
    )
)


def add_bars(
    conn: Connection[Any],
    symbol: str = "EURUSD",
    timeframe: str = "M15",
    length: timedelta = timedelta(minutes=15),
    count: int = 120,
) -> datetime:
    """Store bars up to the last finished one. Returns when that opened."""
    row = conn.execute("select clock_timestamp()").fetchone()
    assert row is not None
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    last = epoch + ((row[0] - epoch) // length - 1) * length
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into public.market_bars (symbol, timeframe, opened_at, open, high, low, close,"
            " volume, spread, source) values (%s, %s, %s, %s, %s, %s, %s, 100, 0.0001, 'tests')",
            [
                (symbol, timeframe, last - length * (count - 1 - index), *_prices(index))
                for index in range(count)
            ],
        )
    return last


def add_quote(conn: Connection[Any], symbol: str = "EURUSD", age_s: float = 0) -> None:
    """Store the venue's last quote."""
    conn.execute(
        "insert into public.latest_quotes (venue_id, symbol, bid, ask, quoted_at, received_at)"
        " select 'mt5-paper', %s, 1.1000, 1.1001, at, at"
        "   from (select clock_timestamp() - %s * interval '1 second') as t(at)"
        " on conflict (venue_id, symbol) do update set received_at = excluded.received_at",
        (symbol, age_s),
    )


def post(
    conn: Connection[Any],
    body: bytes = BODY,
    token: str = TOKEN,
    alert_id: UUID | None = None,
    received_at: datetime | None = None,
    key: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """Post an alert the way the webhook does. key: kind and value, instead of the body's own."""
    parsed = parse_alert(body)
    understood = not isinstance(parsed, NotUnderstood)
    own = dedupe_key(parsed, body)
    kind, value = key or (own.kind, own.value)
    reading: dict[str, Any] = (
        {"parsed": encode_alert(parsed), "secrets": parsed.secrets}
        if understood
        else {"reason_code": parsed.reason_code}
    )
    answer = hand_in(
        conn,
        body,
        token,
        alert_id=alert_id or uuid4(),
        received_at=received_at,
        dedupe_kind=kind,
        dedupe_value=value,
        **reading,
    )
    del answer["i"]
    return answer


def hand_in(
    conn: Connection[Any], body: bytes, token: str = TOKEN, **reading: Any
) -> dict[str, Any]:
    """Post an alert through a door that says no more of it than `reading`."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    item = {
        "token_sha256": digest,
        "body": b64encode(body).decode(),
        "content_type": "application/json",
        "remote_address": "127.0.0.1",
        **{name: value for name, value in reading.items() if value is not None},
    }
    (answer,) = ask(conn, "intake.accept_alerts", item)
    return answer


def add_token(conn: Connection[Any], source_id: str, token: str, **columns: Any) -> None:
    """Give the demo's strategy another source with a token; columns of the source to set."""
    names = ["source_id", "org_id", "strategy_id", *columns]
    conn.execute(
        sql.SQL("insert into intake.sources ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(sql.Placeholder() * len(names)),
        ),
        (source_id, "demo", "tv-smc", *columns.values()),
    )
    conn.execute(
        "insert into intake.source_tokens (token_id, source_id, token_sha256)"
        " values (gen_random_uuid(), %s, sha256(%s::bytea))",
        (source_id, token.encode()),
    )


def ask(conn: Connection[Any], procedure: str, *items: dict[str, Any]) -> list[dict[str, Any]]:
    """Call an agent's procedure with a batch; the answers in the items' order."""
    schema, _, name = procedure.partition(".")
    batch = [{"i": index, **item} for index, item in enumerate(items)]
    row = conn.execute(
        sql.SQL("select {}(%s::jsonb)").format(sql.Identifier(schema, name)),
        (json.dumps(batch, default=str),),
    ).fetchone()
    assert row is not None
    return sorted(row[0], key=lambda answer: answer["i"])


def rows(conn: Connection[Any], statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """Read rows."""
    return conn.execute(statement, parameters).fetchall()


def _prices(index: int) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    opened = _close(index - 1)
    close = _close(index)
    reach = Decimal("0.0002")
    return opened, max(opened, close) + reach, min(opened, close) - reach, close


def _close(index: int) -> Decimal:
    wave = Decimal(str(round(0.0012 * math.sin(index / 4), 5)))
    return Decimal("1.08000") + Decimal("0.0001") * index + wave
