"""What a login must not be able to do, generated from the catalogue, and proof that it did not."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from json import dumps
from typing import Any

import psycopg
from psycopg import Connection, sql

from backend.db.roles import AGENTS, LOGINS, OWNER, agent_role
from backend.db.sql_files import ALL_SCHEMAS
from workers.agent import load

THEIRS = "theirs"
"""The organisation that nobody who attacks belongs to; it has a row in every table."""

REFUSED = frozenset({"42501"})
"""Insufficient privilege: Postgres refuses, before anything of ours is asked."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing that is tried. codes: how it may be refused; none: it may pass, to no effect."""

    statement: str
    codes: frozenset[str] = REFUSED


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, partition or view of the desk."""

    name: str
    kind: str
    columns: tuple[str, ...]
    partition_of: str | None
    triggers: tuple[str, ...]
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routine:
    """A function of the desk. called: the call with every argument null."""

    name: str
    signature: str
    called: str
    internal: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that there is to attack."""

    relations: tuple[Relation, ...]
    routines: tuple[Routine, ...]
    roles: tuple[str, ...]
    database: str


def read_catalogue(conn: Connection[Any]) -> Catalogue:
    """Read what there is, as it is now: nothing new is forgotten."""
    schemas = {"schemas": list(ALL_SCHEMAS), "owner": OWNER}
    relations = [Relation(n, k, tuple(c), p, tuple(t), tuple(o))
                 for n, k, c, p, t, o in conn.execute(_RELATIONS, schemas).fetchall()]  # fmt: skip
    # Types of other schemas are named with theirs, as whoever attacks must.
    conn.execute("set search_path = ''")
    routines = [Routine(*row) for row in conn.execute(_ROUTINES, schemas).fetchall()]
    conn.execute("reset search_path")
    roles = conn.execute(
        "select r.rolname from pg_roles r where r.rolname !~ '^(pg_|person_)'"
        " and (r.rolname ~ '^(desk_|treasury_operator$|auditor$|edge_intake$|postgres$)'"
        " or r.rolname ~ '_agent$')"
    ).fetchall()
    row = conn.execute("select current_database()").fetchone()
    assert row is not None
    return Catalogue(
        tuple(relations), tuple(routines), tuple(sorted(name for (name,) in roles)), row[0]
    )


_RELATIONS = """
select format('%%I.%%I', n.nspname, c.relname), c.relkind::text,
       array(select quote_ident(a.attname) from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and a.attidentity = ''
              order by a.attnum),
       (select i.inhparent::regclass::text from pg_inherits i where i.inhrelid = c.oid),
       array(select quote_ident(t.tgname) from pg_trigger t
              where t.tgrelid = c.oid and not t.tgisinternal),
       array(select quote_ident(p.polname) from pg_policy p where p.polrelid = c.oid)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = any (%(schemas)s) and c.relkind in ('r', 'p', 'v', 'm')
   and (n.nspname <> 'public' or c.relowner = %(owner)s::regrole)
 order by 1
"""

_ROUTINES = """
select n.nspname || '.' || p.proname, p.oid::regprocedure::text,
       format('%%I.%%I(%%s)', n.nspname, p.proname,
              (select string_agg('null::' || format_type(t, null), ', ' order by i)
                 from unnest(p.proargtypes) with ordinality as x(t, i))),
       obj_description(p.oid, 'pg_proc')
         ~* '(Internal|Called by other procedures only|Only the owner may|Owner only)'
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
 where n.nspname = any (%(schemas)s) and (n.nspname <> 'public' or p.proowner = %(owner)s::regrole)
   and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
                    and d.objid = p.oid and d.deptype = 'e')
 order by 2
"""


def fingerprint(conn: Connection[Any], catalogue: Catalogue) -> dict[str, tuple[int, int | None]]:
    """Return rows and newest transaction of every table and of the catalogue's own.

    An insert or update moves the newest transaction, a delete the count. Cheap in a session that
    asked before: most of the time goes into getting to know every table.
    """
    tables = [r.name for r in catalogue.relations if r.kind == "r"]
    query = " union all ".join(
        [f"select '{t}', count(*), max(x.xmin::text::bigint) from only {t} x" for t in tables]
        + [f"select '{t}', count(*), max(x.xmin::text::bigint) from pg_catalog.{t} x" for t in _OWN]
        + _CLUSTER
    )
    rows = conn.execute(query.encode(), {"roles": list(catalogue.roles)}, prepare=True).fetchall()
    return {name: (count, newest) for name, count, newest in rows}


