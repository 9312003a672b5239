"""Sweeps over the live catalogue: each names every violation of a rule that the desk keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from backend.db import sql_files
from backend.db.audit.records import SEALED
from backend.db.authority_rules import AUTHORITY_RULES, DECLARED
from backend.db.roles import (
    AGENTS,
    API,
    GROUPS,
    LOGINS,
    OWNER,
    PEOPLE,
    SUPABASE,
    agent_role,
)
from backend.db.sql_files import ALL_SCHEMAS, SqlFile

PLATFORM_TABLES = frozenset(
    {
        "public.venues",
        "public.instruments",
        "public.instrument_aliases",
        "public.market_bars",
        "public.market_ticks",
        "public.latest_quotes",
        "intake.scoring_weights",
        "public.structures",
        "public.market_conviction",
        "ops.structure_models",
        "risk.policies",
        "risk.limits",
        "risk.policy_changes",
        "risk.scenarios",
        "risk.news_events",
        "risk.volatilities",
        "governance.quorum_rules",
        "governance.halt_causes",
        "execution.order_transitions",
        "execution.venue_health",
        "execution.account_leases",
        "execution.slippage_models",
        "execution.venue_models",
        "execution.latency_baselines",
        "bus.agents",
        "bus.subscriptions",
        "bus.publications",
        "bus.agent_keys",
        "ops.incidents",
        "ops.feature_flags",
        "ops.desired_agents",
        "ops.job_runs",
        "ops.retention",
        "ops.routines",
        "ops.alembic_version",
        "audit.forms",
        "audit.retired_partitions",
        "audit.seal_keys",
    }
)
"""Tables that people read whole: they hold no organisation's rows."""

APPEND_ONLY = SEALED | {
    "risk.limits",
    "audit.forms",
    "audit.seal_keys",
    "audit.seals",
    "audit.segments",
}
"""Tables whose rows nobody changes; of the sealed ones every row is hashed as well."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is not as it should be: which rule, which object."""

    rule: str
    subject: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.rule}"


def verify(
    conn: Connection[Any],
    folder: Path = sql_files.FOLDER,
    declared: Mapping[str, Sequence[str]] | None = None,
) -> list[Violation]:
    """Return every violation, in a stable order; reads only.

    declared: the procedures that each agent's file names; not compared where it is None.
    """
    files = sql_files.read_folder(folder)
    found = [
        Violation(rule, row[0])
        for rule, query in (RULES | AUTHORITY_RULES).items()
        for row in conn.execute(query.encode(), _PARAMETERS).fetchall()
    ]
    found.extend(_folder_against_catalogue(conn, files))
    found.extend(
        Violation("sql/ holds another version than was applied", path)
        for path in _stale(conn, files)
    )
    if declared is not None:
        found.extend(_declared_against_granted(conn, declared))
    return sorted(found, key=str)


def _declared_against_granted(
    conn: Connection[Any], declared: Mapping[str, Sequence[str]]
) -> Iterator[Violation]:
    pairs = [(agent_role(agent), name) for agent, names in declared.items() for name in names]
    rows = conn.execute(
        DECLARED.encode(),
        {
            "agents": [agent_role(agent) for agent in AGENTS],
            "declaring": [role for role, _ in pairs],
            "declared": [name for _, name in pairs],
        },
    ).fetchall()
    return (Violation(rule, subject) for rule, subject in rows)


def grants_of(conn: Connection[Any], role: str) -> set[str]:
    """Return the routines granted to a role itself, as `schema.name`; its groups' not."""
    rows = conn.execute(
        "select n.nspname || '.' || p.proname from pg_catalog.pg_proc p"
        " join pg_catalog.pg_namespace n on n.oid = p.pronamespace"
        " cross join lateral aclexplode(p.proacl) a"
        " join pg_catalog.pg_roles r on r.oid = a.grantee"
        " where r.rolname = %s and a.privilege_type = 'EXECUTE' and p.proowner <> r.oid",
        (role,),
    ).fetchall()
    return {row[0] for row in rows}


_PARAMETERS = {
    "schemas": list(ALL_SCHEMAS),
    "owner": OWNER,
    "api": API,
    "people": list(PEOPLE),
    "roles": [*LOGINS, *GROUPS],
    "logins": list(LOGINS),
    "agents": [agent_role(agent) for agent in AGENTS],
    "supabase": list(SUPABASE),
    "platform": sorted(PLATFORM_TABLES),
    "append_only": sorted(APPEND_ONLY),
}

_ROUTINES = """
select p.oid::regprocedure::text
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
 where n.nspname = any (%(schemas)s)
   and (n.nspname <> 'public' or p.proowner = %(owner)s::regrole)
   and not exists (select from pg_catalog.pg_depend d
                    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
"""

_RELATIONS = """
select n.nspname || '.' || c.relname
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = any (%(schemas)s) and not c.relispartition
   and (n.nspname <> 'public' or c.relowner = %(owner)s::regrole)
"""

_READABLE = """
   and exists (select from unnest(%(people)s::text[]) person
                where has_table_privilege(person, c.oid, 'select')
                   or has_any_column_privilege(person, c.oid, 'select'))
"""

