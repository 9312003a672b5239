"""A desk on servers that are not its own: Postgres 18 over TCP, prepared as Supabase prepares it.

`postgres` there is no superuser: it owns the database, may create roles, and migrates.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from backend.bootstrap import DEMO_SOURCE
from backend.runtime import postgres
from backend.runtime.home import Home
from backend.settings import CHECKOUT, load_settings
from tests.brokers.servers import EmbeddedRedis, running
from tests.kit.homes import run_desk, temporary_home, until

SUPABASE_LIKE = CHECKOUT / "tests" / "kit" / "supabase_like.sql"
DATABASE = "supabase"
BODY = b'{"ticker": "EURUSD", "action": "buy", "interval": "15", "alert_id": "ext-1"}'


@dataclass(frozen=True)
class Servers:
    """Where a person's own servers are, and the home of a desk that uses them."""

    home: Path
    superuser_url: str
    environment: dict[str, str]

    def desk(self, *words: str) -> str:
        """Run the command against these servers; returns what it printed."""
        ended = run_desk(self.home, *words, **self.environment)
        assert ended.returncode == 0, f"{words}: {ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def scalar(self, query: str, *arguments: Any) -> Any:
        """Look behind the curtain."""
        with psycopg.connect(self.superuser_url) as conn:
            row = conn.execute(query.encode(), arguments).fetchone()
        return None if row is None else row[0]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Generator[Servers]:
    with temporary_home() as server_home, temporary_home() as home:
        settings = load_settings({"DESK_HOME": str(server_home), "DESK_POSTGRES_VERSION": "18"})
        with (
            postgres.running(settings) as handle,
            running(EmbeddedRedis(tmp_path_factory.mktemp("broker"))) as broker,
        ):
            _prepare_like_supabase(handle)
            yield Servers(
                home,
                handle.url("helper", "helper", DATABASE, tcp=True),
                {
                    "DATABASE_URL": handle.url("postgres", "postgres", DATABASE, tcp=True),
                    "BROKER_URL": broker.url,
                    "DESK_API_PORT": "0",
                },
            )


def _prepare_like_supabase(handle: postgres.PostgresHandle) -> None:
    with psycopg.connect(handle.superuser_url(tcp=True), autocommit=True) as conn:
        conn.execute("create role helper superuser login password 'helper'")
    with psycopg.connect(handle.url("helper", "helper", "postgres"), autocommit=True) as conn:
        conn.execute("alter role postgres rename to supabase_admin")
        conn.execute(
            "create role postgres login nosuperuser createrole createdb replication bypassrls"
            " password 'postgres'"
        )
        conn.execute(f"create database {DATABASE} owner postgres".encode())
    with psycopg.connect(handle.url("helper", "helper", DATABASE), autocommit=True) as conn:
        conn.execute(SUPABASE_LIKE.read_bytes())


def test_server_asks_for_passwords_over_tcp(servers: Servers):
    url = urlsplit(servers.environment["DATABASE_URL"])
    assert (url.hostname, url.port is not None) == ("127.0.0.1", True)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(servers.environment["DATABASE_URL"].replace(":postgres@", ":wrong@"))
    assert servers.scalar(
        "select rolpassword from pg_authid where rolname = 'postgres'"
    ).startswith("SCRAM-SHA-256")


def test_its_owner_migrates_and_verifies_it(servers: Servers):
    assert not servers.scalar("select rolsuper from pg_roles where rolname = 'postgres'")
    report = json.loads(servers.desk("db", "upgrade", "--json"))
    assert report["from_revision"] is None
    assert json.loads(servers.desk("db", "status", "--json"))["current"] is True
    assert json.loads(servers.desk("db", "verify", "--json")) == {"ok": True, "violations": []}
    extension = "select extnamespace::regnamespace::text from pg_extension where extname = 'vector'"
    assert servers.scalar(extension) == "extensions"


def test_a_whole_desk_stands_on_them_and_carries_an_alert(servers: Servers):
    servers.desk("up", "--detach")
    try:
        status = json.loads(servers.desk("status", "--json"))
        running_parts = {process["name"] for process in status["processes"]}
        assert "api" in running_parts
        assert not running_parts & {"postgres", "redis"}
        token = Home(servers.home).secret(DEMO_SOURCE)
        api = status["endpoints"]["api"]
        alert_id = _ask(api, f"/webhooks/tradingview/{token}", {}, BODY)["alert_id"]
        until(
            lambda: servers.scalar(
                "select 1 from strategy_rationales where correlation_id = %s"
                " union all select 1 from alert_outcomes where correlation_id = %s limit 1",
                alert_id,
                alert_id,
            ),
            "the alert was scored or had an outcome",
        )
        reader = servers.desk("token", "create", "maria").strip()
        story = _ask(api, f"/decisions/{alert_id}", {"Authorization": f"Bearer {reader}"})
        assert bytes.fromhex(story["alert"]["bytes_hex"]) == BODY
        traced = "select count(*) from decision_traces where correlation_id = %s"
        assert servers.scalar(traced, alert_id) >= 2
    finally:
        servers.desk("down")
    assert servers.scalar("select count(*) from signals_raw") == 1


def _ask(api_url: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Any:
    connection = http.client.HTTPConnection(urlsplit(api_url).netloc, timeout=10)
    connection.request("POST" if body else "GET", path, body=body, headers=headers)
    response = connection.getresponse()
    document = json.loads(response.read())
    connection.close()
    assert response.status == 200, document
    return document
