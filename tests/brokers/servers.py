"""Brokers of tests' own: on loopback, in their own folders, stopped and started at will."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.runtime import redis
from backend.runtime.spawn import tail
from backend.settings import load_settings
from tests.kit.homes import until

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_S = 60.0


class Broker(ABC):
    """One broker in one folder; it keeps its port and its data over a restart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self._children: list[subprocess.Popen[bytes]] = []

    @property
    @abstractmethod
    def url(self) -> str:
        """Give what BROKER_URL is set to."""

    @abstractmethod
    def start(self) -> None:
        """Start the server and wait until it listens."""

    def stop(self) -> None:
        """End the server and what it started, as a crash would."""
        for child in self._children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self._children.clear()

    def _run(self, *argv: str, port: int, **environment: str) -> None:
        log = self.folder / "server.log"
        with log.open("ab") as output:
            child = subprocess.Popen(
                argv,
                cwd=self.folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._children.append(child)

        def listens() -> bool:
            assert child.poll() is None, f"{argv[0]} ended:\n{tail(log, 20)}"
            return _accepts(port)

        until(listens, f"{Path(argv[0]).name} listened on {port}", START_S)


class DebianRedis(Broker):
    """The `redis-server` of the distribution."""

    @property
    def url(self) -> str:
        return f"redis://:secret@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = {"bind": "127.0.0.1", "port": str(self.port), "dir": str(self.folder)}
        options |= {"requirepass": "secret", "appendonly": "yes", "save": ""}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._run(_program("redis-server"), *words, port=self.port)


class RabbitMq(Broker):
    """The `rabbitmq-server` of the distribution, as this user and out of the system's way."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._epmd_port = free_port()
        self._environment = {
            "HOME": str(folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"desk{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }
        (folder / "plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text("")

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        # A port mapper of our own: the one that erl would start outlives it.
        self._run(_program("epmd"), port=self._epmd_port, **self._environment)
        self._run(str(RABBITMQ), port=self.port, **self._environment)


class EmbeddedRedis(Broker):
    """The Redis that comes with the desk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        settings = load_settings({"DESK_HOME": str(folder)})
        self._start = redis.prepare(settings)

    @property
    def url(self) -> str:
        return self._start.record(os.getpid()).url()

    def start(self) -> None:
        self._run(*self._start.argv, port=self._start.port)


@contextmanager
def running(broker: Broker) -> Generator[Broker]:
    """Start a broker, lend it, and leave nothing of it."""
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


def need(program: str) -> None:
    """Skip unless the distribution's server is installed."""
    found = RABBITMQ.exists() if program == "rabbitmq-server" else shutil.which(program)
    if not found:
        pytest.skip(f"{program} is not installed; `.ci/run` installs it")


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, name
    return found


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
