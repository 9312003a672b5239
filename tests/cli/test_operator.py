"""People get logins of their own, lose them, and stay on record."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from tests.cli.conftest import Run
from tests.kit.postgres import Database
from tests.kit.trading_desk import rows


@pytest.fixture
def login(inside: Connection[Any]) -> Generator[str]:
    name = f"p_{secrets.token_hex(5)}"
    yield name
    inside.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))
    inside.execute("delete from governance.voters where voter = %s", (name,))


def as_person(desk: Database, login: str, password: str) -> Connection[Any]:
    return psycopg.connect(desk.handle.url(login, password, desk.name))


def test_a_person_is_added_once_and_logs_in_with_the_printed_password(
    run: Run, desk: Database, inside: Connection[Any], login: str
):
    said = run("operator", "add", login, "--org", "demo", "--name", "Alice")
    assert (said.status, "not shown again" in said.err) == (0, True)
    with as_person(desk, login, said.out.strip()) as conn:
        assert rows(conn, "select session_user") == [(login,)]
        assert rows(conn, "select count(*) from treasury.my_ballots") == [(0,)]
    again = run("operator", "add", login, "--org", "demo", "--json")
    assert (again.json["created"], again.json["password"]) == (False, None)
    assert rows(inside, "select count(*) from governance.voters where kind = 'human'") == [(1,)]


def test_the_password_goes_to_a_file_of_its_owner_only(
    run: Run, desk: Database, login: str, tmp_path: Path
):
    file = tmp_path / "password"
    words = ("operator", "add", login, "--org", "demo", "--role", "auditor")
    said = run(*words, "--password-file", str(file))
    assert (said.status, said.out, file.stat().st_mode & 0o777) == (0, "", 0o600)
    with as_person(desk, login, file.read_text().strip()) as conn:
        assert rows(conn, "select count(*) from treasury.vote_history") == [(0,)]
    refused = run(*words, "--password-file", str(file))
    assert (refused.status, "[person.password_file]" in refused.err) == (2, True)


def test_a_disabled_person_cannot_log_in_until_enabled(run: Run, desk: Database, login: str):
    password = run("operator", "add", login, "--org", "demo").out.strip()
    assert run("operator", "disable", login).status == 0
    with pytest.raises(psycopg.OperationalError):
        as_person(desk, login, password)
    (listed,) = run("operator", "list", "--json").json
    assert (listed["login"], listed["state"]) == (login, "disabled")
    assert run("operator", "enable", login).status == 0
    as_person(desk, login, password).close()


def test_a_removed_person_has_no_login_and_stays_on_record(
    run: Run, inside: Connection[Any], login: str
):
    run("operator", "add", login, "--org", "demo")
    assert run("operator", "remove", login).status == 0
    assert rows(inside, "select count(*) from pg_roles where rolname = %s", (login,)) == [(0,)]
    (listed,) = run("operator", "list", "--json").json
    assert (listed["login"], listed["state"]) == (login, "removed")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "desk_operator", "--org", "demo"), "person.name"),
        (("add", "Alice; drop", "--org", "demo"), "person.name"),
        (("add", "desk_migrator", "--org", "demo"), "person.exists"),
        (("add", "someone_new", "--org", "nobody"), "person.org"),
        (("add", "someone_new", "--org", "demo", "--role", "desk_owner"), "person.role"),
        (("disable", "risk_agent"), "person.unknown"),
        (("remove", "desk_operator"), "person.unknown"),
    ],
)
def test_what_is_no_person_is_left_alone(
    run: Run, inside: Connection[Any], words: tuple[str, ...], code: str
):
    said = run("operator", *words)
    assert (said.status, f"[{code}]" in said.err) == (2, True)
    assert rows(inside, "select count(*) from pg_roles where rolname = 'someone_new'") == [(0,)]
