"""The embedded Postgres: start it, reach it, make databases in it, stop it."""

import contextlib
import re
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psutil
import psycopg
from psycopg import sql

from backend.errors import DeskError
from backend.runtime.cluster import (
    SUPERUSER,
    Cluster,
    clear_leftovers,
    configure,
    data_folder,
    prepare_cluster,
    running_pid,
)
from backend.runtime.home import Home, locked, prepare_home
from backend.runtime.network import LOOPBACK, is_free, pick_port
from backend.runtime.spawn import spawn, tail
from backend.settings import PostgresVersion, Settings

MIGRATOR = "desk_migrator"
TEMPLATE = "desk_template"
# Long, because recovery after a crash reads back up to max_wal_size.
READY_WAIT_S = 300.0
STOP_WAIT_S = 60.0
POLL_S = 0.03
DATABASE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
# Fast shutdown: clients are disconnected, their transactions rolled back, data flushed.
STOP_SIGNAL = signal.SIGINT


@dataclass(frozen=True)
class PostgresHandle:
    """A server that runs, and the ways to it; passwords are read when a URL is asked for."""

    home: Home
    version: PostgresVersion
    data: Path
    socket_folder: Path
    port: int
    pid: int
    # The child, if this very process started it.
    child: "subprocess.Popen[bytes] | None" = field(default=None, compare=False, repr=False)

    @property
    def host(self) -> str:
        """Give the loopback address that the server listens on beside its socket."""
        return LOOPBACK

    def url(self, role: str, password: str, database: str, *, tcp: bool = False) -> str:
        """Give a connection URL for libpq: over the socket, which is faster, or over TCP."""
        login = f"{quote(role, safe='')}:{quote(password, safe='')}"
        if tcp:
            return f"postgresql://{login}@{self.host}:{self.port}/{database}"
        folder = quote(str(self.socket_folder), safe="")
        return f"postgresql://{login}@/{database}?host={folder}&port={self.port}"

    def superuser_url(self, database: str = "postgres", *, tcp: bool = False) -> str:
        """Give the superuser's URL, for preparing databases and nothing else."""
        return self.url(SUPERUSER, self.home.secret("postgres-superuser"), database, tcp=tcp)

    def migrator_url(self, database: str, *, tcp: bool = False) -> str:
        """Give the URL of the login that owns the databases: CREATEROLE, no superuser."""
        return self.url(MIGRATOR, self.home.secret("postgres-migrator"), database, tcp=tcp)


@dataclass(frozen=True, slots=True)
class ServerStart:
    """All that a caller needs to run the server as a child of its own."""

    cluster: Cluster
    port: int
    argv: tuple[str, ...]

    @property
    def log(self) -> Path:
        """Give the server's log file."""
        return self.cluster.home.log("postgres")

    def handle(self, pid: int, child: "subprocess.Popen[bytes] | None" = None) -> PostgresHandle:
        """Describe the server once it has a pid."""
        cluster = self.cluster
        return PostgresHandle(
            cluster.home,
            cluster.version,
            cluster.data,
            cluster.socket_folder(),
            self.port,
            pid,
            child,
        )


def role_url(owner_url: str, role: str, password: str) -> str:
    """Give the same database's URL under another login, whatever server it is on."""
    parts = urlsplit(owner_url)
    address = parts.netloc.rpartition("@")[2]
    login = f"{quote(role, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{address}"))


def prepare(settings: Settings, overrides: Mapping[str, str] | None = None) -> ServerStart:
    """Make or check the data folder, pick a port and write the configuration.

    Raises DeskError if a server of this folder runs already, or something is in the way.
    """
    home = prepare_home(settings)
    cluster = prepare_cluster(home, settings.postgres_version)
    if (pid := running_pid(cluster.data)) is not None:
        raise DeskError(
            "postgres.running",
            f"a Postgres server (pid {pid}) already runs on {cluster.data}",
            "wait for the command that uses it, or stop it with `desk down`",
        )
    clear_leftovers(cluster)
    last_port = cluster.folder / "port"
    remembered = int(last_port.read_text()) if last_port.is_file() else None
    port = pick_port("postgres", home.path, remembered)
    last_port.write_text(str(port))
    configure(cluster, port, overrides or {})
    argv = (str(cluster.binaries / "postgres"), "-D", str(cluster.data))
    return ServerStart(cluster, port, argv)


