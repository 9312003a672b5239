"""The embedded Postgres: start it, reach it, make databases in it, stop it."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from backend.errors import DeskError
from backend.runtime.addresses import MIGRATOR, PostgresHandle, role_url
from backend.runtime.cluster import (
    Cluster,
    clear_leftovers,
    configure,
    data_folder,
    prepare_cluster,
    running_pid,
)
from backend.runtime.databases import create_database, drop_database, ensure_database, finish
from backend.runtime.home import Home, locked, prepare_home
from backend.runtime.network import is_free, pick_port
from backend.runtime.spawn import spawn, tail
from backend.settings import Settings

__all__ = [
    "MIGRATOR",
    "PostgresHandle",
    "ServerStart",
    "answers",
    "create_database",
    "drop_database",
    "ensure_database",
    "ensure_running",
    "find_running",
    "finish",
    "prepare",
    "role_url",
    "running",
    "stop",
    "stop_running",
]

# Long, because recovery after a crash reads back up to max_wal_size.
READY_WAIT_S = 300.0
STOP_WAIT_S = 60.0
POLL_S = 0.03
# Fast shutdown: clients are disconnected, their transactions rolled back, data flushed.
STOP_SIGNAL = signal.SIGINT


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
