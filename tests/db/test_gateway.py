"""The gateway: the one place where Postgres' errors become denials and faults."""

import stat
from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from backend.db.gateway import (
    DenialRaised,
    Fault,
    call,
    connect,
    dsn_for,
    dump,
    transaction,
    translated,
)
from backend.db.roles import LOGINS, ensure_passwords, set_passwords
from tests.kit.postgres import Database


@pytest.fixture
def session(database: Database) -> Generator[Connection[Any]]:
    """Lend a session of the superuser, as the gateway opens it."""
    with connect(database.superuser_url) as conn:
        yield conn


ECHO = """
create function ops.echo(p_items jsonb) returns jsonb language plpgsql as $$
begin
  if p_items -> 0 ? 'raise' then
    raise exception 'no' using errcode = p_items -> 0 ->> 'raise';
  end if;
  return p_items;
end $$
"""


def test_a_call_answers_what_the_procedure_returns(session: Connection[Any]) -> None:
    session.execute(ECHO)
    item = {"i": 0, "price": Decimal("1.0500"), "id": UUID(int=7)}

    answers = call(session, "ops.echo", [item])

    assert answers == [{"i": 0, "price": "1.0500", "id": str(UUID(int=7))}]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("TR301", DenialRaised),
        ("40001", Fault),
        ("40P01", Fault),
        ("57014", Fault),
        ("08006", Fault),
        ("23505", psycopg.errors.UniqueViolation),
    ],
)
def test_errors_are_told_apart_by_their_sqlstate(
    session: Connection[Any], state: str, expected: type[Exception]
) -> None:
    session.execute(ECHO)

    with pytest.raises(expected) as caught:
        call(session, "ops.echo", [{"raise": state}])

    assert getattr(caught.value, "sqlstate", None) == state


def test_a_call_outlives_a_rollback_after_which_the_driver_forgets_everything(
    session: Connection[Any],
) -> None:
    session.execute(ECHO)
    for _ in range(3):
        assert call(session, "ops.echo", [{"i": 0}]) == [{"i": 0}]
        with session.transaction(force_rollback=True):
            assert call(session, "ops.echo", [{"i": 1}]) == [{"i": 1}]
        session.execute("select 1")


def test_calls_of_one_transaction_become_true_together_or_not_at_all(
    session: Connection[Any], database: Database
) -> None:
    session.execute(ECHO)
    session.execute("create table ops.kept (n int)")
    session.execute(
        "create function ops.keep(jsonb) returns jsonb language sql as"
        " 'insert into ops.kept values (1) returning to_jsonb(n)'"
    )
    kept = "select count(*) from ops.kept"
    with connect(database.superuser_url) as other:
        for _ in range(2):
            with pytest.raises(DenialRaised):
                _keep_and_fail(session)
            assert other.execute(kept).fetchone() == (0,)
        with transaction(session):
            call(session, "ops.keep", [])
            assert other.execute(kept).fetchone() == (0,)
        assert other.execute(kept).fetchone() == (1,)


def _keep_and_fail(session: Connection[Any]) -> None:
    with transaction(session):
        call(session, "ops.keep", [])
        call(session, "ops.echo", [{"raise": "TR301"}])


def test_a_transaction_whose_session_was_ended_is_a_fault(
    session: Connection[Any], database: Database
) -> None:
    with connect(database.superuser_url) as other, pytest.raises(Fault), transaction(session):
        other.execute("select pg_terminate_backend(%s)", (session.info.backend_pid,))


def test_a_call_on_a_session_that_was_ended_is_a_fault(
    session: Connection[Any], database: Database
) -> None:
    session.execute(ECHO)
    with connect(database.superuser_url) as other:
        other.execute("select pg_terminate_backend(%s)", (session.info.backend_pid,))
    with pytest.raises(Fault):
        call(session, "ops.echo", [])
    assert session.closed


def test_a_session_that_was_ended_is_a_fault(database: Database) -> None:
    with connect(database.superuser_url) as conn, connect(database.superuser_url) as other:
        other.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
        with pytest.raises(Fault), translated():
            conn.execute("select 1")


def test_a_server_that_is_not_there_is_a_fault() -> None:
    with pytest.raises(Fault):
        connect("postgresql://nobody@127.0.0.1:1/nothing")


def test_a_statement_that_takes_too_long_is_a_fault(database: Database) -> None:
    with (
        connect(database.superuser_url, statement_timeout_ms=20) as conn,
        pytest.raises(Fault) as caught,
        translated(),
    ):
        conn.execute("select pg_sleep(5)")
    assert caught.value.sqlstate == "57014"


def test_a_session_is_in_utc_and_commits_by_itself(session: Connection[Any]) -> None:
    assert session.autocommit
    row = session.execute("select current_setting('timezone'), '{\"a\": 1}'::jsonb").fetchone()
    assert row == ("UTC", {"a": 1})


def test_json_has_decimals_as_strings_and_instants_with_microseconds() -> None:
    value = {"d": Decimal("1E+2"), "t": datetime(2026, 11, 21, tzinfo=UTC)}

    assert orjson.loads(dump(value)) == {"d": "100", "t": "2026-11-21T00:00:00.000000Z"}


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("postgresql://postgres:x@db.example:5432/desk", "risk_agent"),
        ("postgresql+psycopg://postgres:x@db.example/desk", "risk_agent"),
        ("postgresql://@db.example/desk", "risk_agent"),
        ("postgresql://john.doe:x@db.example:5432/desk", "risk_agent"),
        ("host=db.example dbname=desk", "risk_agent"),
    ],
)
def test_a_role_reaches_the_same_database_under_its_own_login(url: str, user: str) -> None:
    parts = conninfo_to_dict(dsn_for(url, "risk_agent", "p w'd"))

    assert (parts["user"], parts["password"]) == (user, "p w'd")
    assert (parts["host"], parts["dbname"]) == ("db.example", "desk")


def test_passwords_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first = ensure_passwords(tmp_path / "keys")
    second = ensure_passwords(tmp_path / "keys")

    assert first == second
    assert set(first) == set(LOGINS)
    assert len(set(first.values())) == len(LOGINS)
    mode = (tmp_path / "keys" / "passwords.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_password_is_set_as_a_verifier_and_opens_the_session(
    database: Database,
) -> None:
    # A role that no other test logs in as: roles belong to the whole server.
    with psycopg.connect(database.owner_url, autocommit=True) as conn:
        set_passwords(conn, {"edge_intake": "correct horse"})

    with connect(database.owner_url, "edge_intake", "correct horse") as session:
        row = session.execute("select session_user").fetchone()
        assert row == ("edge_intake",)
    with pytest.raises(Fault):
        connect(database.owner_url, "edge_intake", "wrong horse")