def find_running(settings: Settings) -> PostgresHandle | None:
    """Find the server that already runs in this home, if one does and answers."""
    home = Home(settings.home)
    if not (data_folder(home) / "PG_VERSION").is_file():
        return None
    cluster = prepare_cluster(home, settings.postgres_version)
    pid = running_pid(cluster.data)
    if pid is None:
        return None
    lines = (cluster.data / "postmaster.pid").read_text().splitlines()
    if len(lines) < 5:
        return None
    start = ServerStart(cluster, int(lines[3]), ())
    handle = start.handle(pid)
    _await_ready(handle, lambda: running_pid(cluster.data) == pid, start.log)
    return handle


def ensure_running(
    settings: Settings, overrides: Mapping[str, str] | None = None
) -> PostgresHandle:
    """Give the server of this home, started as our child if it did not run.

    A server that we start stops when the calling thread ends; `stop` ends it earlier.
    overrides: server settings that differ from the desk's, by name.
    """
    home = prepare_home(settings)
    with locked(home.run / "postgres.lock", wait=True):
        found = find_running(settings)
        if found is not None:
            finish(found)
            return found
        start = prepare(settings, overrides)
        child = spawn(
            start.argv,
            log=start.log,
            cwd=start.cluster.folder,
            account=start.cluster.account,
            death_signal=STOP_SIGNAL,
        )
        handle = start.handle(child.pid, child)
        try:
            _await_ready(handle, lambda: child.poll() is None, start.log)
            finish(handle)
        except BaseException:
            stop(handle)
            raise
        return handle


@contextlib.contextmanager
def running(
    settings: Settings, overrides: Mapping[str, str] | None = None
) -> Generator[PostgresHandle]:
    """Lend the server of this home: left alone if it ran before, stopped if we started it."""
    handle = ensure_running(settings, overrides)
    try:
        yield handle
    finally:
        if handle.child is not None:
            stop(handle)


def stop(handle: PostgresHandle) -> None:
    """Stop the server and wait until it has gone; raises DeskError postgres.stop if it stays."""
    child = handle.child
    if child is None:
        stop_running(handle.home)
        return
    if child.poll() is None:
        child.send_signal(STOP_SIGNAL)
    if not _gone_within(child, STOP_WAIT_S):
        raise _does_not_stop(handle.home, handle.pid)


def stop_running(home: Home) -> bool:
    """Stop whatever server runs on this home's data, of any version; tells whether one did."""
    pid = running_pid(data_folder(home))
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        process.send_signal(STOP_SIGNAL)
    except psutil.NoSuchProcess:
        return False
    if psutil.wait_procs([process], timeout=STOP_WAIT_S)[1]:
        raise _does_not_stop(home, pid)
    return True


def _does_not_stop(home: Home, pid: int) -> DeskError:
    return DeskError(
        "postgres.stop",
        f"the Postgres server (pid {pid}) does not stop",
        f"look at {home.log('postgres')}",
    )


def _gone_within(child: "subprocess.Popen[bytes]", timeout_s: float) -> bool:
    try:
        child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def answers(handle: PostgresHandle) -> bool:
    """Tell whether the server accepts our login; raises DeskError postgres.password if not."""
    url = handle.superuser_url()
    if psycopg.pq.PGconn.ping(url.encode()) != psycopg.pq.Ping.OK:
        return False
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        # libpq gives no SQLSTATE here, but it knows whether the password was asked for and sent.
        if error.pgconn is not None and error.pgconn.used_password:
            raise _wrong_password(handle) from None
        return False
    return True


