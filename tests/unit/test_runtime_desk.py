"""`desk up`, `down` and `status` as a person or a script meets them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from backend.runtime import postgres, redis
from backend.runtime.desk_processes import find_servers
from backend.runtime.identity import identity_of
from backend.runtime.network import pick_port
from backend.settings import CHECKOUT
from tests.kit.homes import (
    environment_for,
    report_of,
    run_desk,
    settings_for,
    temporary_home,
    until,
)


@pytest.fixture(scope="module")
def home() -> Generator[Path]:
    with temporary_home() as lent:
        yield lent


def desk_in_foreground(home: Path, **environment: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "up", "--servers"],
        cwd=CHECKOUT,
        env=environment_for(home, **environment),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: report_of(home).healthy or process.poll() is not None, "the desk's readiness")
    assert process.poll() is None
    return process


def test_up_detached_then_status_then_down(home: Path):
    up = run_desk(home, "up", "--servers", "--detach")
    assert up.returncode == 0, up.stderr
    status = run_desk(home, "status", "--json")
    found = json.loads(status.stdout)
    assert status.returncode == 0
    assert found["phase"] == "ready"
    assert [process["name"] for process in found["processes"]] == ["postgres", "redis"]
    assert all(process["running"] for process in found["processes"])
    passwords = [file.read_text() for file in (home / "secrets").iterdir() if file.read_text()]
    assert not any(password in status.stdout for password in passwords)

    second = run_desk(home, "up", "--servers", "--detach")
    assert second.returncode == 2
    assert "desk.already_running" in second.stderr
    assert "desk down" in second.stderr

    servers = find_servers(settings_for(home))
    with psycopg.connect(servers.owner_url) as connection:
        assert connection.execute("select current_user::text").fetchone() == (postgres.MIGRATOR,)

    assert run_desk(home, "down").returncode == 0
    stopped = run_desk(home, "status", "--json")
    assert stopped.returncode == 1
    assert json.loads(stopped.stdout)["phase"] == "stopped"
    assert not any(identity_of(process["pid"]) for process in found["processes"])


def test_ctrl_c_stops_everything_and_says_nothing_alarming(home: Path):
    process = desk_in_foreground(home)
    pids = [kept.pid for kept in report_of(home).processes]
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert not any(identity_of(pid) for pid in pids)


def test_kill_9_of_the_desk_leaves_no_orphan_and_the_next_start_works(home: Path):
    process = desk_in_foreground(home)
    before = find_servers(settings_for(home))
    with psycopg.connect(before.owner_url, autocommit=True) as connection:
        connection.execute("create table kept (id int)")
    pids = [kept.pid for kept in report_of(home).processes]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: not any(identity_of(pid) for pid in pids), "the end of both servers")
    assert report_of(home).phase == "crashed"

    process = desk_in_foreground(home)
    with psycopg.connect(find_servers(settings_for(home)).owner_url) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)


def test_a_killed_postgres_is_back_by_itself_and_redis_is_untouched(home: Path):
    process = desk_in_foreground(home)
    server, broker = report_of(home).processes
    url = find_servers(settings_for(home)).owner_url
    os.kill(server.pid, signal.SIGKILL)

    def answers_again() -> bool:
        kept = report_of(home).processes[0]
        return kept.restarts == 1 and kept.running and answers(url)

    until(answers_again, "Postgres after its crash")
    assert report_of(home).processes[1].pid == broker.pid
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def test_servers_of_the_environment_are_used_instead_of_embedded_ones(home: Path):
    with (
        temporary_home() as elsewhere,
        postgres.running(settings_for(home)) as database,
        redis.running(settings_for(home)) as broker,
    ):
        environment = {
            "DATABASE_URL": postgres.ensure_database(database, "external"),
            "BROKER_URL": broker.url(),
        }
        process = desk_in_foreground(elsewhere, **environment)
        found = report_of(elsewhere)
        assert found.processes == ()
        assert not (elsewhere / "postgres").exists()
        assert database.home.secret("postgres-migrator") not in repr(found)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0


def test_a_database_that_does_not_answer_is_named_without_its_password():
    with temporary_home() as elsewhere:
        port = pick_port("nobody", elsewhere)
        url = f"postgresql://owner:hunter2@127.0.0.1:{port}/desk"
        done = run_desk(elsewhere, "up", "--servers", DATABASE_URL=url)
    assert done.returncode == 2
    assert "database.unreachable" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_is_json_where_json_is_asked_for(home: Path):
    done = run_desk(home, "status", "--json", DESK_POSTGRES_VERSION="17")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "settings.invalid"


def test_help_lists_every_verb_without_loading_any():
    code = (
        "import sys; sys.argv = ['desk', '--help']\n"
        "from cli.main import VERBS, main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'psycopg', 'celery', 'pandas', 'numpy', 'pydantic_settings', 'cli.up'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    for verb in ("demo", "up", "down", "status", "db", "dlq", "bench", "replay", "test"):
        assert f" {verb} " in done.stdout
