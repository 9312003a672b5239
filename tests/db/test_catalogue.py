"""The catalogue: what is there is what the folder says, and nobody may more than they should."""

from collections.abc import Generator

import psycopg
import pytest

from backend.db import roles
from backend.db.catalogue import APPEND_ONLY, grants_of, verify
from backend.db.prepare import become_owner
from backend.db.sql_files import read_folder
from backend.settings import CHECKOUT
from tests.kit import postgres as kit
from tests.kit.postgres import Database


@pytest.fixture(scope="module")
def shared() -> Generator[Database]:
    """Lend one database to tests that all roll back."""
    with kit.fresh_database() as fresh:
        yield fresh


@pytest.fixture
def superuser(shared: Database) -> Generator[psycopg.Connection]:
    """Lend a transaction that may break every rule, and is rolled back."""
    with psycopg.connect(shared.superuser_url) as conn:
        yield conn
        conn.rollback()


@pytest.fixture
def owner(shared: Database) -> Generator[psycopg.Connection]:
    """Lend a transaction as desk_owner, which is rolled back."""
    with psycopg.connect(shared.owner_url) as conn:
        become_owner(conn)
        yield conn
        conn.rollback()


def test_a_migrated_database_has_no_violations(superuser: psycopg.Connection) -> None:
    assert [str(violation) for violation in verify(superuser)] == []


BREAKAGES = {
    "routine has no comment": "comment on function bus.uuid7() is null",
    "definer does not pin search_path = ''": "alter function bus.wake(text[]) reset search_path",
    "routine may be executed by PUBLIC": "grant execute on function bus.uuid7() to public",
    "routine is not owned by desk_owner": "alter function bus.uuid7() owner to desk_migrator",
    "table or view has no comment": "comment on table fills is null",
    "relation is not owned by desk_owner": "alter table bus.refused owner to desk_migrator",
    "people read it without row level security": "alter table fills no force row level security",
    "view that people read runs with its owner's rights": (
        "create view ops.leak as select fill_id from fills; grant select on ops.leak to auditor;"
        " comment on view ops.leak is 'x'; alter view ops.leak owner to desk_owner"
    ),
    "someone beside the owner may change the table": "grant update on orders to order_agent",
    "append-only table lacks its triggers": "alter table votes disable trigger votes_stays",
    "partitioned table lacks its default partition": "drop table market_bars_default",
    "role is missing": "alter role edge_intake rename to edge_intake_gone",
    "role may more than it should": "alter role risk_agent createdb",
    "a role of the desk is member of the owner": "grant desk_owner to desk_operator",
    "routine is in sql/ and not in the database": "drop function bus.dead_letters(int)",
    "routine is in the database and not in sql/": (
        "create function ops.stray() returns int language sql as 'select 1'"
    ),
    "policy is in sql/ and not in the database": "drop policy fills_member on fills",
    "trigger is in sql/ and not in the database": "drop trigger votes_stays on votes",
    "definer's owner may be logged in as or passes row security": "alter role desk_owner bypassrls",
    "routine of a trigger does not pin search_path = ''": (
        "alter function ops.refuse_change() reset search_path"
    ),
    "routine may be executed by a stranger": (
        "create role stranger; grant execute on function bus.uuid7() to stranger"
    ),
    "privilege of a stranger": "create role stranger; grant select (org_id) on fills to stranger",
    "someone beside the owner may change a column": "grant update (status) on orders to auditor",
    "grant that its holder may hand on": "grant select on fills to auditor with grant option",
    "an agent may read or change it other than through a procedure": (
        "grant select on fills to desk_agents"
    ),
    "partition may be reached past its table's row security": (
        "grant select on bus.events_default to auditor"
    ),
    "someone beside the owner may create in the schema": "grant create on schema ops to auditor",
    "others may create in the database, were it only for a while": (
        "do $$ begin execute format('grant temporary on database %I to public',"
        " current_database()); end $$"
    ),
    "default privileges hand new objects on": (
        "alter default privileges for role desk_owner in schema public"
        " grant select on tables to auditor"
    ),
    "default privileges let PUBLIC execute new functions": (
        "alter default privileges for role desk_owner grant execute on functions to public"
    ),
    "policy asks who reads for each row instead of once": (
        "alter policy fills_member on fills using (org_id = any (ops.readable_organizations()))"
    ),
    "policy is for everyone": "alter policy fills_member on fills to public",
    "policy lets someone beside the owner write": (
        "create policy more on fills for all to auditor using (true)"
    ),
    "trigger is switched off": "alter table votes disable trigger votes_stays",
    "an agent is in a group beside desk_agents": "grant auditor to risk_agent",
    "may act as another role of the desk": "grant risk_agent to order_agent",
    "a person or role may administer a group of the desk": (
        "grant treasury_operator to risk_agent with admin option"
    ),
    "a person may more than it should": (
        "create role person_x login createdb; insert into governance.voters"
        " (voter, kind, role_name, display_name) values ('person_x', 'human', 'auditor', 'x')"
    ),
    "sql/ holds another version than was applied": "update ops.routines set sha256 = 'old'",
}


