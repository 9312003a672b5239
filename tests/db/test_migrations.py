"""Migrations: from nothing, from an older release, on Supabase, all or nothing."""

import shutil
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from psycopg import sql

from backend.db.catalogue import verify
from backend.db.prepare import become_owner, prepare
from backend.db.sql_files import FOLDER
from backend.db.tables import metadata
from backend.db.upgrade import alembic_config, status, transaction, upgrade
from backend.errors import DeskError
from backend.runtime import postgres
from backend.settings import load_settings
from tests.kit import postgres as kit
from tests.kit.postgres import Database

SUPABASE_LIKE = Path(__file__).parent.parent / "kit" / "supabase_like.sql"


def test_an_empty_database_reaches_the_head_and_a_second_upgrade_does_nothing(
    empty_database: Database,
) -> None:
    with kit.migration_lock():
        first = upgrade(empty_database.owner_url)
        second = upgrade(empty_database.owner_url)

    assert first.from_revision is None
    assert first.changed
    assert not second.changed
    assert second.to_revision == first.to_revision
    assert status(empty_database.owner_url).current


def test_status_of_an_unmigrated_database_says_that_everything_is_missing(
    empty_database: Database,
) -> None:
    found = status(empty_database.owner_url)

    assert found.revision is None
    assert not found.current
    assert len(found.changed_files) > 50


def test_alembic_finds_no_difference_between_models_and_migrations(database: Database) -> None:
    with transaction(database.owner_url) as (connection, conn):
        become_owner(conn)
        config = alembic_config()
        config.attributes["connection"] = connection

        command.check(config)


def test_models_and_migrations_build_the_same_tables_down_to_checks_and_settings(
    database: Database, empty_database: Database
) -> None:
    with (
        kit.migration_lock(),
        transaction(empty_database.owner_url) as (connection, conn),
    ):
        prepare(conn)
        metadata.create_all(connection)

    migrated, modelled = (_shape(db.superuser_url) for db in (database, empty_database))

    assert migrated == modelled
    assert len(migrated) > 900


def test_a_database_of_an_older_release_keeps_its_rows(empty_database: Database) -> None:
    with kit.migration_lock():
        upgrade(empty_database.owner_url, revision="0001")
        with psycopg.connect(empty_database.owner_url) as conn:
            become_owner(conn)
            conn.execute(
                "insert into organizations (org_id, name, base_currency)"
                " values ('old', 'Older than us', 'USD')"
            )
        report = upgrade(empty_database.owner_url)

    assert report.from_revision == "0001"
    with psycopg.connect(empty_database.owner_url) as conn:
        become_owner(conn)
        names = conn.execute("select name from organizations").fetchall()
        assert names == [("Older than us",)]
        assert verify(conn) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "create or replace function ops.broken() returns int\nlanguage sql as $$\n"
            "  select 1 from ops.nowhere\n$$;\n",
            3,
            "does not exist",
        ),
        (
            "create or replace function ops.broken() returns int\nlanguage plpgsql as $$\n"
            "begin\n  retrn 1;\nend $$;\n",
            4,
            "syntax error",
        ),
        ("select 1;\n\nselct 2;\n", 3, "syntax error"),
    ],
    ids=["unknown table in a body", "plpgsql that does not parse", "no SQL"],
)
def test_one_broken_file_undoes_everything_and_is_named_with_its_line(
    empty_database: Database, tmp_path: Path, text: str, line: int, words: str
) -> None:
    folder = tmp_path / "sql"
    shutil.copytree(FOLDER, folder)
    (folder / "ops" / "broken.function.sql").write_text(text)

    with kit.migration_lock(), pytest.raises(DeskError) as caught:
        upgrade(empty_database.owner_url, folder=folder)

    assert caught.value.code == "db.sql_broken"
    assert caught.value.message.startswith(f"sql/ops/broken.function.sql:{line}: ")
    assert words in caught.value.message
    with psycopg.connect(empty_database.superuser_url) as conn:
        assert _scalar(conn, "select count(*) from pg_namespace where nspname = 'ops'") == 0


def test_a_file_outside_the_naming_rule_is_refused(tmp_path: Path, database: Database) -> None:
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "loose.sql").write_text("select 1")

    with pytest.raises(DeskError, match=r"loose\.sql is not named"):
        upgrade(database.owner_url, folder=tmp_path)