RULES = {
    "routine has no comment": _ROUTINES + "and obj_description(p.oid, 'pg_proc') is null",
    "definer does not pin search_path = ''": _ROUTINES
    + "and p.prosecdef and not coalesce('search_path=\"\"' = any (p.proconfig), false)",
    "routine may be executed by PUBLIC": _ROUTINES
    + "and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
    " where a.grantee = 0)",
    "routine is not owned by desk_owner": _ROUTINES + "and p.proowner <> %(owner)s::regrole",
    "table or view has no comment": _RELATIONS
    + "and c.relkind in ('r', 'p', 'v') and n.nspname || '.' || c.relname <> 'ops.alembic_version'"
    " and obj_description(c.oid, 'pg_class') is null",
    "relation is not owned by desk_owner": _RELATIONS
    + "and c.relkind in ('r', 'p', 'v', 'm', 'S') and c.relowner <> %(owner)s::regrole",
    "people read it without row level security": _RELATIONS
    + "and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)"
    " and n.nspname || '.' || c.relname <> all (%(platform)s)" + _READABLE,
    "view that people read runs with its owner's rights": _RELATIONS + "and c.relkind = 'v'"
    " and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on',"
    " 'security_invoker=1'], false)" + _READABLE,
    "someone beside the owner may change the table": _RELATIONS
    + "and c.relkind in ('r', 'p') and exists (select from aclexplode(c.relacl) a"
    " where a.grantee <> c.relowner"
    " and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))",
    "append-only table lacks its triggers": _RELATIONS
    + "and n.nspname || '.' || c.relname = any (%(append_only)s)"
    " and 2 <> (select count(*) from pg_catalog.pg_trigger t where t.tgrelid = c.oid"
    " and t.tgenabled = 'O' and t.tgfoid = 'ops.refuse_change()'::regprocedure)",
    "partitioned table lacks its default partition": _RELATIONS
    + "and c.relkind = 'p' and not exists (select from pg_catalog.pg_partitioned_table p"
    " where p.partrelid = c.oid and p.partdefid <> 0)",
    "Supabase's roles may use it": _RELATIONS
    + "and exists (select from aclexplode(c.relacl) a join pg_catalog.pg_roles r"
    " on r.oid = a.grantee where r.rolname = any (%(supabase)s))",
    "role may more than it should": "select r.rolname from pg_catalog.pg_roles r"
    " where (r.rolname = any (%(roles)s) or r.rolname = %(owner)s) and (r.rolsuper"
    " or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication"
    " or r.rolcanlogin <> (r.rolname = any (%(logins)s)))",
    "the API has the rights of a person unasked": "select p from unnest(%(people)s::text[]) p"
    " where pg_has_role(%(api)s, p, 'USAGE')",
    "role is missing": "select w from unnest(%(roles)s::text[]) w"
    " where not exists (select from pg_catalog.pg_roles r where r.rolname = w)",
    "a role of the desk is member of the owner": "select r.rolname"
    " from pg_catalog.pg_auth_members m join pg_catalog.pg_roles r on r.oid = m.member"
    " where m.roleid = %(owner)s::regrole and r.rolname = any (%(roles)s)",
}


def _folder_against_catalogue(
    conn: Connection[Any], files: Sequence[SqlFile]
) -> Iterator[Violation]:
    declared = {
        "routine": [name for file in files for name in file.routines],
        "view": [name for file in files for name in file.views],
        "trigger": [name for file in files for name in file.triggers],
        "policy": [name for file in files for name in file.policies],
    }
    for kind, query in _PRESENT.items():
        present = [row[0] for row in conn.execute(query.encode(), _PARAMETERS).fetchall()]
        wanted = declared[kind]
        for name in sorted(set(present) | set(wanted)):
            if present.count(name) > wanted.count(name):
                yield Violation(f"{kind} is in the database and not in sql/", name)
            elif present.count(name) < wanted.count(name):
                yield Violation(f"{kind} is in sql/ and not in the database", name)


_PRESENT = {
    "routine": _ROUTINES.replace("p.oid::regprocedure::text", "n.nspname || '.' || p.proname", 1),
    "view": _RELATIONS + "and c.relkind = 'v'",
    "trigger": """
select n.nspname || '.' || c.relname || '.' || t.tgname
  from pg_catalog.pg_trigger t
  join pg_catalog.pg_class c on c.oid = t.tgrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where not t.tgisinternal and t.tgparentid = 0 and n.nspname = any (%(schemas)s)
   and (n.nspname <> 'public' or c.relowner = %(owner)s::regrole)
""",
    "policy": """
select n.nspname || '.' || c.relname || '.' || p.polname
  from pg_catalog.pg_policy p
  join pg_catalog.pg_class c on c.oid = p.polrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = any (%(schemas)s)
   and (n.nspname <> 'public' or c.relowner = %(owner)s::regrole)
""",
}


def _stale(conn: Connection[Any], files: Sequence[SqlFile]) -> list[str]:
    rows = conn.execute("select r.path, r.sha256 from ops.routines r").fetchall()
    applied = dict(rows)
    return sorted(
        {file.path for file in files if applied.get(file.path) != file.sha256}
        | (applied.keys() - {file.path for file in files})
    )