_OWN = (
    "pg_trigger", "pg_policy", "pg_type", "pg_operator", "pg_cast",
    "pg_inherits", "pg_rewrite", "pg_constraint", "pg_default_acl", "pg_extension", "pg_attrdef",
    "pg_event_trigger", "pg_publication", "pg_language", "pg_partitioned_table",
    "pg_largeobject_metadata", "pg_description",
)  # fmt: skip
_CLUSTER = [
    # A grant that grants nothing writes its row again: what is looked at is what it says.
    "select 'pg_proc', count(*), sum(hashtextextended(concat_ws(' ', p.oid, p.proname, p.proowner,"
    " p.proacl, p.prosecdef, p.proconfig, p.prosrc), 0) %% 1000000007)::bigint"
    " from pg_catalog.pg_proc p",
    "select 'pg_namespace', count(*), sum(hashtextextended(concat_ws(' ', n.nspname, n.nspowner,"
    " n.nspacl), 0) %% 1000000007)::bigint from pg_catalog.pg_namespace n"
    " where n.nspname !~ '^pg_t'",
    # Statistics change pg_class and pg_attribute too: what is looked at is what they say.
    "select 'pg_class', count(*), sum(hashtextextended(concat_ws(' ', c.oid, c.relname, c.relowner,"
    " c.relacl, c.relrowsecurity, c.relforcerowsecurity, c.reloptions), 0) %% 1000000007)::bigint"
    " from pg_catalog.pg_class c where not c.relnamespace::regnamespace::text ~ '^pg_t'",
    "select 'pg_attribute', count(*), sum(hashtextextended(concat_ws(' ', a.attrelid, a.attname,"
    " a.attacl, a.atttypid, a.attnotnull), 0) %% 1000000007)::bigint"
    " from pg_catalog.pg_attribute a",
    # Tests beside this one make logins and set passwords on the same server.
    "select 'pg_roles', count(*), sum(hashtextextended(concat_ws(' ', r.rolname, r.rolsuper,"
    " r.rolcanlogin, r.rolbypassrls, r.rolcreaterole, r.rolinherit), 0) %% 1000000007)::bigint"
    " from pg_catalog.pg_roles r where r.rolname = any (%(roles)s)",
    "select 'pg_auth_members', count(*), sum(hashtextextended(concat_ws(' ', m.roleid, m.member,"
    " m.admin_option), 0) %% 1000000007)::bigint from pg_catalog.pg_auth_members m"
    " join pg_catalog.pg_roles r on r.oid = m.member where r.rolname = any (%(roles)s)",
    "select 'pg_database', count(*), sum(hashtextextended(concat_ws(' ', d.datacl, d.datdba), 0)"
    " %% 1000000007)::bigint from pg_catalog.pg_database d where d.datname = current_database()",
]


def try_all(conn: Connection[Any], attempts: Iterable[Attempt]) -> tuple[int, list[str]]:
    """Try everything in a session that really logged in; how many, and what was not refused."""
    tried, passed = 0, []
    for attempt in attempts:
        tried += 1
        try:
            conn.execute(attempt.statement.encode())
        except psycopg.Error as error:
            if attempt.codes and error.sqlstate not in attempt.codes:
                passed.append(f"{attempt.statement}: {error.sqlstate} {error.diag.message_primary}")
        else:
            if attempt.codes:
                passed.append(attempt.statement)
        if conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            conn.rollback()
    return tried, passed


def try_in_bulk(conn: Connection[Any], attempts: Iterable[Attempt]) -> tuple[int, list[str]]:
    """Try everything as try_all does, in one statement that goes on after each refusal."""
    listed = [(a.statement, ",".join(sorted(a.codes))) for a in attempts]
    passed: list[str] = []
    conn.add_notice_handler(
        lambda notice: (
            passed.append(notice.message_primary or "")
            if notice.severity_nonlocalized == "INFO"
            else None
        )
    )
    body = dumps([{"s": statement, "c": codes} for statement, codes in listed])
    conn.execute(_IN_BULK.replace("$ATTEMPTS$", sql.quote(body)).encode())
    return len(listed), passed


