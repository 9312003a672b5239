"""The API as it is served: copies at once, a database that goes and comes, logs without secrets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from backend.settings import CHECKOUT
from tests.kit.desk_folder import environment_of
from tests.kit.homes import until
from tests.kit.postgres import Database
from tests.kit.trading_desk import BODY, TOKEN, furnished_database, rows

PATH = f"/webhooks/tradingview/{TOKEN}"


@dataclass(frozen=True)
class Served:
    """A running API and what it wrote."""

    database: Database
    port: int
    log: Path

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Send one request on a connection of its own; returns status and document."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body=body)
            response = connection.getresponse()
            return response.status, json.loads(response.read())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """Serve the API as `desk up` does."""
    home = tmp_path_factory.mktemp("home")
    with furnished_database() as database, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        log = home / "api.log"
        argv = [sys.executable, "-m", "uvicorn", "backend.api.app:create_app", "--factory"]
        argv += ["--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv,
                cwd=CHECKOUT,
                env={**os.environ, **environment_of(database, home, DESK_LOG_LEVEL="debug")},
                stdout=output,
                stderr=output,
            )
        found = Served(database, port, log)
        try:
            until(lambda: _ready(found), "the API became ready")
            yield found
        finally:
            process.terminate()
            assert process.wait(20) == 0 or process.returncode == -15


def test_of_copies_posted_at_once_one_is_accepted(served: Served):
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: served.ask("POST", PATH, BODY), range(48)))
    assert {status for status, _ in answers} == {200}
    assert Counter(answer["status"] for _, answer in answers) == {"accepted": 1, "duplicate": 47}
    assert len({answer["alert_id"] for _, answer in answers}) == 1
    with psycopg.connect(served.database.superuser_url) as conn:
        assert rows(conn, "select count(*) from signals_raw") == [(1,)]
        assert rows(conn, "select count(*) from intake.duplicates") == [(47,)]
        assert rows(conn, "select count(*) from bus.deliveries") == [(1,)]
        assert rows(conn, "select host(remote_address) from signals_raw") == [("127.0.0.1",)]


def test_different_alerts_posted_at_once_are_all_accepted(served: Served):
    bodies = [b'{"ticker":"EURUSD","action":"buy","alert_id":"n-%d"}' % n for n in range(64)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda body: served.ask("POST", PATH, body), bodies))
    assert Counter(answer["status"] for _, answer in answers) == {"accepted": 64}


def test_while_the_database_is_gone_the_api_says_so_and_comes_back_by_itself(served: Served):
    assert served.ask("GET", "/ready") == (200, {"status": "ready"})
    with _gone(served.database):
        status, problem = served.ask("GET", "/ready")
        assert (status, problem["code"]) == (503, "database.unavailable")
        status, problem = served.ask("POST", PATH, b"sell EURUSD")
        assert (status, problem["code"]) == (503, "database.unavailable")
        assert served.ask("GET", "/health") == (200, {"status": "alive"})
    until(lambda: _ready(served), "the API was ready again")
    status, answer = served.ask("POST", PATH, b"sell EURUSD")
    assert (status, answer["status"]) == (200, "accepted")


def test_lost_sessions_cost_no_alert(served: Served):
    with psycopg.connect(served.database.superuser_url, autocommit=True) as conn:
        for number in range(3):
            _cut(conn, served.database)
            status, answer = served.ask("POST", PATH, b"buy GBPUSD %d" % number)
            assert (status, answer["status"]) == (200, "accepted")


def test_logs_never_show_a_token(served: Served):
    served.ask("POST", "/webhooks/tradingview/a-token-that-nobody-has", BODY)
    served.ask("POST", PATH, b"x" * 70_000)
    served.ask("GET", PATH)
    with _gone(served.database):
        served.ask("POST", PATH, b"buy EURUSD")
    until(lambda: _ready(served), "the API was ready again")
    text = served.log.read_text()
    assert TOKEN not in text
    assert "a-token-that-nobody-has" not in text
    assert "/webhooks" not in text


def _ready(served: Served) -> bool:
    try:
        return served.ask("GET", "/ready")[0] == 200
    except OSError:
        return False


@contextlib.contextmanager
def _gone(database: Database) -> Generator[None]:
    """Let nobody into the database for a while."""
    allow = sql.SQL("alter database {} allow_connections {}")
    with psycopg.connect(database.handle.superuser_url(), autocommit=True) as conn:
        conn.execute(allow.format(sql.Identifier(database.name), sql.Literal(False)))
        try:
            _cut(conn, database)
            yield
        finally:
            conn.execute(allow.format(sql.Identifier(database.name), sql.Literal(True)))


def _cut(conn: psycopg.Connection[Any], database: Database) -> None:
    conn.execute(
        "select pg_terminate_backend(a.pid, 5000) from pg_stat_activity a"
        " where a.datname = %s and a.pid <> pg_backend_pid()",
        (database.name,),
    )
