"""A record to seal: rows of every sealed table, and the sealer at work on them."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection, sql

from backend.contracts.signing import SigningKey
from backend.db.audit.records import RECORDS, ROW_XID
from backend.db.audit.sealing import LEAVES_MAX, Sealed, seal
from backend.ports import SystemClock
from tests.kit.postgres import Database

KEY = SigningKey(b"\x07" * 32)

_VALUES = {
    "text": "'{word}'",
    "uuid": "gen_random_uuid()",
    "timestamp with time zone": "clock_timestamp()",
    "numeric": "1.50",
    "integer": "7",
    "bigint": "7",
    "smallint": "7",
    "boolean": "true",
    "bytea": "'\\xc0ffee'",
    "jsonb": """'{{"some": ["thing", 1.10]}}'""",
    "inet": "'127.0.0.1'",
    "text[]": "'{{a,b}}'",
    "uuid[]": "array[gen_random_uuid()]",
    "vector(16)": "'[" + ",".join(["0.5"] * 16) + "]'",
}


def fill(conn: Connection[Any], table: str, count: int = 1) -> None:
    """Write rows with something in every column, whatever other tables would demand."""
    columns = conn.execute(
        "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a"
        " where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped"
        " and a.attname <> %s and a.attidentity = '' order by a.attnum",
        (table, ROW_XID),
    ).fetchall()
    conn.execute("set local session_replication_role = replica")
    conn.execute(
        sql.SQL("insert into {} ({}) select {} from generate_series(1, %s) as n").format(
            sql.Identifier(*table.split(".")),
            sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns),
            sql.SQL(", ").join(_value(name, kind) for name, kind in columns),
        ),
        (count,),
    )
    conn.execute("set local session_replication_role = origin")


def _value(name: str, kind: str) -> sql.Composable:
    text = _VALUES[kind].format(word=f"{name} of ") + (" || n" if kind == "text" else "")
    text = "0" if name == "row_count" else text  # of a partition that never was
    return sql.SQL(text)  # pyright: ignore[reportArgumentType] - a test's own text


def drop_checks(conn: Connection[Any], table: str) -> None:
    """Let a table hold what its checks forbid: here values need to differ, not to mean much."""
    constraints = conn.execute(
        "select c.conname from pg_constraint c"
        " where c.conrelid = %s::regclass and c.contype in ('c', 'f')",
        (table,),
    ).fetchall()
    for (name,) in constraints:
        conn.execute(
            sql.SQL("alter table {} drop constraint {}").format(
                sql.Identifier(*table.split(".")), sql.Identifier(name)
            )
        )


def fill_all(database: Database, count: int = 3) -> None:
    """Write rows into every sealed table, a transaction each."""
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        for record in RECORDS:
            with conn.transaction():
                drop_checks(conn, record.table)
                fill(conn, record.table, count)


@contextmanager
def sealer(database: Database) -> Generator[tuple[Connection[Any], Connection[Any]]]:
    """Lend the sealer's two sessions."""
    url = database.role_url("desk_sealer")
    with (
        psycopg.connect(url, autocommit=True) as reader,
        psycopg.connect(url, autocommit=True) as writer,
    ):
        yield reader, writer


def let_others_end(conn: Connection[Any]) -> None:
    """Wait for transactions of other databases: tests beside this one hold back what is final.

    Those of this database stay out of it, a test holds them open for a reason.
    """
    row = conn.execute("select pg_current_xact_id()::text::bigint").fetchone()
    assert row is not None
    deadline = time.monotonic() + 60
    while conn.execute(_OTHERS, row).fetchone() != (0,):
        assert time.monotonic() < deadline, "another database's transaction does not end"
        time.sleep(0.01)


_OTHERS = """
select count(*) from pg_stat_activity a
 where a.backend_xid::text::bigint < %s and a.datname <> current_database()
"""


def seal_all(database: Database, key: SigningKey = KEY, leaves_max: int = LEAVES_MAX) -> Sealed:
    """Seal everything that is final."""
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        let_others_end(conn)
    with sealer(database) as (reader, writer):
        return seal(reader, writer, key, SystemClock(), leaves_max)
