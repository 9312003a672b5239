"""Sealing: gapless however late something commits, once however many seal, in any form."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from backend.contracts.signing import SigningKey
from backend.db.audit.findings import Difference, Verified
from backend.db.audit.heads import recall, remember
from backend.db.audit.sealing import Sealed, last_seal, register_key, seal
from backend.db.audit.verification import verify
from backend.errors import DeskError
from backend.ports import SystemClock
from tests.kit.postgres import Database
from tests.kit.record import KEY, fill_all, seal_all, sealer

NEW_KEY = SigningKey(b"\x08" * 32)
CHANGE = (
    "insert into audit.changes (change_id, table_name, row_key, operation)"
    " values (gen_random_uuid(), 'x', %s, 'insert')"
)


@pytest.fixture
def desk(database: Database) -> Generator[Connection[Any]]:
    """Lend a session behind everything; what the upgrade recorded is sealed."""
    seal_all(database)
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        yield conn


def proven(database: Database, **options: Any) -> Verified:
    with psycopg.connect(database.role_url("desk_sealer"), autocommit=True) as conn:
        return verify(conn, **options)


def test_a_second_run_finds_nothing_new_and_leaves_no_seal(
    database: Database, desk: Connection[Any]
) -> None:
    assert seal_all(database) == Sealed(0, 0)


def test_what_commits_late_is_sealed_after_it_and_never_skipped(
    database: Database, desk: Connection[Any]
) -> None:
    with psycopg.connect(database.superuser_url) as late:
        late.execute(CHANGE, ("late",))
        desk.execute(CHANGE, ("early",))
        # The late one's transaction is the older: nothing from it on is final.
        assert seal_all(database) == Sealed(0, 0)
        assert proven(database).waiting == 1
        late.commit()

    assert seal_all(database) == Sealed(1, 2)
    assert proven(database).ok


def test_what_is_rolled_back_leaves_no_gap(database: Database, desk: Connection[Any]) -> None:
    with psycopg.connect(database.superuser_url) as other:
        other.execute(CHANGE, ("never",))
        other.rollback()
    desk.execute(CHANGE, ("after",))

    assert seal_all(database) == Sealed(1, 1)


def test_a_large_backlog_becomes_many_seals_in_one_chain(
    database: Database, desk: Connection[Any]
) -> None:
    fill_all(database, count=5)

    done = seal_all(database, leaves_max=4)

    found = proven(database)
    assert done.seals > 10
    assert found.ok
    assert found.seals == done.seals + 1


def test_two_sealers_at_once_seal_everything_once(
    database: Database, desk: Connection[Any]
) -> None:
    fill_all(database)
    before = proven(database)
    ends: list[Sealed] = []

    def run() -> None:
        ends.append(seal_all(database, leaves_max=5))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = proven(database)
    assert found.ok
    assert sum(end.records for end in ends) == found.records - before.records == before.waiting


def test_a_seal_that_another_one_overtook_is_not_appended(
    database: Database, desk: Connection[Any]
) -> None:
    appended = desk.execute(
        "select audit.append_seal(1, %s, '{}', %s, 'sig', '{}', '{}', '{}', '{}')",
        ("0" * 64, KEY.key_id),
    ).fetchone()

    assert appended == (False,)


def test_an_added_column_makes_a_new_form_and_old_rows_keep_theirs(
    database: Database, desk: Connection[Any]
) -> None:
    desk.execute(CHANGE, ("old form",))
    seal_all(database)
    desk.execute("alter table audit.changes add column weather text default 'fair'")
    desk.execute(CHANGE, ("new form",))
    seal_all(database)

    assert proven(database).ok
    versions = desk.execute(
        "select form_version, 'weather' = any (columns) from audit.forms"
        " where table_name = 'audit.changes' order by 1"
    ).fetchall()
    assert versions == [(1, False), (2, True)]
    desk.execute("set session_replication_role = replica")
    desk.execute("update audit.changes set weather = 'foul' where row_key = 'old form'")
    assert proven(database).ok, "the old form does not know the column"
    desk.execute("update audit.changes set weather = 'foul' where row_key = 'new form'")
    first = proven(database).first
    assert first is not None
    assert first.difference is Difference.ALTERED


def test_a_rotated_key_seals_on_and_the_old_one_vouches_for_it(
    database: Database, desk: Connection[Any]
) -> None:
    with sealer(database) as (_, writer):
        register_key(writer, NEW_KEY, voucher=KEY)
    desk.execute(CHANGE, ("after the rotation",))

    assert seal_all(database, NEW_KEY).seals == 1

    for pinned in (None, KEY, NEW_KEY):
        found = proven(database, pinned=pinned.public_bytes if pinned else None)
        assert found.ok, found.findings
        assert found.keys == [KEY.key_id, NEW_KEY.key_id]


def test_a_key_that_nobody_vouches_for_seals_nothing(
    database: Database, desk: Connection[Any]
) -> None:
    desk.execute(CHANGE, ("x",))

    with pytest.raises(DeskError, match="nobody vouches"):
        seal_all(database, NEW_KEY)


def test_a_key_with_a_forged_voucher_is_found(database: Database, desk: Connection[Any]) -> None:
    desk.execute(
        "insert into audit.seal_keys (key_id, public_key, vouched_by, vouch)"
        " values (%s, %s, %s, %s)",
        (NEW_KEY.key_id, NEW_KEY.public_bytes, KEY.key_id, NEW_KEY.sign_bytes("seal_key.v1", b"")),
    )
    desk.execute(CHANGE, ("x",))
    seal_all(database, NEW_KEY)

    details = [found.detail for found in proven(database).findings]

    assert any(NEW_KEY.key_id in detail for detail in details)
    assert proven(database, pinned=NEW_KEY.public_bytes).first is None


def test_another_pinned_key_believes_no_seal(database: Database, desk: Connection[Any]) -> None:
    assert not proven(database, pinned=NEW_KEY.public_bytes).ok


def test_a_part_of_the_chain_can_be_verified_alone(
    database: Database, desk: Connection[Any]
) -> None:
    for number in range(4):
        desk.execute(CHANGE, (str(number),))
        seal_all(database)
    desk.execute("set session_replication_role = replica")
    desk.execute("delete from audit.changes where row_key = '3'")

    assert not proven(database).ok
    assert proven(database, first=2, last=4).ok
    assert proven(database, first=2, last=4).seals == 3
    assert not proven(database, first=5).ok


def test_a_seal_taken_out_of_the_chain_is_named(database: Database, desk: Connection[Any]) -> None:
    for number in range(3):
        desk.execute(CHANGE, (str(number),))
        seal_all(database)
    desk.execute("set session_replication_role = replica")
    desk.execute("delete from audit.seals where number = 3")

    first = proven(database).first

    assert first is not None
    assert (first.table, first.key, first.difference) == ("audit.seals", "3", Difference.MISSING)


def test_a_server_that_counts_from_before_the_record_is_refused(
    database: Database, desk: Connection[Any]
) -> None:
    with sealer(database) as (reader, writer):
        held = last_seal(writer)
        assert held is not None
        desk.execute("set session_replication_role = replica")
        desk.execute(
            "update audit.seals set body = replace(body, %s, %s)",
            (f'"horizon":"{held.horizon}"', '"horizon":"999999999"'),
        )
        with pytest.raises(DeskError, match="counts transactions from"):
            seal(reader, writer, KEY, SystemClock())


def test_the_sealer_may_append_and_change_nothing(
    database: Database, desk: Connection[Any]
) -> None:
    with psycopg.connect(database.role_url("desk_sealer"), autocommit=True) as conn:
        for statement in (
            "update audit.seals set sig = ''",
            "delete from audit.segments",
            "insert into audit.changes (change_id) values (gen_random_uuid())",
            "update public.votes set reason = 'x'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement.encode())


def test_seals_cut_off_with_what_they_sealed_are_missed(
    database: Database, desk: Connection[Any], tmp_path: Path
) -> None:
    desk.execute(CHANGE, ("one",))
    seal_all(database)
    remember(desk, tmp_path)
    before = recall(desk, tmp_path)
    desk.execute(CHANGE, ("two",))
    seal_all(database)
    remember(desk, tmp_path)
    (newest,) = recall(desk, tmp_path)
    assert list(before) == [newest - 1]
    assert proven(database, anchors=recall(desk, tmp_path)).ok

    desk.execute("set session_replication_role = replica")
    desk.execute("delete from audit.changes where row_key = 'two'")
    desk.execute("delete from audit.segments where number = %s", (newest,))
    desk.execute("delete from audit.seals where number = %s", (newest,))

    assert proven(database).ok
    missed = proven(database, anchors=recall(desk, tmp_path)).first
    assert missed is not None
    assert (missed.table, missed.key, missed.difference) == (
        "audit.seals", str(newest), Difference.MISSING,
    )  # fmt: skip
    # What is left of the chain is not written over what it was.
    remember(desk, tmp_path)
    assert list(recall(desk, tmp_path)) == [newest]
