"""The terminal's back door for tests: faults and facts, one JSON line for one JSON line.

It listens on loopback only, on a port of its own; `HOME/control` names the port and a token that
only the folder's owner can read. Clients of the trading port cannot reach it.
"""

from __future__ import annotations

import json
import secrets
import socketserver
import threading
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from backend.paper_terminal.fault_kinds import KINDS
from backend.paper_terminal.faults import Faults, injection
from backend.paper_terminal.terminal import Terminal

_LINE_BYTES_MAX = 65_536
_SILENCE_S = 5


class ControlServer:
    """Serves faults (`inject`, `rules`, `kinds`, `clear`), `status`, and what people do at the
    terminal itself (`trade`, `deposit`), until it is closed."""

    def __init__(self, home: Path, faults: Faults, terminal: Terminal) -> None:
        self._file = home / "control"
        self._faults = faults
        self._terminal = terminal
        self._token = secrets.token_urlsafe(24)
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    def start(self) -> None:
        """Write the file and begin to serve."""
        self._file.unlink(missing_ok=True)
        self._file.touch(mode=0o600)
        port = self._server.server_address[1]
        self._file.write_text(json.dumps({"port": port, "token": self._token}) + "\n")
        threading.Thread(target=self._server.serve_forever, name="control", daemon=True).start()

    def close(self) -> None:
        """End it and take the file away."""
        self._server.shutdown()
        self._server.server_close()
        self._file.unlink(missing_ok=True)

    def answer(self, line: bytes) -> dict[str, Any]:
        """Answer one request; what is wrong with it is told, never raised."""
        try:
            asked = json.loads(line)
            token = asked.pop("token", "") if isinstance(asked, dict) else ""
            if not isinstance(token, str) or not secrets.compare_digest(token, self._token):
                raise ValueError("the token is wrong")
            return {"ok": True, **self._obey(asked.pop("command", ""), asked)}
        except (ValueError, TypeError, RecursionError) as error:
            return {"ok": False, "error": str(error)}

    def _obey(self, command: object, words: dict[str, Any]) -> dict[str, Any]:
        match command:
            case "inject":
                return {"rule": asdict(self._faults.inject(injection(words)))}
            case "clear":
                return {"cleared": self._faults.clear(words.get("id"))}
            case "rules":
                return {"rules": self._faults.rules()}
            case "kinds":
                return {"kinds": [asdict(kind) for kind in KINDS.values()]}
            case "status":
                return {"status": self._terminal.status()}
            case "trade":
                return {"result": self._terminal.trade_by_hand(words.get("request", {}))}
            case "deposit":
                return {"deal": self._terminal.deposit(_amount(words.get("amount")))}
        raise ValueError(f"no such command: {command}")

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        control = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = _SILENCE_S

            def handle(self) -> None:
                try:
                    line = self.rfile.readline(_LINE_BYTES_MAX)
                    self.wfile.write(json.dumps(control.answer(line)).encode() + b"\n")
                except OSError:
                    return

        return Handler


def _amount(text: object) -> Decimal:
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise ValueError(f"no amount: {text!r}")
    return amount
