"""Families of attempts: each yields, for one role, everything of its kind that is to be tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.kit.attacks import REFUSED, Attempt, Catalogue, Relation

Family = Callable[[Catalogue, str, frozenset[str]], Iterator[Attempt]]

_VIEWS = REFUSED | {"55000", "0A000", "42809"}
"""A view that cannot be written at all says so before it asks for privileges."""

_BALLOT = ("decision", "reason")


def writes(catalogue: Catalogue, role: str, callable_: frozenset[str]) -> Iterator[Attempt]:
    """Insert, update, delete and truncate on every table, partition and view."""
    del role, callable_
    for relation in catalogue.relations:
        name = relation.name
        codes = _VIEWS if relation.kind in ("v", "m") else REFUSED
        yield Attempt(f"insert into {name} default values", codes)
        for column in _columns(relation):
            yield Attempt(f"update {name} set {column} = {column}", codes)
        yield Attempt(f"delete from {name}", codes)
        if relation.kind in ("r", "p"):
            yield Attempt(f"truncate {name} cascade")
            yield Attempt(f"select 1 from {name} for update")
            yield Attempt(f"lock table {name} in exclusive mode")


def _columns(relation: Relation) -> tuple[str, ...]:
    if relation.name == "treasury.my_ballots":
        return tuple(c for c in relation.columns if c not in _BALLOT)
    return relation.columns[:1] if relation.partition_of else relation.columns[:3]


def alters(catalogue: Catalogue, role: str, callable_: frozenset[str]) -> Iterator[Attempt]:
    """Change what tables are: triggers, partitions, policies, owners, names."""
    del callable_
    for relation in catalogue.relations:
        name = relation.name
        kind = "view" if relation.kind == "v" else "table"
        yield Attempt(f'alter {kind} {name} owner to "{role}"')
        yield Attempt(f"drop {kind} {name} cascade")
        if relation.kind not in ("r", "p"):
            continue
        yield Attempt(f"alter table {name} disable trigger all")
        yield Attempt(f"alter table {name} disable row level security")
        yield Attempt(f"alter table {name} no force row level security")
        yield Attempt(f"create policy mine on {name} using (true)")
        if relation.partition_of:
            yield Attempt(f"alter table {relation.partition_of} detach partition {name}")
        for trigger in relation.triggers:
            yield Attempt(f"alter table {name} disable trigger {trigger}")
            yield Attempt(f"drop trigger {trigger} on {name}")
        for policy in relation.policies:
            yield Attempt(f'alter policy {policy} on {name} to "{role}"')
            yield Attempt(f"drop policy {policy} on {name}")
        yield Attempt(f'create rule "mine" as on insert to {name} do instead nothing')
        yield Attempt(f'grant all on {name} to "{role}"', frozenset())


def replaces(catalogue: Catalogue, role: str, callable_: frozenset[str]) -> Iterator[Attempt]:
    """Replace, alter, drop or hand on functions."""
    del callable_
    for routine in catalogue.routines:
        yield Attempt(f"alter function {routine.signature} security invoker")
        yield Attempt(f"alter function {routine.signature} set search_path = public")
        yield Attempt(f'alter function {routine.signature} owner to "{role}"')
        yield Attempt(f"drop function {routine.signature} cascade")
        yield Attempt(
            f"create or replace function {routine.name}() returns int language sql as 'select 1'"
        )
        yield Attempt(f"grant execute on function {routine.signature} to public", frozenset())


def calls(catalogue: Catalogue, role: str, callable_: frozenset[str]) -> Iterator[Attempt]:
    """Call every procedure that is not the role's to call."""
    del role
    for routine in catalogue.routines:
        if routine.name not in callable_:
            yield Attempt(f"select {routine.called}")


def becomes(catalogue: Catalogue, role: str, callable_: frozenset[str]) -> Iterator[Attempt]:
    """Become somebody else, or more than one is."""
    del callable_
    for other in catalogue.roles:
        # What a role was made to be: an agent one of the agents, the API a person.
        if other != role and other not in _may_be(role):
            yield Attempt(f'set role "{other}"')
            yield Attempt(f'set session authorization "{other}"')
            yield Attempt(f'grant "{other}" to "{role}"')
        if other != role:
            yield Attempt(f"alter role \"{other}\" password 'mine'")
            yield Attempt(f'drop role "{other}"')
            yield Attempt(f'alter role "{other}" set search_path = evil')
    for word in ("superuser", "bypassrls", "createrole", "createdb", "replication"):
        yield Attempt(f'alter role "{role}" {word}')
    yield Attempt("create role mine login superuser")
    yield Attempt("create role mine login")
    yield Attempt("set session_replication_role = replica")
    yield Attempt("reassign owned by desk_owner to current_user")
    yield Attempt("drop owned by desk_owner cascade")
    # Drops nothing: nothing is owned, and what was granted was granted by another.
    yield Attempt("drop owned by current_user cascade", frozenset())
    yield Attempt("alter default privileges for role desk_owner grant all on tables to public")
    yield Attempt("alter system set fsync = off")
    yield Attempt(f'alter database "{catalogue.database}" set search_path = evil')
    yield Attempt(f'alter database "{catalogue.database}" owner to "{role}"')
    yield Attempt("set jit_provider = 'mine'", REFUSED | {"55P02"})
    yield Attempt("load '/tmp/mine.so'")
    yield Attempt("create event trigger mine on ddl_command_start execute function bus.uuid7()")
    yield Attempt(
        "select pg_terminate_backend(a.pid) from pg_stat_activity a"
        " join pg_roles r on r.oid = a.usesysid where r.rolsuper"
    )


