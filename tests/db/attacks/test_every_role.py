"""What no login may do, tried by each of them for real: refused, and nothing has changed."""

from __future__ import annotations

import psycopg
import pytest

from backend.db.roles import LOGINS
from tests.db.attacks.conftest import Fortress
from tests.kit.attacks import callable_by, logged_in, logins, try_all, try_in_bulk
from tests.kit.attempts import FAMILIES, IN_BULK

PEOPLE = ("person_operator", "person_auditor", "person_clerk")
ATTACKERS = (*LOGINS, *PEOPLE)


@pytest.mark.parametrize("role", ATTACKERS)
def test_no_role(fortress: Fortress, role: str) -> None:
    login = fortress.login(role)
    with psycopg.connect(fortress.database.superuser_url) as conn:
        allowed = frozenset(callable_by(conn, login))

    with logged_in(fortress.database.role_url(login)) as conn:
        for family, attempts in FAMILIES.items():
            tried, passed = (try_in_bulk if family in IN_BULK else try_all)(
                conn, attempts(fortress.catalogue, login, allowed)
            )
            assert (family, passed) == (family, [])
            assert tried > 15
    # Looking at everything takes longer than most families do: once, after all of them.
    assert fortress.changes() == []


def test_every_login_of_the_server_is_attacked_from(fortress: Fortress) -> None:
    with psycopg.connect(fortress.database.superuser_url) as conn:
        assert logins(conn) == set(LOGINS)


def test_what_is_internal_is_granted_to_nobody(fortress: Fortress) -> None:
    internal = [r.signature for r in fortress.catalogue.routines if r.internal]
    with psycopg.connect(fortress.database.superuser_url) as conn:
        # Types of other schemas are named with theirs, as whoever attacks must.
        conn.execute("set search_path = ''")
        granted = conn.execute(
            "select p.oid::regprocedure::text, a.grantee::regrole::text"
            " from pg_proc p, aclexplode(p.proacl) a"
            " where p.oid::regprocedure::text = any (%s) and a.grantee <> p.proowner",
            (internal,),
        ).fetchall()

    assert len(internal) > 20
    assert granted == []
