"""The embedded Postgres: passwords at once, survival of a crash, clear refusals."""

import os
import shutil
import signal
import stat
from collections.abc import Generator
from pathlib import Path

import psutil
import psycopg
import pytest

from backend.errors import DeskError
from backend.runtime import postgres
from backend.runtime.postgres import PostgresHandle
from tests.kit.homes import settings_for, temporary_home, until


@pytest.fixture(scope="module", params=["16", "18"])
def handle(request: pytest.FixtureRequest) -> Generator[PostgresHandle]:
    with temporary_home() as home:
        settings = settings_for(home, DESK_POSTGRES_VERSION=request.param)
        with postgres.running(settings) as lent:
            assert lent.version == int(request.param)
            yield lent


@pytest.fixture(scope="module")
def home() -> Generator[Path]:
    with temporary_home() as lent:
        yield lent


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_every_login_needs_its_password_over_socket_and_tcp(handle: PostgresHandle):
    for role in ("postgres", postgres.MIGRATOR):
        for tcp in (False, True):
            for password in ("", "wrong"):
                with pytest.raises(psycopg.OperationalError):
                    psycopg.connect(handle.url(role, password, "postgres", tcp=tcp))
    assert execute(handle.migrator_url("postgres", tcp=True), "select 1") == [(1,)]
    rules = execute(handle.superuser_url(), "select distinct auth_method from pg_hba_file_rules")
    assert rules == [("scram-sha-256",)]


def test_passwords_and_data_are_readable_by_their_owner_alone(handle: PostgresHandle):
    secrets = handle.home.secrets
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in secrets.iterdir())
    assert stat.S_IMODE(handle.socket_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(handle.data.stat().st_mode) == 0o700


def test_durability_is_on(handle: PostgresHandle):
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert execute(handle.superuser_url(), f"show {name}") == [("on",)]
    assert execute(handle.superuser_url(), "show max_connections") == [("300",)]


def test_the_migrator_makes_roles_but_is_no_superuser(handle: PostgresHandle):
    flags = execute(
        handle.migrator_url("postgres"),
        "select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication"
        "  from pg_roles where rolname = session_user",
    )
    assert flags == [(False, True, True, False, False)]


def test_a_database_has_vector_in_schema_extensions_and_belongs_to_the_migrator(
    handle: PostgresHandle,
):
    url = postgres.create_database(handle, "fresh_one")
    found = execute(
        url,
        "select n.nspname::text, pg_get_userbyid(d.datdba)::text, '[1,2]'::vector::text"
        "  from pg_extension e join pg_namespace n on n.oid = e.extnamespace,"
        "       pg_database d where e.extname = 'vector' and d.datname = current_database()",
    )
    assert found == [("extensions", postgres.MIGRATOR, "[1,2]")]
    execute(url, "create schema bus; create table bus.t (v extensions.vector(3))")
    with pytest.raises(DeskError, match="exists already"):
        postgres.create_database(handle, "fresh_one")
    assert postgres.ensure_database(handle, "fresh_one") == url
    postgres.drop_database(handle, "fresh_one")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_the_migrator_can_own_objects_through_a_role_that_it_made(handle: PostgresHandle):
    url = postgres.create_database(handle, "owned")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create role kit_owner nologin")
        connection.execute("create role kit_agent login password 'kit-agent'")
        connection.execute("grant kit_owner to desk_migrator with inherit true, set true")
        connection.execute("create schema kit authorization kit_owner")
        connection.execute("set role kit_owner")
        connection.execute("create table kit.t (id int)")
        connection.execute("grant usage on schema kit to kit_agent")
    with (
        psycopg.connect(postgres.role_url(url, "kit_agent", "kit-agent")) as agent,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        agent.execute("select id from kit.t")
    postgres.drop_database(handle, "owned")
    execute(handle.superuser_url(), "drop role kit_owner, kit_agent")


def test_a_second_caller_gets_the_server_that_runs(handle: PostgresHandle):
    settings = settings_for(handle.home.path, DESK_POSTGRES_VERSION=str(int(handle.version)))
    again = postgres.ensure_running(settings)
    assert again.pid == handle.pid
    assert again.child is None
    assert postgres.find_running(settings) == handle


def test_a_name_that_is_no_identifier_is_refused(handle: PostgresHandle):
    with pytest.raises(DeskError) as caught:
        postgres.create_database(handle, 'x"; drop database postgres; --')
    assert caught.value.code == "database.name"


def test_committed_rows_survive_kill_9_of_the_postmaster(home: Path):
    settings = settings_for(home)
    handle = postgres.ensure_running(settings)
    url = postgres.create_database(handle, "crash")
    execute(url, "create table t (id int)")
    execute(url, "insert into t select generate_series(1, 1000)")
    os.kill(handle.pid, signal.SIGKILL)
    # At once: the backends of the dead server may still be there, and so is its pid file.
    again = postgres.ensure_running(settings)
    assert again.pid != handle.pid
    assert execute(again.migrator_url("crash"), "select count(*) from t") == [(1000,)]
    postgres.stop(again)
    assert not psutil.pid_exists(again.pid)


def test_a_pid_file_that_names_a_stranger_does_not_hinder_the_start(home: Path):
    settings = settings_for(home)
    handle = postgres.ensure_running(settings)
    pid_file = handle.data / "postmaster.pid"
    content = pid_file.read_text()
    os.kill(handle.pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(handle.pid) or handle.child.poll() is not None, "its end")
    # As after a reboot: the number belongs to another program of the same user.
    pid_file.write_text(content.replace(str(handle.pid), str(os.getpid()), 1))
    again = postgres.ensure_running(settings)
    assert execute(again.superuser_url(), "select 1") == [(1,)]
    postgres.stop(again)


def test_an_interrupted_first_start_is_done_again(home: Path):
    with temporary_home() as other:
        (other / "postgres" / "data.new").mkdir(parents=True)
        (other / "postgres" / "data.new" / "rubbish").touch()
        with postgres.running(settings_for(other)) as handle:
            assert execute(handle.superuser_url(), "select 1") == [(1,)]


def test_data_of_another_version_is_refused_with_the_way_out(home: Path):
    with postgres.running(settings_for(home)):
        pass
    with pytest.raises(DeskError) as caught:
        postgres.ensure_running(settings_for(home, DESK_POSTGRES_VERSION="18"))
    assert caught.value.code == "postgres.version_mismatch"
    assert "DESK_POSTGRES_VERSION=16" in caught.value.hint


def test_lost_passwords_are_named_as_such(home: Path):
    settings = settings_for(home)
    with postgres.running(settings):
        pass
    kept = home / "kept"
    (home / "secrets").rename(kept)
    try:
        with pytest.raises(DeskError) as caught:
            postgres.ensure_running(settings)
        assert caught.value.code == "postgres.password"
    finally:
        shutil.rmtree(home / "secrets")
        kept.rename(home / "secrets")


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder():
    with temporary_home() as top:
        deep = top / ("long-" * 12) / ("longer-" * 9)
        deep.mkdir(parents=True)
        with postgres.running(settings_for(deep)) as handle:
            assert len(str(handle.socket_folder)) < 80
            assert stat.S_IMODE(handle.socket_folder.stat().st_mode) == 0o700
            assert execute(handle.superuser_url(), "select 1") == [(1,)]
            socket_folder = handle.socket_folder
        shutil.rmtree(socket_folder)
