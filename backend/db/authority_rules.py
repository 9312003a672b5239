"""Sweeps over who may do what: each query names the violations of one rule of authority."""

from __future__ import annotations

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
 where n.nspname = any (%(schemas)s)
   and (n.nspname <> 'public' or c.relowner = %(owner)s::regrole)
"""

_STRANGER = """(a.grantee = 0 or not exists (
    select from pg_catalog.pg_roles r
     where r.oid = a.grantee and (r.rolname = any (%(roles)s) or r.oid = %(owner)s::regrole)))"""
"""Neither the owner nor a role of the desk: PUBLIC, Supabase's, a person by name, a leftover."""

AUTHORITY_RULES = {
    "definer's owner may be logged in as or passes row security": _ROUTINES
    + "and p.prosecdef and exists (select from pg_catalog.pg_roles r where r.oid = p.proowner"
    " and (r.rolsuper or r.rolbypassrls or r.rolcanlogin))",
    "routine of a trigger does not pin search_path = ''": _ROUTINES
    + "and not p.prosecdef and p.prorettype = 'trigger'::regtype"
    " and not coalesce('search_path=\"\"' = any (p.proconfig), false)",
    "routine may be executed by a stranger": _ROUTINES
    + "and exists (select from aclexplode(p.proacl) a where a.grantee <> 0 and "
    + _STRANGER
    + ")",
    "privilege of a stranger": _RELATIONS
    + "and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and (exists (select from"
    " aclexplode(c.relacl) a where " + _STRANGER + ") or exists (select from"
    " pg_catalog.pg_attribute t, aclexplode(t.attacl) a where t.attrelid = c.oid and "
    + _STRANGER
    + "))",
    "someone beside the owner may change a column": _RELATIONS
    + "and c.relkind in ('r', 'p') and exists (select from pg_catalog.pg_attribute t,"
    " aclexplode(t.attacl) a where t.attrelid = c.oid and a.grantee <> c.relowner"
    " and a.privilege_type in ('INSERT', 'UPDATE'))",
    "grant that its holder may hand on": _RELATIONS
    + "and exists (select from aclexplode(c.relacl) a where a.is_grantable"
    " and a.grantee <> c.relowner) union all "
    + _ROUTINES
    + "and exists (select from aclexplode(p.proacl) a where a.is_grantable"
    " and a.grantee <> p.proowner)",
    "an agent may read or change it other than through a procedure": _RELATIONS
    + "and c.relkind in ('r', 'p', 'v', 'm') and exists (select from aclexplode(c.relacl) a"
    " join pg_catalog.pg_roles r on r.oid = a.grantee"
    " where r.rolname = any (%(agents)s) or r.rolname = 'desk_agents')",
    "partition may be reached past its table's row security": _RELATIONS
    + "and c.relispartition and c.relkind = 'r' and exists (select from aclexplode(c.relacl) a"
    " where a.grantee <> c.relowner)",
    "someone beside the owner may create in the schema": "select n.nspname"
    " from pg_catalog.pg_namespace n where n.nspname = any (%(schemas)s) and exists (select from"
    " aclexplode(n.nspacl) a where a.privilege_type = 'CREATE' and a.grantee <> n.nspowner"
    " and a.grantee not in (%(owner)s::regrole, 'pg_database_owner'::regrole)"
    " and not exists (select from pg_catalog.pg_database d"
    "                  where d.datname = current_database() and d.datdba = a.grantee)"
    " and not (n.nspname = 'public' and exists (select from pg_catalog.pg_roles r"
    "           where r.oid = a.grantee and r.rolsuper)))",
    "others may create in the database, were it only for a while": "select d.datname"
    " from pg_catalog.pg_database d where d.datname = current_database()"
    " and exists (select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
    " left join pg_catalog.pg_roles r on r.oid = a.grantee"
    " where a.privilege_type in ('TEMPORARY', 'CREATE') and (a.grantee = 0"
    " or r.rolname = any (%(roles)s) or r.rolname = any (%(supabase)s)))",
    "default privileges hand new objects on": "select coalesce(n.nspname || ', ', '')"
    " || case d.defaclobjtype when 'f' then 'functions' when 'r' then 'tables'"
    " when 'S' then 'sequences' when 'T' then 'types' else 'schemas' end"
    " from pg_catalog.pg_default_acl d"
    " left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace"
    " where d.defaclrole = %(owner)s::regrole and exists (select from aclexplode(d.defaclacl) a"
    " where a.grantee <> d.defaclrole)",
    "default privileges let PUBLIC execute new functions": "select %(owner)s::text"
    " where not exists (select from pg_catalog.pg_default_acl d"
    " where d.defaclrole = %(owner)s::regrole and d.defaclnamespace = 0"
    " and d.defaclobjtype = 'f' and not exists (select from aclexplode(d.defaclacl) a"
    " where a.grantee = 0))",
    "policy asks who reads for each row instead of once": "select n.nspname || '.' || c.relname"
    " || '.' || p.polname from pg_catalog.pg_policy p"
    " join pg_catalog.pg_class c on c.oid = p.polrelid"
    " join pg_catalog.pg_namespace n on n.oid = c.relnamespace,"
    " concat_ws(' ', pg_get_expr(p.polqual, p.polrelid),"
    " pg_get_expr(p.polwithcheck, p.polrelid)) e(written)"
    " where n.nspname = any (%(schemas)s)"
    # Whatever calls a function of ours or reads a setting stands alone in a sub-select.
    " and regexp_count(e.written,"
    r"    '(ops|governance)\.\w+\(|current_setting\(|auth\.\w+\(')"
    " > regexp_count(e.written,"
    r"    'SELECT (\(*)((ops|governance)\.\w+\(|current_setting\(|auth\.\w+\()')",
    "policy is for everyone": "select n.nspname || '.' || c.relname || '.' || p.polname"
    " from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid"
    " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = any (%(schemas)s) and 0 = any (p.polroles)",
    "policy lets someone beside the owner write": "select n.nspname || '.' || c.relname || '.'"
    " || p.polname from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid"
    " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = any (%(schemas)s) and p.polcmd <> 'r'"
    " and p.polroles <> array[%(owner)s::regrole::oid]",
    "trigger is switched off": "select n.nspname || '.' || c.relname || '.' || t.tgname"
    " from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid"
    " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = any (%(schemas)s) and t.tgenabled not in ('O', 'A')",
    "an agent is in a group beside desk_agents": "select r.rolname"
    " from pg_catalog.pg_auth_members m join pg_catalog.pg_roles r on r.oid = m.member"
    " join pg_catalog.pg_roles g on g.oid = m.roleid"
    " where r.rolname = any (%(agents)s) and g.rolname <> 'desk_agents'",
    "may act as another role of the desk": "select r.rolname || ' as ' || g.rolname"
    " from pg_catalog.pg_auth_members m join pg_catalog.pg_roles r on r.oid = m.member"
    " join pg_catalog.pg_roles g on g.oid = m.roleid"
    " where g.rolname = any (%(logins)s) and r.rolname = any (%(roles)s)"
    " and (g.rolname, r.rolname) not in (('desk_operator', %(api)s),"
    " ('desk_reader', 'desk_sealer'))",
    "a person or role may administer a group of the desk": "select r.rolname || ' of ' || g.rolname"
    " from pg_catalog.pg_auth_members m join pg_catalog.pg_roles r on r.oid = m.member"
    " join pg_catalog.pg_roles g on g.oid = m.roleid"
    " where m.admin_option and not r.rolcreaterole and not r.rolsuper"
    " and (g.rolname = any (%(roles)s) or g.oid = %(owner)s::regrole)",
    "a person may more than it should": "select r.rolname from governance.voters v"
    " join pg_catalog.pg_roles r on r.rolname = v.voter where v.kind = 'human'"
    " and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication"
    " or exists (select from pg_catalog.pg_auth_members m"
    "             join pg_catalog.pg_roles g on g.oid = m.roleid where m.member = r.oid"
    "              and g.rolname not in ('treasury_operator', 'auditor')))",
}
"""Rule: query of one column that names what breaks it. Parameters are those of the catalogue."""

DECLARED = """
with declared as (
  select d.role_name, d.procedure from unnest(%(declaring)s::text[], %(declared)s::text[])
    as d(role_name, procedure)
), granted as (
  select r.rolname::text as role_name, n.nspname || '.' || p.proname as procedure
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
   cross join lateral aclexplode(p.proacl) a
    join pg_catalog.pg_roles r on r.oid = a.grantee
   where r.rolname = any (%(agents)s) and a.privilege_type = 'EXECUTE'
     and p.proowner <> r.oid
)
select 'an agent may call what its file does not declare', g.role_name || ' ' || g.procedure
  from (select * from granted except select * from declared) g
union all
select 'an agent may not call what its file declares', m.role_name || ' ' || m.procedure
  from (select * from declared except select * from granted) m
"""
"""Rule and subject of each difference between what agents' files declare and what is granted."""
