"""The same attacks on a database as Supabase prepares it: its own roles, and ours there."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from backend.db.catalogue import verify
from backend.db.roles import LOGINS, SUPABASE, set_passwords
from backend.db.upgrade import upgrade
from backend.runtime import postgres
from backend.settings import load_settings
from tests.kit.attacks import (
    Catalogue,
    callable_by,
    fill_theirs,
    fingerprint,
    logged_in,
    read_catalogue,
    try_all,
    try_in_bulk,
)
from tests.kit.attempts import FAMILIES, IN_BULK

PREPARED = Path(__file__).parents[2] / "kit" / "supabase_like.sql"


@dataclass(frozen=True)
class Project:
    """A server of its own, whose `postgres` is a CREATEROLE login, as on Supabase."""

    handle: postgres.PostgresHandle
    catalogue: Catalogue
    before: dict[str, tuple[int, int | None]]
    watching: Connection[Any]

    def url(self, role: str) -> str:
        return self.handle.url(role, role, "supabase")

    def changes(self) -> list[str]:
        after = fingerprint(self.watching, self.catalogue)
        return sorted(n for n in self.before if self.before[n] != after.get(n))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Generator[Project]:
    home = tmp_path_factory.mktemp("supabase")
    settings = load_settings({"DESK_HOME": str(home)})
    with postgres.running(settings) as handle:
        with psycopg.connect(handle.superuser_url(), autocommit=True) as conn:
            conn.execute("create role helper superuser login password 'helper'")
        with psycopg.connect(handle.url("helper", "helper", "postgres"), autocommit=True) as conn:
            conn.execute("alter role postgres rename to supabase_admin")
            conn.execute(
                "create role postgres login nosuperuser createrole createdb replication bypassrls"
                " password 'postgres'"
            )
            conn.execute("create database supabase owner postgres")
        with psycopg.connect(handle.url("helper", "helper", "supabase"), autocommit=True) as conn:
            conn.execute(PREPARED.read_bytes())
            upgrade(handle.url("postgres", "postgres", "supabase"))
            assert verify(conn) == []
            set_passwords(conn, {role: role for role in LOGINS})
            catalogue = read_catalogue(conn)
            fill_theirs(conn, catalogue)
            before = fingerprint(conn, catalogue)
        with psycopg.connect(
            handle.url("helper", "helper", "supabase"), autocommit=True
        ) as watching:
            yield Project(handle, catalogue, before, watching)


# What Postgres lets everyone lock, only a superuser takes back; no halt is kept away by it.
@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "hinders others"])
@pytest.mark.parametrize("role", [*SUPABASE, "authenticator"])
def test_no_role_of_supabase(project: Project, role: str, family: str) -> None:
    with logged_in(project.url("authenticator")) as conn:
        if role != "authenticator":
            conn.execute(f"set role {role}".encode())
        conn.execute("select set_config('request.jwt.claims', '{\"org_id\": \"theirs\"}', false)")
        attempts = [
            a for a in FAMILIES[family](project.catalogue, role, frozenset())
            if "drop owned by current_user" not in a.statement
        ]  # fmt: skip
        tried, passed = (try_in_bulk if family in IN_BULK else try_all)(conn, attempts)

    assert passed == []
    assert tried > 15
    assert project.changes() == []


@pytest.mark.parametrize("role", SUPABASE)
def test_no_role_of_supabase_reads_anything(project: Project, role: str) -> None:
    with logged_in(project.url("authenticator")) as conn:
        conn.execute(f"set role {role}".encode())
        for relation in project.catalogue.relations:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"select count(*) from {relation.name}".encode())


@pytest.mark.parametrize("role", LOGINS)
def test_no_role_of_the_desk_there(project: Project, role: str) -> None:
    with psycopg.connect(project.url("helper")) as conn:
        allowed = frozenset(callable_by(conn, role))
    with logged_in(project.url(role)) as conn:
        for family in sorted(IN_BULK):
            _, passed = try_in_bulk(conn, FAMILIES[family](project.catalogue, role, allowed))
            assert passed == []
    assert project.changes() == []
