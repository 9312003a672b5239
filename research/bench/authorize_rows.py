"""What `desk bench authorize` writes: its book, intents, plain rows, history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from backend.errors import DeskError
from research.bench.book import ACCOUNTS, furnish_book, renew_quote

_CHUNK = 20_000
_TABLES = ("public.intents", "public.risk_checks", "risk.reservations")

_RELEASE = """
update risk.reservations
   set remaining_quantity = 0, remaining_notional = 0, released_at = clock_timestamp(),
       released_by = 'bench'
 where released_at is null and created_at < clock_timestamp() - interval '200 milliseconds'
"""

_BARS = """
insert into public.market_bars
  (symbol, timeframe, opened_at, open, high, low, close, volume, source)
select 'EURUSD', 'M15', date_trunc('hour', clock_timestamp()) - g * interval '15 minutes',
       p, p + 0.0002, p - 0.0002, p, 100, 'bench'
  from (select g, 1.1 + 0.001 * sin(g)::numeric(6, 4) as p from generate_series(1, 120) g) b
"""

_SAMPLE = """
select n.intent_id from public.intents n
 where n.authorized_quantity is not null order by n.created_at desc limit 1
"""


@dataclass(frozen=True, slots=True)
class PlainRows:
    """A pgbench script that inserts what one authorisation does: so many rows, so many bytes."""

    script: str
    count: int
    width: int


def furnish(conn: Connection[Any]) -> None:
    """Make the book with bars to size by, and the tables of the plain rows; stay desk_owner."""
    conn.execute("create schema bench")
    conn.execute("create table bench.heap (body text not null)")
    for table in _TABLES:
        name = table.partition(".")[2]
        conn.execute(f"create table bench.{name} (like {table} including indexes)".encode())
    conn.execute("set role desk_owner")
    furnish_book(conn)
    conn.execute(_BARS)


def keep_fresh(conn: Connection[Any]) -> None:
    """Renew the quote, and release what was reserved a moment ago."""
    renew_quote(conn)
    conn.execute(_RELEASE)


def intent_script(batch: int) -> str:
    """Give the pgbench script of one call: so many intents of the client's own account."""
    return f"""
select risk.authorize_intents((
  select jsonb_agg(jsonb_build_object(
           'i', g, 'intent_id', gen_random_uuid(), 'kind', 'allocate',
           'correlation_id', gen_random_uuid(), 'org_id', 'bench',
           'account_id', a.id, 'strategy_id', a.id, 'venue_id', 'bench', 'symbol', 'EURUSD',
           'side', case g % 2 when 0 then 'BUY' else 'SELL' end, 'order_type', 'market',
           'mode', 'paper', 'quantity', '0.10', 'reference_price', '1.1001',
           'stop_loss', case g % 2 when 0 then '1.0951' else '1.1051' end,
           'take_profit', case g % 2 when 0 then '1.1101' else '1.0901' end,
           'reduce_only', false, 'latency_class', 'immediate',
           'exposure_deltas', '[]'::jsonb, 'reason_codes', '["BENCH"]'::jsonb))
    from generate_series(0, {batch - 1}) g,
         (select 'bench-' || (:client_id)::int::text as id) a));
"""


def like_script(conn: Connection[Any]) -> PlainRows:
    """Give the script that inserts the rows of the last authorisation into tables like theirs.

    The tables have the columns and the indexes of the real ones, no checks, defaults or triggers:
    what is left is what storing the rows costs.
    """
    intent_id, checks, width = _sample(conn)
    inserts = ",\n".join(
        f"t{number} as (insert into bench.{table.partition('.')[2]}\n"
        f"  select {_values(conn, table, intent_id)})"
        for number, table in enumerate(_TABLES)
    )
    script = f"with one as materialized (select gen_random_uuid() as id),\n{inserts}\nselect 1;\n"
    return PlainRows(script, 2 + checks, width)


def heap_script(conn: Connection[Any]) -> PlainRows:
    """Give the script that inserts as many rows of the same width without columns or keys."""
    _, checks, width = _sample(conn)
    count = 2 + checks
    # A row's header and its text's length are not text.
    body = f"repeat('x', {max(width // count - 28, 1)})"
    script = f"insert into bench.heap select {body} from generate_series(1, {count});\n"
    return PlainRows(script, count, width)


