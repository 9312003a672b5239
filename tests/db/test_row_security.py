"""Row security: people read their own organisation, and nobody becomes someone by saying so."""

import secrets
from collections.abc import Generator
from uuid import uuid4

import orjson
import psycopg
import pytest
from psycopg import Connection, sql

from backend.db.prepare import become_owner
from tests.kit.postgres import Database

SIGNAL = (
    "insert into signals_raw (alert_id, correlation_id, org_id, source_id, received_at, body,"
    " understood) values (%s, %s, %s, 's', now(), 'x', false)"
)


@pytest.fixture
def two_organizations(database: Database) -> Database:
    """Lend a desk with one alert of each of two organisations."""
    with psycopg.connect(database.owner_url) as conn:
        become_owner(conn)
        for org_id in ("ours", "theirs"):
            conn.execute(
                "insert into organizations (org_id, name, base_currency) values (%s, %s, 'USD')",
                (org_id, org_id),
            )
            conn.execute(SIGNAL, (uuid4(), uuid4(), org_id))
            conn.execute(
                "insert into intents (intent_id, correlation_id, org_id, account_id, strategy_id,"
                " venue_id, symbol, side, order_type, mode, requested_quantity, notional,"
                " reference_price, state) values (gen_random_uuid(), gen_random_uuid(), %s, 'a',"
                " 's', 'v', 'EURUSD', 'BUY', 'market', 'paper', 1, 1, 1, 'authorized')",
                (org_id,),
            )
        conn.execute(
            "insert into risk_checks (intent_id, limit_kind, scope, scope_id, outcome)"
            " select i.intent_id, 'leverage', 'account', 'a', 'passed' from intents i"
        )
    return database


@pytest.fixture
def person(two_organizations: Database) -> Generator[str]:
    """Lend a login of a person's own; it belongs to no group and no organisation yet."""
    name = f"person_{secrets.token_hex(6)}"
    with psycopg.connect(two_organizations.superuser_url, autocommit=True) as conn:
        conn.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        yield name
        conn.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
        conn.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_a_treasury_operator_reads_the_rows_of_their_organisation_only(
    two_organizations: Database, person: str
) -> None:
    _make(two_organizations, person, "treasury_operator", "ours")

    with psycopg.connect(two_organizations.role_url(person)) as conn:
        assert _organizations(conn) == {"ours"}
        assert _count(conn, "risk_checks") == 1


def test_a_suspended_person_reads_nothing(two_organizations: Database, person: str) -> None:
    _make(two_organizations, person, "treasury_operator", "ours", state="suspended")

    with psycopg.connect(two_organizations.role_url(person)) as conn:
        assert _organizations(conn) == set()


def test_an_auditor_with_a_login_of_their_own_reads_everything(
    two_organizations: Database, person: str
) -> None:
    _make(two_organizations, person, "auditor", None)

    with psycopg.connect(two_organizations.role_url(person)) as conn:
        assert _organizations(conn) == {"ours", "theirs"}
        assert _count(conn, "risk_checks") == 2


def test_claims_of_a_session_that_is_not_the_apis_mean_nothing(
    two_organizations: Database, person: str
) -> None:
    _make(two_organizations, person, "treasury_operator", "ours")

    with psycopg.connect(two_organizations.role_url(person)) as conn:
        _claim(conn, {"org_id": "theirs"})
        assert _organizations(conn) == {"ours"}


@pytest.mark.parametrize("role", ["treasury_operator", "auditor", "desk_operator"])
def test_behind_the_api_every_person_is_kept_to_the_claimed_organisation(
    two_organizations: Database, role: str
) -> None:
    with psycopg.connect(two_organizations.role_url("desk_api")) as conn:
        for claims, expected in (
            ({"org_id": "ours"}, {"ours"}),
            ({"app_metadata": {"org_id": "theirs"}}, {"theirs"}),
            ({"user_metadata": {"org_id": "ours"}}, set()),
            ({}, set()),
        ):
            _claim(conn, claims)
            conn.execute(f"set local role {role}".encode())
            assert _organizations(conn) == expected
            conn.execute("set local role none")


def test_the_api_itself_reads_no_table(two_organizations: Database) -> None:
    with (
        psycopg.connect(two_organizations.role_url("desk_api")) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        _organizations(conn)


def test_the_reader_sees_every_row_and_changes_none(two_organizations: Database) -> None:
    with psycopg.connect(two_organizations.role_url("desk_reader"), autocommit=True) as conn:
        assert _organizations(conn) == {"ours", "theirs"}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("update intents set state = 'approved'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("select token_sha256 from ops.api_tokens")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("select token_sha256 from intake.source_tokens")


def test_an_agent_reads_and_writes_no_table(two_organizations: Database) -> None:
    with psycopg.connect(two_organizations.role_url("risk_agent"), autocommit=True) as conn:
        for statement in ("select 1 from intents", "insert into risk_checks default values"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement.encode())


def _make(
    database: Database, person: str, role: str, org_id: str | None, state: str = "active"
) -> None:
    with psycopg.connect(database.superuser_url) as conn:
        conn.execute(sql.SQL("grant {} to {}").format(sql.Identifier(role), sql.Identifier(person)))
        conn.execute("set local role desk_owner")
        conn.execute(
            "insert into governance.voters (voter, kind, role_name, display_name, org_id, state)"
            " values (%s, 'human', %s, 'A person', %s, %s)",
            (person, role, org_id, state),
        )


def _claim(conn: Connection, claims: dict[str, object]) -> None:
    conn.execute(
        "select set_config('request.jwt.claims', %s, true)", (orjson.dumps(claims).decode(),)
    )


def _organizations(conn: Connection) -> set[str]:
    return {row[0] for row in conn.execute("select org_id from signals_raw").fetchall()}


def _count(conn: Connection, table: str) -> int:
    row = conn.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return row[0]
