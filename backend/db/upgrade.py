"""Bring a database to this checkout's schema: roles, tables and `sql/`, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import NullPool, create_engine

from backend.db import sql_files
from backend.db.gateway import libpq_url
from backend.db.prepare import become_owner, prepare
from backend.errors import DeskError

MIGRATIONS = sql_files.CHECKOUT / "migrations"
VERSION_SCHEMA = "ops"

# Days of partitions that every upgrade makes sure of, from yesterday on.
PARTITION_DAYS = 8
_TRIES = 5
# Another database of the cluster changed the same role at the same moment.
_RACES = ("XX000", "23505", "42710", "40001", "40P01")


@dataclass(frozen=True, slots=True)
class UpgradeReport:
    """What an upgrade changed; nothing where the database was up to date."""

    from_revision: str | None
    to_revision: str
    created_roles: tuple[str, ...]
    changed_files: tuple[str, ...]
    removed_files: tuple[str, ...]
    """Applied earlier and gone from the folder; their objects stay until a revision drops them."""

    @property
    def changed(self) -> bool:
        """Tell whether anything was done."""
        return self.from_revision != self.to_revision or bool(
            self.changed_files or self.removed_files or self.created_roles
        )


@dataclass(frozen=True, slots=True)
class Status:
    """Where a database stands."""

    revision: str | None
    head: str
    changed_files: tuple[str, ...]
    removed_files: tuple[str, ...]

    @property
    def current(self) -> bool:
        """Tell whether an upgrade would do nothing."""
        return self.revision == self.head and not self.changed_files and not self.removed_files


def upgrade(
    migrator_url: str,
    *,
    revision: str = "head",
    folder: Path = sql_files.FOLDER,
    reapply: bool = False,
) -> UpgradeReport:
    """Upgrade a database as its migrator, all or nothing.

    revision: an older one stops the tables there and leaves `sql/` alone, for tests.
    reapply: replace the whole of `sql/` even if nothing in it changed.
    Raises DeskError, naming the file and line that broke, with the database as it was.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            return _upgrade(migrator_url, revision, folder, reapply)
        except psycopg.Error as error:
            if error.sqlstate not in _RACES or attempt == _TRIES:
                raise DeskError(
                    "db.upgrade", f"the upgrade failed: {error}", "nothing was changed"
                ) from error
            time.sleep(0.1 * attempt)
    raise AssertionError("unreachable")


def _upgrade(migrator_url: str, revision: str, folder: Path, reapply: bool) -> UpgradeReport:
    files = sql_files.read_folder(folder)
    with transaction(migrator_url) as (connection, conn):
        conn.execute("set local lock_timeout = '60s'")
        conn.execute("select pg_advisory_xact_lock(hashtextextended('desk.upgrade', 0))")
        # From here on rather give up than make a running desk queue behind us.
        conn.execute("set local lock_timeout = '10s'")
        created = prepare(conn)
        before = _revision(connection)
        config = alembic_config()
        config.attributes["connection"] = connection
        if before != _head(config) or revision != "head":
            command.upgrade(config, revision)
        after = _revision(connection)
        if after is None:
            raise DeskError("db.upgrade", "no revision was applied", "see migrations/versions")
        if revision != "head":
            return UpgradeReport(before, after, tuple(created), (), ())
        changed, removed = _difference(conn, files)
        if changed or removed or before != after or reapply:
            sql_files.apply(conn, files)
            _record(conn, files, after)
        _ensure_partitions(conn)
        return UpgradeReport(before, after, tuple(created), changed, removed)


def status(url: str, folder: Path = sql_files.FOLDER) -> Status:
    """Compare a database with this checkout, reading only."""
    files = sql_files.read_folder(folder)
    with transaction(url) as (connection, conn):
        head = _head(alembic_config())
        known = conn.execute("select to_regclass('ops.alembic_version') is not null").fetchone()
        if known is None or not known[0]:
            return Status(None, head, tuple(file.path for file in files), ())
        revision = _revision(connection)
        return Status(revision, head, *_difference(conn, files))


def alembic_config() -> Config:
    """Return Alembic's configuration, independent of the working directory."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@contextmanager
def transaction(url: str) -> Iterator[tuple[SqlConnection, Connection[Any]]]:
    """Lend one transaction, to SQLAlchemy and psycopg at once."""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(
            libpq_url(url),
            application_name="desk-upgrade",
            prepare_threshold=None,
            options="-c timezone=UTC",
        ),
        poolclass=NullPool,
    )
    with engine.begin() as connection:
        conn = connection.connection.driver_connection
        assert isinstance(conn, psycopg.Connection)
        yield connection, conn


def _revision(connection: SqlConnection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": VERSION_SCHEMA})
    return context.get_current_revision()


def _head(config: Config) -> str:
    head = ScriptDirectory.from_config(config).get_current_head()
    if head is None:
        raise DeskError("db.upgrade", "there are no migrations", "see migrations/versions")
    return head


def _difference(
    conn: Connection[Any], files: list[sql_files.SqlFile]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    known = conn.execute("select to_regclass('ops.routines') is not null").fetchone()
    applied: dict[str, str] = {}
    if known is not None and known[0]:
        rows = conn.execute("select r.path, r.sha256 from ops.routines r").fetchall()
        applied = dict(rows)
    changed = tuple(file.path for file in files if applied.get(file.path) != file.sha256)
    return changed, tuple(sorted(applied.keys() - {file.path for file in files}))


def _record(conn: Connection[Any], files: list[sql_files.SqlFile], revision: str) -> None:
    paths = [file.path for file in files]
    conn.execute("delete from ops.routines r where r.path <> all (%s)", (paths,))
    conn.execute(
        "insert into ops.routines as held (path, sha256, revision, applied_at)"
        " select f.path, f.sha256, %s, clock_timestamp()"
        "   from unnest(%s::text[], %s::text[]) as f(path, sha256)"
        " on conflict (path) do update"
        "    set sha256 = excluded.sha256, revision = excluded.revision,"
        "        applied_at = excluded.applied_at",
        (revision, paths, [file.sha256 for file in files]),
    )


def _ensure_partitions(conn: Connection[Any]) -> None:
    become_owner(conn)
    conn.execute(
        "select ops.ensure_partitions((now() at time zone 'UTC')::date - 1, %s)", (PARTITION_DAYS,)
    )
