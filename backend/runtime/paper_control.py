"""Speak with a running paper terminal's back door: inject faults, list and clear them, look.

The terminal itself is a program of its own that nothing imports; this knows its control file and
its one line of JSON, no more.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.errors import DeskError

_ANSWER_BYTES_MAX = 16 << 20


@dataclass(frozen=True, slots=True)
class PaperControl:
    """The back door of the terminal that keeps its state in `home`."""

    home: Path
    timeout_s: float = 5.0

    def inject(
        self,
        fault: str,
        *,
        functions: tuple[str, ...] = (),
        action: str = "",
        symbol: str = "",
        skip: int = 0,
        next_calls: int | None = None,
        probability: float = 1.0,
        duration_s: float | None = None,
        keep: bool = False,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Put a fault in force and give the rule; with no bound said it strikes once.

        skip: matching calls let pass first. keep: survives a restart of the terminal.
        parameters: those of the fault, see `kinds`. Raises DeskError.
        """
        words: dict[str, Any] = {
            "fault": fault,
            "parameters": parameters,
            "functions": list(functions),
            "action": action,
            "symbol": symbol,
            "skip": skip,
            "next": next_calls,
            "probability": probability,
            "duration_s": duration_s,
            "keep": keep,
        }
        return dict(self._ask("inject", words)["rule"])

    def clear(self, rule_id: int | None = None) -> int:
        """End one rule, or all; gives how many. Raises DeskError."""
        return int(self._ask("clear", {"id": rule_id})["cleared"])

    def rules(self) -> list[dict[str, Any]]:
        """List the rules in force. Raises DeskError."""
        return list(self._ask("rules", {})["rules"])

    def kinds(self) -> list[dict[str, Any]]:
        """List the faults that there are, with the defaults of their parameters."""
        return list(self._ask("kinds", {})["kinds"])

    def status(self) -> dict[str, Any]:
        """Describe account, sessions and margin. Raises DeskError."""
        return dict(self._ask("status", {})["status"])

    def trade(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a trade request as a person at the terminal would; gives the result's fields.

        It needs no session, displaces none, and its records carry reason CLIENT.
        """
        return dict(self._ask("trade", {"request": request})["result"])

    def deposit(self, amount: str) -> int:
        """Pay in, or out with a minus; gives the deal's ticket. Raises DeskError."""
        return int(self._ask("deposit", {"amount": amount})["deal"])

    def _ask(self, command: str, words: dict[str, Any]) -> dict[str, Any]:
        where = self.home / "control"
        try:
            door = json.loads(where.read_text())
            address = ("127.0.0.1", int(door["port"]))
            line = json.dumps({"token": door["token"], "command": command, **words}) + "\n"
            with socket.create_connection(address, timeout=self.timeout_s) as wire:
                wire.sendall(line.encode())
                with wire.makefile("rb") as lines:
                    answer = json.loads(lines.readline(_ANSWER_BYTES_MAX))
        except (OSError, ValueError, KeyError) as error:
            raise DeskError(
                "paper.unreachable",
                f"no paper terminal answers at {self.home}: {error}",
                "Start a desk with `desk up`, or name the terminal's folder with --home.",
            ) from error
        if not answer["ok"]:
            raise DeskError(
                "paper.refused", str(answer["error"]), "`desk paper faults` lists what there is."
            )
        return dict(answer)
