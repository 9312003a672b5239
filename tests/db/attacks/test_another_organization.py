"""Rows of another organisation stay unseen: every table, every view, every function."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest
from psycopg import Connection

from tests.db.attacks.conftest import Fortress
from tests.kit.attacks import THEIRS, logged_in

PEOPLE = ("person_operator", "person_auditor", "person_clerk")
CLAIMS = {"sub": "person_operator", "role": "auditor", "org_id": THEIRS}
PLATFORM = (
    # One book for everyone: what instruments, venues, policies and the desk itself are.
    "^(public.(venues|instruments|instrument_aliases|market_|latest_quotes|structures|structure_)"
    "|intake.scoring_weights|ops.structure_models|execution.(latency_baselines|slippage_models|venue_models)"
    "|risk.(policies|limits"
    "|policy_changes|scenarios|news_events|volatilities)|governance.(quorum_rules|halt_causes)"
    "|execution.(order_transitions|venue_health)|bus.(agents|subscriptions|publications"
    "|agent_keys)|ops.(feature_flags|desired_agents|job_runs|retention|incidents)|audit.(forms|retired_partitions|seal_keys|seal_log|seals|segments))"
)


def readable(conn: Connection[Any], fortress: Fortress) -> list[str]:
    """Name the relations that this session may read and that hold organisations' rows."""
    return [
        relation.name
        for relation in fortress.catalogue.relations
        if relation.partition_of is None
        and value(conn, "select has_table_privilege(%s, 'select')", relation.name)
        and not value(conn, "select %s ~ %s", relation.name, PLATFORM)
    ]


def value(conn: Connection[Any], query: str, *arguments: Any) -> Any:
    row = conn.execute(query.encode(), arguments).fetchone()
    return None if row is None else row[0]


def seen(conn: Connection[Any], fortress: Fortress) -> list[str]:
    """Name the relations in which something of the other organisation shows."""
    return [
        name
        for name in readable(conn, fortress)
        if value(conn, f"select exists (select from {name} x where x::text ~ '{THEIRS}')")
    ]


@pytest.mark.parametrize("role", PEOPLE)
def test_no_table_or_view_shows_rows_of_another_organization(fortress: Fortress, role: str) -> None:
    with logged_in(fortress.database.role_url(fortress.login(role))) as conn:
        assert len(readable(conn, fortress)) > 30
        assert seen(conn, fortress) == []


def test_troubles_of_an_account_are_told_to_its_own_organization(fortress: Fortress) -> None:
    with psycopg.connect(fortress.database.superuser_url) as conn:
        conn.execute(
            "insert into ops.incidents (incident_id, kind, subject, severity, detail)"
            " select gen_random_uuid(), 'trouble', a.account_id, 'WARN',"
            " jsonb_build_object('account_id', a.account_id) from public.accounts a"
        )
        conn.execute(f"set local session authorization {fortress.login('person_clerk')}".encode())
        told = conn.execute("select subject from ops.incidents where kind = 'trouble'").fetchall()
        conn.rollback()
    assert told == [("paper-1",)]


@pytest.mark.parametrize("role", PEOPLE)
def test_claims_set_by_a_login_of_ones_own_open_nothing(fortress: Fortress, role: str) -> None:
    with logged_in(fortress.database.role_url(fortress.login(role))) as conn:
        for name in ("request.jwt.claims", "request.jwt.claim.sub", "role.claims"):
            conn.execute("select set_config(%s, %s, false)", (name, orjson.dumps(CLAIMS).decode()))
        assert value(conn, "select governance.acting_voter()") == fortress.login(role)
        assert value(conn, "select ops.readable_organizations()") == ["demo"]
        assert seen(conn, fortress) == []


@pytest.mark.parametrize("role", ["treasury_operator", "auditor", "desk_operator"])
def test_behind_the_api_nobody_sees_more_than_the_claimed_organization(
    fortress: Fortress, role: str
) -> None:
    with logged_in(fortress.database.role_url("desk_api")) as conn, conn.transaction():
        conn.execute(
            "select set_config('request.jwt.claims', %s, true)",
            (orjson.dumps({"sub": "somebody", "org_id": "demo"}).decode(),),
        )
        conn.execute(f"set local role {role}".encode())
        # Opposite to a login of one's own, an office behind the API opens nothing either.
        assert seen(conn, fortress) == []