_MAY_BE = {
    "desk_api": ("treasury_operator", "auditor", "desk_operator"),
    "desk_sealer": ("desk_reader",),
}


def _may_be(role: str) -> tuple[str, ...]:
    if role.endswith("_agent"):
        return ("desk_agents",)
    if role.startswith("person_"):
        offices = {"operator": "treasury_operator", "auditor": "auditor", "clerk": "desk_operator"}
        return tuple(office for name, office in offices.items() if name in role)
    return _MAY_BE.get(role, ())


def hijacks(catalogue: Catalogue, role: str, callable_: frozenset[str]) -> Iterator[Attempt]:
    """Put something where procedures might look: temporary, public or in a schema of the desk."""
    del role, callable_
    schemas = sorted({routine.name.split(".")[0] for routine in catalogue.routines})
    for schema in (*schemas, "public", "extensions", "pg_catalog"):
        yield Attempt(f"create table {schema}.mine (x int)")
        yield Attempt(f"create type {schema}.mine as (x int)")
        yield Attempt(f"create domain {schema}.uuid as pg_catalog.uuid check (value is not null)")
        yield Attempt(
            f"create function {schema}.clock_timestamp() returns timestamptz language sql"
            " as 'select now()'"
        )
        yield Attempt(
            f"create operator {schema}.= (leftarg = text, rightarg = text, function = texteq)"
        )
        yield Attempt(f"create sequence {schema}.mine")
        yield Attempt(f"create view {schema}.mine as select 1")
    yield Attempt("create schema mine")
    yield Attempt("create schema evil authorization current_user")
    for known in ("uuid", "text", "jsonb", "timestamptz", "regclass"):
        yield Attempt(f"create domain pg_temp.{known} as pg_catalog.{known} check (false)")
    for relation in catalogue.relations:
        if relation.kind in ("r", "p") and not relation.partition_of:
            yield Attempt(f"create temporary table {relation.name.split('.')[1]} (x int)")
    for name in sorted({routine.name.split(".")[1] for routine in catalogue.routines}):
        yield Attempt(f"create function pg_temp.{name}() returns int language sql as 'select 1'")
    yield Attempt("create extension plpython3u", REFUSED | {"58P01", "0A000"})
    yield Attempt("create publication mine for all tables")
    yield Attempt("create cast (text as uuid) with inout")


def secrets(catalogue: Catalogue, role: str, callable_: frozenset[str]) -> Iterator[Attempt]:
    """Read what nobody logs in to read: passwords, tokens, files, other people's replies."""
    del catalogue, role, callable_
    for statement in (
        "select rolpassword from pg_catalog.pg_authid",
        "select passwd from pg_catalog.pg_shadow",
        "select * from pg_catalog.pg_hba_file_rules",
        "select * from pg_catalog.pg_file_settings",
        "select umoptions from pg_catalog.pg_user_mapping",
        "select pg_read_file('postgresql.conf')",
        "select pg_read_binary_file('PG_VERSION')",
        "select pg_ls_dir('.')",
        "select pg_stat_file('PG_VERSION')",
        "select lo_import('/etc/passwd')",
        "copy (select 1) to '/tmp/mine'",
        "copy (select 1) to program 'id'",
        "select pg_logical_slot_get_changes('x', null, null)",
        "select * from pg_catalog.pg_statistic",
        "select token_sha256 from ops.api_tokens",
        "select * from ops.api_tokens",
        "select reply from ops.idempotency_keys",
        "select token_sha256 from intake.source_tokens",
        "select secret_sha256 from intake.sources",
        "select to_jsonb(s) from intake.sources s",
    ):
        yield Attempt(statement)


def hinders(catalogue: Catalogue, role: str, callable_: frozenset[str]) -> Iterator[Attempt]:
    """Sit on what others wait for, or fill the disk."""
    del catalogue, role, callable_
    for scope in ("platform/*", "account/paper-1", "organization/demo"):
        for lock in ("advisory_lock", "advisory_lock_shared", "try_advisory_lock_shared",
                     "try_advisory_lock"):  # fmt: skip
            yield Attempt(f"select pg_{lock}(hashtextextended('halt/{scope}', 0))")
            yield Attempt(f"select pg_{lock}(hashtextextended('risk.budget/{scope}', 0))")
    for key in ("audit.seal", "audit.append_seal", "risk.policy", "governance.proposals"):
        yield Attempt(f"select pg_advisory_xact_lock(hashtextextended('{key}', 0))")
    yield Attempt("select pg_advisory_lock(1, 2)")
    yield Attempt("select pg_advisory_unlock_all()")
    for large in ("lo_creat(-1)", "lo_create(0)", "lo_from_bytea(0, 'mine')", "lo_unlink(1)",
                  "lo_put(1, 0, 'mine')"):  # fmt: skip
        yield Attempt(f"select {large}")


FAMILIES: dict[str, Family] = {
    "writes a row": writes,
    "alters a table": alters,
    "replaces a function": replaces,
    "calls what is not its to call": calls,
    "becomes somebody else": becomes,
    "hijacks a lookup": hijacks,
    "reads a secret": secrets,
    "hinders others": hinders,
}

IN_BULK = frozenset(
    {"writes a row", "alters a table", "replaces a function", "calls what is not its to call"}
)
"""Families whose thousands of attempts one session makes in a single statement of its own."""
