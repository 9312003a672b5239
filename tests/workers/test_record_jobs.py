"""The jobs of the record: sealed every few seconds, verified every night."""

from __future__ import annotations

import json
from collections.abc import Generator

import psycopg
import pytest

from tests.kit.oversight import Overseen, overseen_desk
from tests.kit.record import let_others_end
from workers import jobs


@pytest.fixture(scope="module")
def desk() -> Generator[Overseen]:
    """Lend one overseen desk to the module."""
    with overseen_desk() as desk:
        yield desk


@pytest.fixture(autouse=True)
def _environment(desk: Overseen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell the jobs their database as a worker process is told."""
    home = desk.database.handle.home
    logins = ("housekeeping_agent", "desk_sealer", "supervisor_agent")
    for role in logins:
        desk.database.role_url(role)
    passwords = {role: home.secret(f"kit-{role}") for role in logins}
    (desk.keys / "passwords.json").write_text(json.dumps(passwords))
    monkeypatch.setenv("DATABASE_URL", desk.database.superuser_url)
    monkeypatch.setenv("DESK_HOME", str(desk.keys.parent))
    monkeypatch.setenv("DESK_KEYS", str(desk.keys))
    with psycopg.connect(desk.database.superuser_url, autocommit=True) as conn:
        let_others_end(conn)


def test_the_sealer_leaves_nothing_behind_and_says_what_it_did(desk: Overseen):
    first = jobs.seal()
    assert first.endswith("records in 1 seals")
    assert jobs.seal() == "0 records in 0 seals"
    (run,) = desk.rows("select runs, last_error from ops.job_runs where job = 'seal'")
    assert (run["runs"], run["last_error"]) == (2, None)


def test_a_night_without_findings_halts_nothing(desk: Overseen):
    jobs.seal()
    assert jobs.verify_record().endswith("are as they were sealed")
    assert desk.rows("select 1 from governance.halts") == []


def test_a_record_that_was_altered_halts_the_platform_at_night(desk: Overseen):
    jobs.seal()
    with desk.behind() as conn:
        conn.execute("set local session_replication_role = replica")
        conn.execute("update audit.changes set changed_by = 'nobody' where row_key = 'paper-1'")

    said = jobs.verify_record()

    assert said.startswith("halted: audit.changes ")
    (halt,) = desk.rows("select scope, cause, requested_by from governance.halts")
    assert (halt["scope"], halt["cause"]) == ("platform", "audit_failure")
    assert "supervisor" in halt["requested_by"]
