"""A check in pg_temp ran with the owner's rights once; nobody can put one there any more."""

from __future__ import annotations

from collections.abc import Generator

import psycopg
import pytest

from backend.db.upgrade import upgrade
from tests.kit.attacks import logged_in
from tests.kit.postgres import Database, fresh_database

DOMAIN = "create domain pg_temp.uuid as pg_catalog.uuid check (pg_temp.evil(value))"
EVIL = (
    "create function pg_temp.evil(v pg_catalog.uuid) returns boolean language plpgsql as"
    " 'begin update public.accounts set state = ''halted''; return true; end'"
)


@pytest.fixture(scope="module")
def database() -> Generator[Database]:
    with fresh_database() as fresh:
        yield fresh


@pytest.mark.parametrize("role", ["risk_agent", "desk_api", "desk_operator", "edge_intake"])
def test_no_login_puts_a_type_before_those_of_postgres(database: Database, role: str) -> None:
    with logged_in(database.role_url(role)) as conn:
        for statement in (EVIL, DOMAIN, "create temporary table orders (x int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement.encode())


def test_a_search_path_of_ones_own_moves_no_procedure(database: Database) -> None:
    with logged_in(database.role_url("risk_agent")) as conn:
        conn.execute("set search_path = pg_temp, evil, public")
        row = conn.execute("select risk.authorize_intents('[]')").fetchone()
    assert row == ([],)


def test_an_upgrade_takes_back_what_was_given_since(database: Database) -> None:

    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        conn.execute(f'grant temporary on database "{database.name}" to public'.encode())
    upgrade(database.owner_url)

    with (
        logged_in(database.role_url("risk_agent")) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute("create temporary table orders (x int)")