@pytest.mark.parametrize("rule", BREAKAGES)
def test_a_broken_rule_is_named(superuser: psycopg.Connection, rule: str) -> None:
    superuser.execute(BREAKAGES[rule].encode())

    found = verify(superuser)

    assert rule in {violation.rule for violation in found}


def test_an_agents_grants_that_its_file_does_not_declare_are_named(
    superuser: psycopg.Connection,
) -> None:
    declared = {"risk": ["risk.authorize_intents", "bus.bury"], "order": ["execution.open_orders"]}

    found = {str(violation) for violation in verify(superuser, declared=declared)}

    assert "risk_agent bus.bury: an agent may not call what its file declares" in found
    assert (
        "order_agent risk.refuse_intents: an agent may call what its file does not declare" in found
    )


def test_every_agent_has_a_file_and_a_login_role() -> None:
    files = {path.stem for path in (CHECKOUT / "workers" / "agents").glob("[!_]*.py")}
    assert set(roles.AGENTS) == files
    assert all(roles.agent_role(agent) in roles.LOGINS for agent in files)


def test_an_agent_may_not_touch_any_table(superuser: psycopg.Connection) -> None:
    rows = superuser.execute(
        "select r.rolname, c.oid::regclass::text from pg_roles r, pg_class c"
        " where r.rolname = any (%s) and c.relkind in ('r', 'p', 'v')"
        " and c.relowner = 'desk_owner'::regrole"
        " and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete, truncate')",
        ([roles.agent_role(agent) for agent in roles.AGENTS],),
    ).fetchall()

    assert rows == []


def test_grants_of_a_role_are_its_own_and_not_its_groups(superuser: psycopg.Connection) -> None:
    assert "bus.claim" in grants_of(superuser, "desk_agents")
    assert "bus.claim" not in grants_of(superuser, "risk_agent")
    assert "ops.ensure_partitions" in grants_of(superuser, "housekeeping_agent")


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
def test_what_is_append_only_cannot_be_truncated_even_by_its_owner(
    owner: psycopg.Connection, table: str
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        owner.execute(f"truncate {table} cascade".encode())

    assert caught.value.sqlstate == "TR514"


def test_the_folder_names_each_object_once() -> None:
    files = read_folder()
    for names in (
        [name for file in files for name in file.routines],
        [name for file in files for name in file.views],
        [name for file in files for name in file.triggers],
        [name for file in files for name in file.policies],
    ):
        assert len(names) == len(set(names))


def test_a_function_file_holds_the_function_that_it_is_named_after() -> None:
    for file in read_folder():
        if file.kind == "function":
            schema, name = file.path.removesuffix(".function.sql").split("/")
            assert file.routines == (f"{schema}.{name}",)
