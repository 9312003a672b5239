"""The record: what was sealed is proven, and whatever is changed behind it is named."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from backend.db.audit.findings import Difference, Verified
from backend.db.audit.records import BY_TABLE, RECORDS, columns_of
from backend.db.audit.verification import Verification, verify
from tests.kit import postgres as kit
from tests.kit.postgres import Database
from tests.kit.record import fill, fill_all, seal_all


@pytest.fixture(scope="module")
def sealed() -> Generator[Database]:
    """Lend a database whose every record is sealed; what a test breaks it must not keep."""
    with kit.fresh_database() as database:
        fill_all(database)
        seal_all(database)
        yield database


@pytest.fixture
def intruder(sealed: Database) -> Generator[Connection[Any]]:
    """Lend a superuser with the triggers off, in a transaction that is rolled back."""
    with psycopg.connect(sealed.superuser_url) as conn:
        # What the verifier sets for its session, an intruder's transaction has as well.
        conn.execute("set session_replication_role = replica")
        conn.commit()
        yield conn
        conn.rollback()


def look(conn: Connection[Any], **options: Any) -> Verified:
    """Verify inside a transaction, what it broke included."""
    conn.execute("set local timezone = 'UTC'")
    return Verification(conn, **options).run()


def _named(found: Verified) -> tuple[str, str, Difference] | None:
    return found.first and (found.first.table, found.first.key, found.first.difference)


def test_everything_that_was_committed_is_sealed_and_verifies(sealed: Database) -> None:
    with psycopg.connect(sealed.superuser_url, autocommit=True) as conn:
        found = verify(conn)
        counts = {
            record.table: _one(conn, sql.SQL("select count(*) from {}").format(record.identifier))
            for record in RECORDS
        }

    assert found.ok, found.findings
    assert found.records == sum(counts.values())
    assert all(counts.values())
    assert found.waiting == 0


@pytest.mark.parametrize("table", sorted(BY_TABLE))
def test_each_column_of_each_table_is_covered(intruder: Connection[Any], table: str) -> None:
    record = BY_TABLE[table]
    for column in columns_of(intruder, record):
        if column in record.key:
            continue
        with intruder.transaction(force_rollback=True):
            key = _alter(intruder, table, column)
            found = look(intruder)
            assert _named(found) == (table, key, Difference.ALTERED), column


def _alter(conn: Connection[Any], table: str, column: str) -> str:
    """Change as little as can be in one row's column. Returns the row's key."""
    kind = _one(
        conn,
        "select format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = %s::regclass and attname = %s",
        table,
        column,
    )
    changed = {
        "numeric": "{c} + 0.01",
        "integer": "{c} + 1",
        "bigint": "{c} + 1",
        "boolean": "not {c}",
        "bytea": "set_byte({c}, 0, get_byte({c}, 0) # 1)",
        "timestamp with time zone": "{c} + interval '1 microsecond'",
        "uuid": "gen_random_uuid()",
        "jsonb": "jsonb_build_object('of', {c}, 'one', 1)",
        "inet": "'127.0.0.2'",
        "text[]": "{c} || array['c']",
        "uuid[]": "{c} || gen_random_uuid()",
        "vector(16)": "'[" + ",".join(["0.25"] * 16) + "]'",
        "text": "coalesce({c}, '') || '.'",
    }[kind].format(c=column)
    return _change(
        conn, table, f"update {{t}} t set {column} = {changed} where {{w}} returning {{k}}"
    )


def test_a_deleted_row_is_named_as_missing(intruder: Connection[Any]) -> None:
    for record in RECORDS:
        with intruder.transaction(force_rollback=True):
            key = _change(intruder, record.table, "delete from {t} t where {w} returning {k}")

            assert _named(look(intruder)) == (record.table, key, Difference.MISSING)


def test_a_row_put_between_sealed_ones_is_named_as_inserted(intruder: Connection[Any]) -> None:
    key = _one(
        intruder,
        "insert into audit.changes (change_id, table_name, row_key, operation, row_xid)"
        " select gen_random_uuid(), 'x', 'y', 'insert', row_xid from audit.changes limit 1"
        " returning change_id::text",
    )

    assert _named(look(intruder)) == ("audit.changes", key, Difference.INSERTED)


def test_a_row_before_the_first_sealed_one_is_inserted_too(intruder: Connection[Any]) -> None:
    key = _one(
        intruder,
        "insert into public.votes (vote_id, proposal_id, voter, voter_kind, decision, reason,"
        " row_xid) values (gen_random_uuid(), gen_random_uuid(), 'x', 'human', 'approve', 'r', 1)"
        " returning vote_id::text",
    )

    assert _named(look(intruder)) == ("public.votes", key, Difference.INSERTED)


@pytest.mark.parametrize("xid", ["t.row_xid - 1", "t.row_xid + 1000000"])
def test_a_row_that_claims_another_transaction_is_named_as_reordered(
    intruder: Connection[Any], xid: str
) -> None:
    key = _change(
        intruder, "public.fills", f"update {{t}} t set row_xid = {xid} where {{w}} returning {{k}}"
    )

    found = look(intruder)

    assert [(f.table, f.key, f.difference) for f in found.findings] == [
        ("public.fills", key, Difference.REORDERED)
    ]


def test_rows_that_trade_places_are_named(intruder: Connection[Any]) -> None:
    with intruder.transaction():
        fill(intruder, "public.votes", 1)
    intruder.commit()
    first, second = intruder.execute(
        "select vote_id::text, row_xid from public.votes order by row_xid, vote_id limit 2"
    ).fetchall()
    intruder.execute("update public.votes set vote_id = %s where vote_id = %s", (NOBODY, first[0]))
    intruder.execute(
        "update public.votes set vote_id = %s where vote_id = %s", (first[0], second[0])
    )
    intruder.execute("update public.votes set vote_id = %s where vote_id = %s", (second[0], NOBODY))

    found = look(intruder)

    assert {(f.key, f.difference) for f in found.findings} == {
        (first[0], Difference.ALTERED),
        (second[0], Difference.ALTERED),
    }


LEAVES = "update audit.segments set leaves = {} where table_name = 'public.fills'"


def test_leaves_in_another_order_are_named(intruder: Connection[Any]) -> None:
    intruder.execute(
        LEAVES.format(
            "(select string_agg(l, E'\n' order by n desc)"
            " from regexp_split_to_table(leaves, E'\n') with ordinality as x(l, n))"
        ).encode()
    )

    found = look(intruder)

    assert found.first is not None
    assert (found.first.table, found.first.difference) == ("public.fills", Difference.REORDERED)


def test_a_leaf_altered_with_its_row_still_breaks_the_seal(intruder: Connection[Any]) -> None:
    """Hiding the row's change in the leaves moves the break to the seal that was signed."""
    intruder.execute(
        LEAVES.format("overlay(leaves placing '0000' from length(leaves) - 3)").encode()
    )

    found = look(intruder)

    assert "the leaves do not give the root" in {f.detail for f in found.findings}


