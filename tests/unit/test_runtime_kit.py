"""The tests' own Postgres: shared, cloned per test, gone with the session."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from backend.runtime.identity import identity_of
from backend.settings import CHECKOUT
from tests.kit import postgres as kit
from tests.kit.homes import until


@pytest.mark.parametrize("version", [16, 18])
def test_each_test_gets_a_database_of_its_own(version: int):
    with kit.empty_database(version) as one, kit.empty_database(version) as two:
        assert one.name != two.name
        with psycopg.connect(one.owner_url, autocommit=True) as connection:
            connection.execute("create table t (id int)")
            assert connection.info.server_version // 10_000 == version
        with psycopg.connect(two.owner_url) as connection:
            found = connection.execute("select to_regclass('t')").fetchone()
            assert found == (None,)


def test_the_server_ends_with_the_session_however_that_ends():
    code = (
        "import os, signal\n"
        "from tests.kit import postgres as kit\n"
        "kit.begin_session()\n"
        "handle = kit.server()\n"
        "print(handle.pid, handle.home.path, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != kit.SESSION_KEY}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    pid, folder = done.stdout.split()
    until(lambda: identity_of(int(pid)) is None, "the server's end")
    until(lambda: not Path(folder).exists(), "the folder's end")
    Path(folder).with_suffix(".lock").unlink(missing_ok=True)