def _wrong_password(handle: PostgresHandle) -> DeskError:
    return DeskError(
        "postgres.password",
        f"the Postgres server of {handle.home.path} refuses the password that is kept for it",
        f"restore {handle.home.secrets}, or move {handle.home.path} away to begin anew",
    )


def _await_ready(handle: PostgresHandle, alive: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + READY_WAIT_S
    while time.monotonic() < deadline:
        if not alive():
            in_use = "" if is_free(handle.port) else f"port {handle.port} was taken meanwhile; "
            raise DeskError(
                "postgres.start",
                "the embedded Postgres did not start",
                f"{in_use}its log {log} ends with:\n{tail(log)}",
            )
        if answers(handle):
            return
        time.sleep(POLL_S)
    raise DeskError(
        "postgres.start",
        f"the embedded Postgres was not ready within {READY_WAIT_S:.0f} s",
        f"look at {log}",
    )


def finish(handle: PostgresHandle) -> None:
    """Make what every database needs: the login that migrates, the template with pgvector."""
    with psycopg.connect(handle.superuser_url(), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtext('desk prepares the cluster'))")
        if not _exists(connection, "select 1 from pg_roles where rolname = %s", MIGRATOR):
            connection.execute(
                sql.SQL("create role {} login createrole createdb password {}").format(
                    sql.Identifier(MIGRATOR),
                    sql.Literal(handle.home.secret("postgres-migrator")),
                )
            )
        known = "select 1 from pg_database where datname = %s and datistemplate"
        if not _exists(connection, known, TEMPLATE):
            _create_template(handle, connection)


def _exists(connection: psycopg.Connection, statement: str, name: str) -> bool:
    return connection.execute(statement.encode(), (name,)).fetchone() is not None


def _create_template(handle: PostgresHandle, connection: psycopg.Connection) -> None:
    """Prepare a database as Supabase does: pgvector in schema extensions, made by the superuser."""
    template = sql.Identifier(TEMPLATE)
    connection.execute(sql.SQL("drop database if exists {}").format(template))
    connection.execute(
        sql.SQL("create database {} owner {}").format(template, sql.Identifier(MIGRATOR))
    )
    with psycopg.connect(handle.superuser_url(TEMPLATE), autocommit=True) as inside:
        inside.execute(
            sql.SQL("create schema extensions authorization {}").format(sql.Identifier(MIGRATOR))
        )
        inside.execute("create extension vector with schema extensions")
    # Marked last, so that an interrupted preparation is done again.
    connection.execute(
        sql.SQL("alter database {} with is_template true allow_connections false").format(template)
    )


def create_database(handle: PostgresHandle, name: str) -> str:
    """Make a database owned by the migrator, with pgvector in schema extensions; give its URL.

    Raises DeskError database.name or database.exists.
    """
    _check_name(name)
    database = sql.Identifier(name)
    with psycopg.connect(handle.migrator_url("postgres"), autocommit=True) as connection:
        try:
            connection.execute(
                sql.SQL("create database {} template {}").format(database, sql.Identifier(TEMPLATE))
            )
        except psycopg.errors.DuplicateDatabase:
            raise DeskError(
                "database.exists",
                f"database {name} exists already",
                "choose another name or drop it first",
            ) from None
        # As on Supabase: extensions are found without naming their schema.
        connection.execute(
            sql.SQL('alter database {} set search_path = "$user", public, extensions').format(
                database
            )
        )
    return handle.migrator_url(name)


def ensure_database(handle: PostgresHandle, name: str) -> str:
    """Make the database unless it exists; give the migrator's URL."""
    try:
        return create_database(handle, name)
    except DeskError as error:
        if error.code != "database.exists":
            raise
        return handle.migrator_url(name)


def drop_database(handle: PostgresHandle, name: str) -> None:
    """Drop the database if it exists, and the sessions in it."""
    _check_name(name)
    with psycopg.connect(handle.superuser_url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )


def _check_name(name: str) -> None:
    if not DATABASE_NAME.fullmatch(name):
        raise DeskError(
            "database.name",
            f"{name!r} is no database name",
            "use lower-case letters, digits and underscores, at most 63",
        )
