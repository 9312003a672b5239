"""A bridge that lost its terminal counts each loss once, however many ask meanwhile."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from backend.ports import SystemClock
from backend.values import format_instant
from backend.venues.registry import build_venue
from tests.kit.clock import FixedClock
from tests.venues.process import LOGIN, PaperProcess
from workers.bridge.bridge import Bridge
from workers.bridge.connection import BACKOFF_S_FIRST

ASKING = 12


@pytest.fixture
def terminal(tmp_path: Path) -> Generator[PaperProcess]:
    process = PaperProcess(tmp_path / "paper").start()
    yield process
    process.kill()


def an_attempt(clock: FixedClock) -> dict[str, Any]:
    return {
        "client_order_id": uuid4().hex[:12],
        "magic": 77,
        "symbol": "EURUSD",
        "quantity": "0.1",
        "side": "BUY",
        "opened_at": format_instant(clock.now()),
    }


def handed_out(attempt: dict[str, Any], clock: FixedClock) -> dict[str, Any]:
    """Give an attempt as Postgres hands it out now."""
    return attempt | {"as_of": format_instant(clock.now())}


def test_those_who_ask_while_a_bridge_rests_do_not_keep_it_resting(terminal: PaperProcess):
    clock = FixedClock(SystemClock().now())
    connection = {"terminal": "paper", "port": terminal.port, "server_utc_offset_hours": 2}
    account = {"venue_kind": "mt5", "login": LOGIN, "connection": connection}
    bridge = Bridge("paper-1", lambda: build_venue(account, clock), clock)
    attempt = an_attempt(clock)
    assert bridge.ask(handed_out(attempt, clock))["status"] == "not_found"
    port = terminal.port
    terminal.kill()
    assert bridge.ask(handed_out(attempt, clock))["status"] == "unknown"
    terminal.start(port)
    # One loss, one first pause: asking within it changes nothing about its end.
    for _ in range(ASKING):
        clock.advance(timedelta(seconds=BACKOFF_S_FIRST / ASKING / 2))
        assert bridge.ask(handed_out(attempt, clock))["status"] == "unknown"
    clock.advance(timedelta(seconds=BACKOFF_S_FIRST / 2 + 0.001))
    assert bridge.ask(handed_out(attempt, clock))["status"] == "not_found"
    bridge.close()