_IN_BULK = """
do $attack$
declare
  v record;
begin
  for v in select x.s, x.c from jsonb_to_recordset($ATTEMPTS$) as x(s text, c text) loop
    begin
      execute v.s;
      if v.c <> '' then
        raise info '%', v.s;
      end if;
    exception when others then
      if v.c <> '' and sqlstate <> all (string_to_array(v.c, ',')) then
        raise info '%: % %', v.s, sqlstate, sqlerrm;
      end if;
    end;
  end loop;
end $attack$
"""


def callable_by(conn: Connection[Any], role: str) -> set[str]:
    """Return the routines a role may call: an agent what its file declares, others their grants."""
    agent = next((name for name in AGENTS if agent_role(name) == role), None)
    who = "desk_agents" if agent else role
    rows = conn.execute(
        "select n.nspname || '.' || p.proname from pg_proc p"
        " join pg_namespace n on n.oid = p.pronamespace, aclexplode(p.proacl) a"
        " where a.grantee <> p.proowner and a.grantee <> 0"
        " and pg_has_role(%s, a.grantee, 'usage')",
        (who,),
    ).fetchall()
    return {name for (name,) in rows} | (set(load(agent).may_call) if agent else set())


def logins(conn: Connection[Any]) -> set[str]:
    """Return every login of the desk that the server knows, persons left out."""
    rows = conn.execute(
        "select r.rolname from pg_roles r where r.rolcanlogin and not r.rolsuper"
        " and not r.rolcreaterole and (r.rolname = any (%s) or r.rolname ~ '^desk_|_agent$')",
        (list(LOGINS),),
    ).fetchall()
    return {name for (name,) in rows}


def fill_theirs(conn: Connection[Any], catalogue: Catalogue) -> None:
    """Write one row of another organisation into every table, as only a superuser can.

    Columns of one name hold one value, so that rows of different tables belong together.
    """
    conn.execute("set session_replication_role = replica")
    for relation in catalogue.relations:
        if relation.kind not in ("r", "p") or relation.partition_of or _is_kept(relation.name):
            continue
        checks = conn.execute(
            "select quote_ident(c.conname) from pg_constraint c"
            " where c.conrelid = %s::regclass and c.contype = 'c'",
            (relation.name,),
        ).fetchall()
        for (check,) in checks:
            conn.execute(f"alter table {relation.name} drop constraint {check}".encode())
        columns = conn.execute(
            "select quote_ident(a.attname), format_type(a.atttypid, a.atttypmod)"
            " from pg_attribute a where a.attrelid = %s::regclass and a.attnum > 0"
            " and not a.attisdropped and a.attidentity = '' and a.attgenerated = ''"
            " order by a.attnum",
            (relation.name,),
        ).fetchall()
        names = ", ".join(name for name, _ in columns)
        values = ", ".join(_value(name, kind) for name, kind in columns)
        conn.execute(f"insert into {relation.name} ({names}) values ({values})".encode())
    conn.execute("set session_replication_role = origin")


def _is_kept(table: str) -> bool:
    return table in ("ops.alembic_version", "ops.routines")


def _value(column: str, kind: str) -> str:
    if column in _KNOWN:
        return f"'{_KNOWN[column]}'"
    if column == "row_xid":
        return "1"
    if kind.endswith("[]"):
        return "'{}'"
    if "vector(" in kind:
        return f"array_fill(0.5, array[{kind.split('(')[1][:-1]}])::{kind}"
    return _BY_TYPE[kind].format(column=column)


_KNOWN = {"org_id": THEIRS, "scope": "organization", "scope_id": THEIRS}
_BY_TYPE = {
    "text": "'{column} of theirs'",
    "uuid": "md5('{column}')::uuid",
    "timestamp with time zone": "clock_timestamp()",
    "date": "current_date",
    "numeric": "1",
    "integer": "1",
    "bigint": "1",
    "smallint": "1",
    "double precision": "1",
    "boolean": "false",
    "bytea": "'\\xc0ffee'",
    "jsonb": "'{{}}'",
    "inet": "'127.0.0.1'",
}


@contextmanager
def logged_in(url: str) -> Generator[Connection[Any]]:
    """Lend a session that logged in and keeps nothing open between statements."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("set statement_timeout = '60s'")
        conn.execute("set lock_timeout = '5s'")
        yield conn
