"""A worker that was given a lower priority has it in the server's processes and its group too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.kit.postgres import Database
from workers.standing_back import let_stand_back, niceness

NICE = shutil.which("nice")
WORKER = """
import json, os, sys
from pathlib import Path
import psutil, psycopg
from workers.standing_back import let_stand_back, stand_back
stand_back()
with psycopg.connect(sys.argv[1]) as conn:
    done = let_stand_back(conn)
    group = Path("/proc/self/autogroup")
    print(json.dumps({
        "done": done,
        "server": psutil.Process(conn.info.backend_pid).nice(),
        "group": group.read_text() if group.exists() else "",
    }))
"""
AUTOGROUP = Path("/proc/self/autogroup")

pytestmark = pytest.mark.skipif(NICE is None, reason="this system has no nice")


def worker(url: str, niceness: int, *, alone: bool = True) -> dict[str, Any]:
    """Run a worker's beginning at this niceness. alone: in a session of its own."""
    found = subprocess.run(
        [str(NICE), "-n", str(niceness), sys.executable, "-c", WORKER, url],
        start_new_session=alone,
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(found.stdout)


def test_the_servers_process_of_a_session_stands_back_as_its_worker_does(database: Database):
    found = worker(database.superuser_url, 4)
    assert (found["done"], found["server"]) == (True, 4 + niceness())


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="no autogroups here")
def test_a_worker_takes_its_own_group_along_but_no_group_that_it_shares(database: Database):
    group = worker(database.superuser_url, 4)["group"]
    # A session that nothing groups reads as nothing: then there is nothing to take along either.
    assert group == "" or group.split()[-1] == str(4 + niceness())
    shared = AUTOGROUP.read_text()
    assert worker(database.superuser_url, 4, alone=False)["group"] == shared


def test_a_worker_of_ordinary_priority_touches_nothing(database: Database):
    if niceness():
        pytest.skip("these tests run at a lower priority themselves")
    with psycopg.connect(database.superuser_url) as conn:
        assert not let_stand_back(conn)


def test_a_server_reached_over_the_network_is_left_alone(database: Database):
    class Remote:
        class info:
            host = "db.example.test"
            backend_pid = 1

    assert not let_stand_back(Remote())  # pyright: ignore[reportArgumentType]