def test_a_view_may_change_its_columns_and_a_grant_that_left_the_folder_is_gone(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "sql"
    shutil.copytree(FOLDER, folder)
    view = folder / "ops" / "sizes.view.sql"
    view.write_text(
        "create or replace view ops.sizes with (security_invoker = true) as select 1 as a;\n"
        "comment on view ops.sizes is 'For this test.';\ngrant select on ops.sizes to auditor;\n"
    )
    upgrade(database.owner_url, folder=folder)
    view.write_text(
        "create or replace view ops.sizes with (security_invoker = true) as select 2 as b;\n"
        "comment on view ops.sizes is 'For this test.';\n"
    )

    report = upgrade(database.owner_url, folder=folder)

    assert report.changed_files == ("ops/sizes.view.sql",)
    with psycopg.connect(database.superuser_url) as conn:
        assert _scalar(conn, "select b from ops.sizes") == 2
        assert not _scalar(conn, "select has_table_privilege('auditor', 'ops.sizes', 'select')")


def test_what_left_the_folder_is_reported_and_stays(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "sql"
    shutil.copytree(FOLDER, folder)
    extra = folder / "ops" / "extra.function.sql"
    extra.write_text(
        "create or replace function ops.extra() returns int language sql as 'select 1';\n"
    )
    upgrade(database.owner_url, folder=folder)
    extra.unlink()

    report = upgrade(database.owner_url, folder=folder)

    assert report.removed_files == ("ops/extra.function.sql",)
    with psycopg.connect(database.superuser_url) as conn:
        rules = {v.rule for v in verify(conn, folder) if v.subject == "ops.extra"}
        assert rules == {"routine is in the database and not in sql/"}


def test_partitions_reach_a_week_ahead_on_each_version(
    database_of_each_version: Database,
) -> None:
    with psycopg.connect(database_of_each_version.superuser_url) as conn:
        for table in ("bus.events", "decision_traces", "order_events", "market_ticks"):
            count = _scalar(
                conn,
                f"select count(*) from pg_inherits where inhparent = '{table}'::regclass",
            )
            assert count == 9, table
        assert verify(conn) == []


@pytest.fixture(params=[16, 18], ids=["pg16", "pg18"], scope="module")
def supabase_like(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[dict[str, str]]:
    """Lend a server of its own: its `postgres` is a CREATEROLE login, as on Supabase."""
    home = tmp_path_factory.mktemp(f"supabase{request.param}")
    settings = load_settings({"DESK_HOME": str(home), "DESK_POSTGRES_VERSION": str(request.param)})
    with postgres.running(settings) as handle:
        with psycopg.connect(handle.superuser_url(), autocommit=True) as conn:
            conn.execute("create role helper superuser login password 'helper'")
        with psycopg.connect(handle.url("helper", "helper", "postgres"), autocommit=True) as conn:
            conn.execute("alter role postgres rename to supabase_admin")
            conn.execute(
                "create role postgres login nosuperuser createrole createdb replication bypassrls"
                " password 'postgres'"
            )
            conn.execute(sql.SQL("create database supabase owner postgres"))
        yield {
            "superuser": handle.url("helper", "helper", "supabase"),
            "owner": handle.url("postgres", "postgres", "supabase"),
            "authenticator": handle.url("authenticator", "authenticator", "supabase"),
        }


def test_a_database_prepared_like_supabase_is_migrated_by_its_createrole_login(
    supabase_like: dict[str, str],
) -> None:
    with psycopg.connect(supabase_like["superuser"], autocommit=True) as conn:
        conn.execute(SUPABASE_LIKE.read_bytes())

    first = upgrade(supabase_like["owner"])
    second = upgrade(supabase_like["owner"])

    assert first.changed
    assert not second.changed
    with psycopg.connect(supabase_like["superuser"], autocommit=True) as conn:
        assert verify(conn) == []
    with psycopg.connect(supabase_like["authenticator"], autocommit=True) as conn:
        for role in ("anon", "authenticated", "service_role"):
            conn.execute(f"set role {role}".encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("select org_id from public.organizations")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("select bus.uuid7()")


def _scalar(conn: psycopg.Connection, query: str) -> object:
    row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def _shape(url: str) -> set[tuple[str, ...]]:
    """Describe every table of the desk, its partitions left out."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(_SHAPE).fetchall()
    return {row for row in rows if row[1] not in ("ops.alembic_version",)}


_SHAPE = """
with own as (
  select c.oid, n.nspname || '.' || c.relname as name, c.reloptions
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p') and not c.relispartition
     and c.relowner = 'desk_owner'::regrole
)
select 'column', o.name, a.attname::text, format_type(a.atttypid, a.atttypmod),
       a.attnotnull::text || a.attidentity::text, pg_get_expr(d.adbin, d.adrelid),
       col_description(o.oid, a.attnum)
  from own o join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = o.oid and d.adnum = a.attnum
union all
select 'constraint', o.name, c.conname::text, pg_get_constraintdef(c.oid), null, null, null
  from own o join pg_constraint c on c.conrelid = o.oid and c.contype <> 't'
union all
select 'index', o.name, pg_get_indexdef(i.indexrelid), null, null, null, null
  from own o join pg_index i on i.indrelid = o.oid
union all
select 'table', o.name, o.reloptions::text, pg_get_partkeydef(o.oid),
       obj_description(o.oid, 'pg_class'), null, null
  from own o
"""
