"""A bridge's surroundings: an account that is connected to a terminal, a worker's outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from backend.ports import SystemClock
from backend.settings import load_settings
from tests.venues.process import LOGIN, PaperProcess
from workers.outside import Outside

Start = Callable[..., PaperProcess]
OPTIONS = ("--speed", "20", "--seed", "7", "--balance", "10000000", "--margin-mode", "netting")
FAST = ("--speed", "2000", *OPTIONS[2:])


def reach(inside: Connection[Any], port: int, **changes: Any) -> None:
    connection = {"terminal": "paper", "port": port, "server_utc_offset_hours": 2, **changes}
    inside.execute(
        "update accounts set login = %s, connection = %s where account_id = 'paper-1'",
        (LOGIN, json.dumps(connection)),
    )


@contextmanager
def a_process(url: str, home: Path) -> Generator[Outside]:
    """Give what a worker's process has of the outside; a new one has no connection yet."""
    settings = load_settings({"DESK_HOME": str(home)})
    outside = Outside(settings, SystemClock(), lambda _role: psycopg.connect(url, autocommit=True))
    yield outside
    outside.close()
