"""Real Postgres for tests: one server per version and session, a fresh database per test."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from backend.runtime import postgres
from backend.runtime.home import locked
from backend.runtime.postgres import PostgresHandle
from backend.runtime.spawn import tail
from backend.settings import CHECKOUT, load_settings

# Set by the session's first process, inherited by its xdist workers.
SESSION_KEY = "KIT_SESSION_PID"
TEMPLATE = "kit_template"
START_WAIT_S = 60.0
STOP_WAIT_S = 30.0


@dataclass(frozen=True)
class Database:
    """One database of a test: reach it as its owner, as the superuser, or as any role."""

    handle: PostgresHandle
    name: str

    @property
    def owner_url(self) -> str:
        """Give the URL of the login that migrates: CREATEROLE, no superuser."""
        return self.handle.migrator_url(self.name)

    @property
    def superuser_url(self) -> str:
        """Give the superuser's URL, for looking behind the curtain."""
        return self.handle.superuser_url(self.name)

    def role_url(self, role: str, tcp: bool = False) -> str:
        """Give the URL of a login role, whose password is set on the way."""
        password = self.handle.home.secret(f"kit-{role}")
        with psycopg.connect(self.handle.superuser_url(), autocommit=True) as connection:
            # Roles belong to the whole server: two workers must not alter one at a time.
            connection.execute("select pg_advisory_lock(hashtext('kit alters a role'))")
            connection.execute(
                sql.SQL("alter role {} password {}").format(
                    sql.Identifier(role), sql.Literal(password)
                )
            )
        return self.handle.url(role, password, self.name, tcp=tcp)


def begin_session() -> None:
    """Name this process as the one whose end is the end of the session's servers."""
    os.environ[SESSION_KEY] = str(os.getpid())


def end_session() -> None:
    """Stop the session's servers and wait until their folders have gone."""
    folders = list(Path(tempfile.gettempdir()).glob(f"{_prefix()}*"))
    for folder in folders:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((folder / "keeper.pid").read_text()), signal.SIGTERM)
    deadline = time.monotonic() + STOP_WAIT_S
    while any((folder / "ready").exists() for folder in folders) and time.monotonic() < deadline:
        time.sleep(0.02)
    for lock in Path(tempfile.gettempdir()).glob(f"{_prefix()}*.lock"):
        lock.unlink(missing_ok=True)


def server(version: int = 16) -> PostgresHandle:
    """Give the session's server of that major version, started by whoever asks first."""
    home = Path(tempfile.gettempdir()) / f"{_prefix()}{version}"
    settings = load_settings({"DESK_HOME": str(home), "DESK_POSTGRES_VERSION": str(version)})
    with locked(home.with_suffix(".lock"), wait=True):
        if not (home / "ready").exists():
            _start_keeper(home, version)
        handle = postgres.find_running(settings)
    if handle is None:
        raise RuntimeError(f"the tests' Postgres {version} has ended")
    return handle


@contextlib.contextmanager
def fresh_database(version: int = 16) -> Generator[Database]:
    """Lend a migrated database that nobody else uses, cloned from one migrated once."""
    handle = server(version)
    _ensure_template(handle)
    name = f"t_{secrets.token_hex(8)}"
    with psycopg.connect(handle.superuser_url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                sql.Identifier(name),
                sql.Identifier(TEMPLATE),
                sql.Identifier(postgres.MIGRATOR),
            )
        )
        _copy_settings(connection, TEMPLATE, name)
    try:
        yield Database(handle, name)
    finally:
        postgres.drop_database(handle, name)


@contextlib.contextmanager
def empty_database(version: int = 16) -> Generator[Database]:
    """Lend a database as `desk up` makes it before any migration."""
    handle = server(version)
    name = f"e_{secrets.token_hex(8)}"
    postgres.create_database(handle, name)
    try:
        yield Database(handle, name)
    finally:
        postgres.drop_database(handle, name)


@contextlib.contextmanager
def migration_lock(version: int = 16) -> Generator[None]:
    """Keep other workers from migrating meanwhile: roles belong to the whole server."""
    with locked(server(version).home.path / "template.lock", wait=True):
        yield


def _prefix() -> str:
    return f"desk-kit-{os.environ.get(SESSION_KEY, os.getpid())}-"


def _start_keeper(home: Path, version: int) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o711)
    log = home / "keeper.log"
    session_pid = os.environ.get(SESSION_KEY, str(os.getpid()))
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.keeper", session_pid, str(home), str(version)],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    (home / "keeper.pid").write_text(str(keeper.pid))
    deadline = time.monotonic() + START_WAIT_S
    while not (home / "ready").exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the tests' Postgres {version} did not start:\n{tail(log, 20)}")
        time.sleep(0.02)


def _ensure_template(handle: PostgresHandle) -> None:
    """Migrate a database once per server, then only clone it."""
    done = handle.home.path / "template.done"
    if done.exists():
        return
    from backend.db.upgrade import upgrade

    with locked(handle.home.path / "template.lock", wait=True):
        if done.exists():
            return
        postgres.drop_database(handle, TEMPLATE)
        upgrade(postgres.create_database(handle, TEMPLATE))
        done.touch()


def _copy_settings(connection: psycopg.Connection, source: str, target: str) -> None:
    """Copy what `create database … template` leaves behind: settings and privileges."""
    connection.execute(
        """
        insert into pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig)
        select fresh.oid, setting.setrole, setting.setconfig
          from pg_catalog.pg_db_role_setting setting
          join pg_catalog.pg_database known on known.oid = setting.setdatabase
         cross join pg_catalog.pg_database fresh
         where known.datname = %(source)s and fresh.datname = %(target)s
        """,
        {"source": source, "target": target},
    )
    connection.execute(
        """
        update pg_catalog.pg_database fresh
           set datacl = known.datacl
          from pg_catalog.pg_database known
         where known.datname = %(source)s and fresh.datname = %(target)s
        """,
        {"source": source, "target": target},
    )
