"""Which tables are the record, and how their rows are read for hashing."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from backend.domain.audit.leaves import START, Cursor

ROW_XID = "row_xid"


@dataclass(frozen=True, slots=True)
class Record:
    """A table whose rows are sealed.

    key: the primary key; where the first part is an instant, the table is partitioned by it.
    """

    table: str
    key: tuple[str, ...]
    partitioned: bool = False

    @property
    def identifier(self) -> sql.Identifier:
        """Name the table in SQL."""
        return sql.Identifier(*self.table.split("."))

    @property
    def key_text(self) -> sql.Composable:
        """Give a row's key as text; parts that may hold a slash come last."""
        parts = [sql.SQL("t.{}::text").format(sql.Identifier(name)) for name in self.key]
        if len(parts) == 1:
            return parts[0]
        return sql.SQL("concat_ws('/', {})").format(sql.SQL(", ").join(parts))


RECORDS = (
    Record("public.signals_raw", ("alert_id",)),
    Record("intake.readings", ("alert_id",)),
    Record("public.signals_normalized", ("signal_id",)),
    Record("public.strategy_rationales", ("rationale_id",)),
    Record("public.review_labels", ("review_id",)),
    Record("public.votes", ("vote_id",)),
    Record("public.proposal_events", ("event_id",)),
    Record("public.risk_checks", ("intent_id", "limit_kind", "scope", "scope_id")),
    Record("public.order_events", ("occurred_at", "event_id"), partitioned=True),
    Record("public.fills", ("fill_id",)),
    Record("ledger.entries", ("transaction_id", "line")),
    Record("public.decision_traces", ("decided_at", "trace_id"), partitioned=True),
    Record("bus.events", ("published_at", "seq"), partitioned=True),
    Record("risk.policy_changes", ("change_id",)),
    Record("audit.changes", ("change_id",)),
    Record("audit.retired_partitions", ("partition", "retired_at")),
)
"""The record, in the order of a seal's leaves. Reviews, proposals, policies, halts and other
configuration may move on: each of their steps is a row of audit.changes."""

BY_TABLE = {record.table: record for record in RECORDS}
SEALED = frozenset(BY_TABLE)


def columns_of(conn: Connection[Any], record: Record) -> tuple[str, ...]:
    """Return the columns that a row of the table has now, without the sealer's own."""
    rows = conn.execute(
        "select a.attname from pg_catalog.pg_attribute a where a.attrelid = %s::regclass"
        " and a.attnum > 0 and not a.attisdropped and a.attname <> %s order by a.attnum",
        (record.table, ROW_XID),
    ).fetchall()
    return tuple(row[0] for row in rows)


@contextmanager
def snapshot(conn: Connection[Any]) -> Generator[None]:
    """Read one state of everything, written out as the canonical form demands."""
    # As many settings as change how COPY writes a value; no value is cut off by a timeout.
    conn.execute(
        "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres';"
        " set bytea_output = 'hex'; set extra_float_digits = 1; set client_encoding = 'UTF8';"
        " set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set jit = off",
        prepare=False,
    )
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        yield


def horizon(conn: Connection[Any]) -> int:
    """Return the snapshot's xmin: every transaction below it has ended and can be seen."""
    row = conn.execute("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchone()
    assert row is not None
    return row[0]


def copy_rows(
    conn: Connection[Any],
    record: Record,
    columns: tuple[str, ...],
    since: Cursor,
    until: Cursor,
    *,
    ordered: bool,
) -> Iterator[bytes]:
    """Yield `transaction TAB key TAB record` of every row after `since` up to `until`."""
    key = record.key_text
    statement = sql.SQL(
        "copy (select t.{xid}, {key}, {columns} from {table} t"
        " where t.{xid} >= {since} and t.{xid} <= {until}{edges}{order}) to stdout"
    ).format(
        xid=sql.Identifier(ROW_XID),
        key=key,
        columns=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c)) for c in columns),
        table=record.identifier,
        since=sql.Literal(since.xid),
        until=sql.Literal(until.xid),
        edges=_edges(key, since, until),
        order=sql.SQL(' order by t.{}, {} collate "C"').format(sql.Identifier(ROW_XID), key)
        if ordered
        else sql.SQL(""),
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copied:
        yield from _lines(copied)


def _lines(blocks: Any) -> Iterator[bytes]:
    # The server sends a line a message; nothing in the protocol promises that.
    rest = b""
    for block in blocks:
        data = rest + bytes(block) if rest else bytes(block)
        if data.endswith(b"\n") and data.count(b"\n") == 1:
            rest = b""
            yield data[:-1]
            continue
        *lines, rest = data.split(b"\n")
        yield from lines


def _edges(key: sql.Composable, since: Cursor, until: Cursor) -> sql.Composable:
    xid = sql.Identifier(ROW_XID)
    edges: list[sql.Composable] = []
    if since.key:
        edges.append(
            sql.SQL(' and (t.{} > {} or {} collate "C" > {})').format(
                xid, sql.Literal(since.xid), key, sql.Literal(since.key)
            )
        )
    edges.append(
        sql.SQL(' and (t.{} < {} or {} collate "C" <= {})').format(
            xid, sql.Literal(until.xid), key, sql.Literal(until.key)
        )
    )
    return sql.Composed(edges)


def xid_of(conn: Connection[Any], record: Record, key: str) -> int | None:
    """Return which transaction a row claims to be of; None where there is no such row."""
    row = conn.execute(
        sql.SQL("select t.{} from {} t where {} = %s").format(
            sql.Identifier(ROW_XID), record.identifier, record.key_text
        ),
        (key,),
    ).fetchone()
    return None if row is None else row[0]


def count_beyond(conn: Connection[Any], record: Record, cursor: Cursor = START) -> int:
    """Count the rows that lie beyond a place: those that wait for a seal."""
    row = conn.execute(
        sql.SQL("select count(*) from {} t where t.{} >= %s{}").format(
            record.identifier,
            sql.Identifier(ROW_XID),
            sql.SQL(' and (t.{} > {} or {} collate "C" > {})').format(
                sql.Identifier(ROW_XID),
                sql.Literal(cursor.xid),
                record.key_text,
                sql.Literal(cursor.key),
            ),
        ),
        (cursor.xid,),
    ).fetchone()
    assert row is not None
    return row[0]
