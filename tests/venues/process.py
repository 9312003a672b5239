"""Runs the real paper terminal as a process of its own."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mt5linux import MetaTrader5

from backend.runtime.paper_control import PaperControl

LOGIN = 10001
END_S = (1 << 31) - 1
"""The last date that the package knows."""
_clients: list[Any] = []


def close_clients() -> None:
    """Close what tests connected: the client itself has no way to."""
    while _clients:
        _clients.pop()._MetaTrader5__conn.close()


@dataclass
class PaperProcess:
    """A terminal that can be started, killed and started again on the same folder."""

    home: Path
    options: tuple[str, ...] = ()
    port: int = 0
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self, port: int = 0) -> "PaperProcess":
        """Start and wait for the ready line. Raises RuntimeError if it does not come."""
        command = [sys.executable, "-m", "backend.paper_terminal", "--home", str(self.home)]
        command += ["--port", str(port), *self.options]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(self._process.communicate()[1])
        ready = json.loads(line)
        assert ready["ready"] is True
        assert ready["pid"] == self._process.pid
        self.port = ready["port"]
        return self

    def kill(self) -> None:
        """End it without warning, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end and give its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        process.communicate(timeout=10)
        return process.returncode

    @property
    def control(self) -> PaperControl:
        """Speak with its back door: `control.inject("lost_answer")`, rules, clear, status."""
        return PaperControl(self.home)

    def client(self, initialize: bool = True) -> MetaTrader5:
        """Connect the unmodified mt5linux client."""
        client = MetaTrader5(host="127.0.0.1", port=self.port, timeout=10)
        _clients.append(client)
        if initialize:
            assert client.initialize(login=LOGIN)
        return client