@pytest.mark.parametrize("role", PEOPLE)
def test_no_function_tells_of_another_organization(fortress: Fortress, role: str) -> None:
    login = fortress.login(role)
    theirs = UUID(bytes=_md5("correlation_id"))
    with logged_in(fortress.database.role_url(login)) as conn:
        story = value(conn, "select audit.decision_story(%s)", theirs)
        told = {key for key, found in story.items() if found not in (None, [], {})}
        assert told <= {"correlation_id"}
        for call in (
            "select ops.hold_key('person_id of theirs', 'key of theirs', 'r', '{}')",
            "select ops.hold_key('desk_operator', 'k', 'r', '{}')",
            "select ops.hold_key(null, 'k', 'r', '{}')",
        ):
            with pytest.raises(psycopg.Error) as caught:
                conn.execute(call.encode())
            assert caught.value.sqlstate == "TR501"
        conn.execute("select ops.keep_reply('person of theirs', 'key of theirs', '{}')")
    assert fortress.changes() == []


def test_a_suspended_auditor_reads_nothing_more_in_a_session_that_stayed_open(
    fortress: Fortress,
) -> None:
    login = fortress.login("person_auditor")
    with (
        psycopg.connect(fortress.database.superuser_url) as conn,
        logged_in(fortress.database.role_url(login)) as reader,
    ):
        assert value(reader, "select count(*) from public.accounts") == 1
        conn.execute("set session_replication_role = replica")
        conn.execute("update governance.voters set org_id = null where voter = %s", (login,))
        conn.execute(f"set local session authorization {login}".encode())
        assert value(conn, "select count(*) from public.accounts") == 2
        conn.execute("reset session authorization")
        conn.execute("update governance.voters set state = 'suspended' where voter = %s", (login,))
        conn.execute(f"set local session authorization {login}".encode())
        assert value(conn, "select count(*) from public.accounts") == 0
        conn.rollback()


def test_a_token_of_somebody_who_was_disabled_since_opens_nothing(fortress: Fortress) -> None:
    login, token = fortress.login("person_clerk"), b"token of a clerk"
    claims = orjson.dumps({"sub": login, "role": "desk_operator", "org_id": "demo"}).decode()
    with psycopg.connect(fortress.database.superuser_url) as conn:
        conn.execute(
            "insert into ops.api_tokens (token_id, token_sha256, person, role_name, org_id,"
            " expires_at) values (gen_random_uuid(), sha256(%s), %s, 'desk_operator', 'demo',"
            " clock_timestamp() + interval '1 hour')",
            (token, login),
        )
        conn.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
        found = []
        for state in ("active", "suspended"):
            conn.execute("update governance.voters set state = %s where voter = %s", (state, login))
            conn.execute("set local session authorization desk_api")
            person = value(conn, "select person from ops.authenticate(sha256(%s))", token)
            conn.execute("set local role desk_operator")
            found.append((person, value(conn, "select count(*) from public.accounts")))
            conn.execute("reset role")
            conn.execute("reset session authorization")
        conn.rollback()
    assert found == [(login, 1), (None, 0)]


@pytest.mark.parametrize("table", ["public.votes", "public.orders", "risk.measurements"])
def test_whoever_reads_is_asked_once_per_statement_and_not_per_row(
    fortress: Fortress, table: str
) -> None:
    login = fortress.login("person_operator")
    with psycopg.connect(fortress.database.superuser_url) as conn:
        conn.execute("set local session_replication_role = replica")
        for _ in range(20):
            conn.execute(_DOUBLE[table].encode())
        conn.execute("set local track_functions = 'all'")
        conn.execute(f"set local session authorization {login}".encode())
        conn.execute(f"select * from {table}".encode()).fetchall()
        conn.execute("reset session authorization")
        asked = value(
            conn,
            "select coalesce(sum(calls), 0) from pg_stat_xact_user_functions"
            " where funcname in ('readable_organizations', 'reads_everything')",
        )
        conn.rollback()
    assert asked <= 2


_DOUBLE = {
    "public.votes": "insert into public.votes (vote_id, proposal_id, voter, voter_kind, decision,"
    " reason, revision) select gen_random_uuid(), proposal_id, gen_random_uuid()::text,"
    " voter_kind, decision, reason, revision from public.votes limit 1",
    "public.orders": "insert into public.orders select (jsonb_populate_record(o,"
    " jsonb_build_object('order_id', gen_random_uuid(), 'intent_id', gen_random_uuid(),"
    " 'client_order_id',"
    " gen_random_uuid()))).* from public.orders o limit 1",
    "risk.measurements": "insert into risk.measurements select (jsonb_populate_record(m,"
    " jsonb_build_object('scope', 'account', 'scope_id', gen_random_uuid()))).*"
    " from risk.measurements m limit 1",
}


def _md5(text: str) -> bytes:
    import hashlib

    return hashlib.md5(text.encode(), usedforsecurity=False).digest()