def _sample(conn: Connection[Any]) -> tuple[UUID, int, int]:
    row = conn.execute(
        f"with sample as ({_SAMPLE}) select s.intent_id,"
        " (select count(*) from public.risk_checks c where c.intent_id = s.intent_id),"
        " (select pg_column_size(n.*) from public.intents n where n.intent_id = s.intent_id)"
        " + (select pg_column_size(r.*) from risk.reservations r"
        "     where r.intent_id = s.intent_id)"
        " + (select sum(pg_column_size(c.*)) from public.risk_checks c"
        "     where c.intent_id = s.intent_id)::int from sample s".encode()
    ).fetchone()
    if row is None or None in row:
        raise DeskError("bench.denied", "nothing was authorised", "see intents")
    return row


def _values(conn: Connection[Any], table: str, intent_id: UUID) -> str:
    """Write an intent's rows of a table as a query, its id replaced by a fresh one."""
    columns = conn.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_catalog.pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum",
        (table,),
    ).fetchall()
    parts = ", ".join(f"quote_nullable(t.{name}::text) || '::{kind}'" for name, kind in columns)
    rows = conn.execute(
        f"select array[{parts}] from {table} t where t.intent_id = %s".encode(), (intent_id,)
    ).fetchall()
    where = next(n for n, (name, _) in enumerate(columns) if name == "intent_id")
    shown = ", ".join(
        "(" + ", ".join(v for n, v in enumerate(row) if n != where) + ")" for (row,) in rows
    )
    names = [f'v."{n}"' for n in range(len(columns) - 1)]
    names.insert(where, "one.id")
    head = ", ".join(f'"{n}"' for n in range(len(columns) - 1))
    return f"{', '.join(names)} from one, (values {shown}) as v({head})"


def count_authorized(conn: Connection[Any]) -> int:
    """Count the intents that were ever authorised."""
    row = conn.execute(
        "select count(*) from public.intents where authorized_quantity is not null"
    ).fetchone()
    assert row is not None
    return row[0]


def add_history(conn: Connection[Any], rows: int, report: Callable[[str], None]) -> None:
    """Bring intents, checks and reservations together to so many rows, all long past."""
    held = _rows_held(conn)
    per_intent = _rows_per_intent(conn)
    missing = max(0, (rows - held) // per_intent)
    made = 0
    while made < missing:
        chunk = min(_CHUNK, missing - made)
        _copy_sample(conn, chunk)
        made += chunk
        report(f"  history: {held + made * per_intent:,} rows")
    for table in _TABLES:
        conn.execute(f"vacuum (analyze) {table}".encode())


def _rows_held(conn: Connection[Any]) -> int:
    row = conn.execute(
        "select (select count(*) from public.intents) + (select count(*) from public.risk_checks)"
        " + (select count(*) from risk.reservations)"
    ).fetchone()
    assert row is not None
    return row[0]


def _rows_per_intent(conn: Connection[Any]) -> int:
    row = conn.execute(
        f"with sample as ({_SAMPLE}) select 2 + count(*) from public.risk_checks"
        "  join sample using (intent_id)".encode()
    ).fetchone()
    assert row is not None
    return row[0]


def _copy_sample(conn: Connection[Any], intents: int) -> None:
    """Copy the last authorised intent with all that hangs on it, spread over the past month."""
    conn.execute(
        f"""
with sample as materialized ({_SAMPLE}), past as materialized (
  select gen_random_uuid() as intent_id, 'bench-' || (g % {ACCOUNTS}) as account_id,
         clock_timestamp() - interval '1 day' - random() * interval '30 days' as at
    from generate_series(1, {intents}) g
), intents as (
  insert into public.intents
  select k.*
    from past p
    join public.intents n on n.intent_id = (select s.intent_id from sample s)
    cross join lateral jsonb_populate_record(null::public.intents, to_jsonb(n)
      || jsonb_build_object('intent_id', p.intent_id, 'account_id', p.account_id,
                            'strategy_id', p.account_id, 'state', 'ordered',
                            'created_at', p.at, 'expires_at', p.at, 'decided_at', p.at)) k
), reservations as (
  insert into risk.reservations
    (intent_id, account_id, symbol, side, quantity, remaining_quantity, notional,
     remaining_notional, created_at, released_at, released_by)
  select p.intent_id, p.account_id, 'EURUSD', 'BUY', 0.1, 0, 11001, 0, p.at, p.at, 'execution'
    from past p
)
insert into public.risk_checks
  (intent_id, limit_kind, scope, scope_id, limit_value, observed, projected, unit, outcome, code,
   checked_at)
select p.intent_id, c.limit_kind, c.scope, c.scope_id, c.limit_value, c.observed, c.projected,
       c.unit, c.outcome, c.code, p.at
  from past p
  join public.risk_checks c on c.intent_id = (select s.intent_id from sample s)
""".encode()
    )