SEAL = "update audit.seals set body = {} where number = 1"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (SEAL.format('replace(body, \'"count":"\', \'"count":"1\')'), "not of key"),
        ("update audit.seals set sig = overlay(sig placing 'AAAA' from 20)", "not of key"),
        (
            "update audit.forms set columns = columns[2:] where table_name = 'public.fills'",
            "columns",
        ),
        ("delete from audit.segments where table_name = 'public.fills'", "0 leaves of 3"),
        ("update audit.seal_keys set public_key = sha256('x')", "nobody vouches for"),
        ("delete from audit.seals", "exported, and gone"),
    ],
)
def test_what_is_done_to_the_seals_themselves_is_found(
    intruder: Connection[Any], statement: str, words: str
) -> None:
    anchors = {1: _one(intruder, "select body from audit.seals where number = 1").encode()}

    intruder.execute(statement.encode())

    assert any(words in f.detail for f in look(intruder, anchors=anchors).findings)


NOBODY = "00000000-0000-0000-0000-000000000000"


def _change(conn: Connection[Any], table: str, statement: str) -> str:
    record = BY_TABLE[table]
    where = sql.SQL("{} = (select {} from {} t order by 1 limit 1 offset 1)").format(
        record.key_text, record.key_text, record.identifier
    )
    changed = sql.SQL(statement)  # pyright: ignore[reportArgumentType] - a test's own text
    return _one(conn, changed.format(t=record.identifier, k=record.key_text, w=where))


def _one(conn: Connection[Any], statement: Any, *arguments: Any) -> Any:
    row = conn.execute(statement, arguments).fetchone()
    assert row is not None
    return row[0]
