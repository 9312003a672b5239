"""What a database needs before its first table: roles, schemas, pgvector, deny by default."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import Connection, sql

from backend.db.roles import OWNER, ensure_roles
from backend.db.sql_files import SCHEMAS
from backend.errors import DeskError

EXTENSIONS = "extensions"


def prepare(conn: Connection[Any]) -> list[str]:
    """Prepare the database as its migrator, then become the owner until the transaction ends.

    Idempotent. Returns the roles that were created. Raises DeskError db.version,
    db.extension or db.privilege.
    """
    if conn.info.server_version < 150000:
        raise DeskError(
            "db.version",
            f"the server is PostgreSQL {conn.info.server_version // 10000}",
            "use PostgreSQL 15 or later",
        )
    try:
        created = ensure_roles(conn)
        _ensure_vector(conn)
        _ensure_schemas(conn)
        _forbid_temporary(conn)
        _hand_on_locks(conn)
    except psycopg.errors.InsufficientPrivilege as error:
        raise DeskError(
            "db.privilege",
            f"this login may not prepare the database: {error.diag.message_primary}",
            "migrate as the database's owner with CREATEROLE, or as who made the desk's roles",
        ) from error
    become_owner(conn)
    # Without `in schema`: only the global form takes away what PUBLIC gets by default.
    conn.execute("alter default privileges revoke execute on functions from public")
    conn.execute("alter default privileges revoke usage on types from public")
    return created


def become_owner(conn: Connection[Any]) -> None:
    """Act as desk_owner until the transaction ends: what is made now belongs to it."""
    conn.execute(sql.SQL("set local role {}").format(sql.Identifier(OWNER)))
    conn.execute("set local search_path = public")


def _ensure_vector(conn: Connection[Any]) -> None:
    row = conn.execute(
        "select e.extnamespace::regnamespace::text from pg_catalog.pg_extension e"
        " where e.extname = 'vector'"
    ).fetchone()
    if row is not None and row[0] != EXTENSIONS:
        raise DeskError(
            "db.extension",
            f"pgvector is installed in schema {row[0]}",
            f"move it: alter extension vector set schema {EXTENSIONS}",
        )
    if row is None:
        conn.execute("create schema if not exists extensions")
        try:
            conn.execute("create extension vector with schema extensions")
        except psycopg.errors.InsufficientPrivilege:
            raise DeskError(
                "db.extension",
                "pgvector is not installed in this database, and this login may not install it",
                "as a superuser: create extension vector with schema extensions",
            ) from None
    conn.execute(
        "do $$ begin if not has_schema_privilege('desk_owner', 'extensions', 'usage') then"
        " grant usage on schema extensions to desk_owner; end if; end $$"
    )


def _forbid_temporary(conn: Connection[Any]) -> None:
    """Take from everyone but the database's owner the right to make temporary objects.

    pg_temp is searched for types before pg_catalog, even where search_path is pinned to
    nothing: a domain pg_temp.uuid would put its maker's check into every procedure of ours
    that casts to uuid, with the rights of desk_owner.
    """
    row = conn.execute(
        "select d.datname, exists (select from aclexplode("
        "         coalesce(d.datacl, acldefault('d', d.datdba))) a"
        "         where a.grantee = 0 and a.privilege_type = 'TEMPORARY')"
        "  from pg_catalog.pg_database d where d.datname = current_database()"
    ).fetchone()
    if row is not None and row[1]:
        conn.execute(
            sql.SQL("revoke temporary on database {} from public").format(sql.Identifier(row[0]))
        )


def _hand_on_locks(conn: Connection[Any]) -> None:
    """Let procedures lock, where everyone else's right to was taken back."""
    conn.execute(
        "do $$ declare v_routine regprocedure; begin"
        "  for v_routine in"
        "    select p.oid from pg_catalog.pg_proc p"
        "     where p.pronamespace = 'pg_catalog'::regnamespace"
        "       and p.proname ~ '^pg_(try_)?advisory_'"
        "       and not has_function_privilege('desk_owner', p.oid, 'execute')"
        "  loop"
        "    execute format('grant execute on function %s to desk_owner', v_routine);"
        "  end loop; end $$"
    )


def _ensure_schemas(conn: Connection[Any]) -> None:
    held = {
        row[0]: row[1]
        for row in conn.execute(
            "select n.nspname, n.nspowner::regrole::text from pg_catalog.pg_namespace n"
        ).fetchall()
    }
    for schema in SCHEMAS:
        if schema not in held:
            conn.execute(
                sql.SQL("create schema {} authorization {}").format(
                    sql.Identifier(schema), sql.Identifier(OWNER)
                )
            )
        elif held[schema] != OWNER:
            raise DeskError(
                "db.schema",
                f"schema {schema} exists and belongs to {held[schema]}",
                "give the desk a database in which that name is free",
            )
    row = conn.execute(
        "select pg_catalog.has_schema_privilege(%s, 'public', 'create')", (OWNER,)
    ).fetchone()
    if row is not None and not row[0]:
        conn.execute("grant usage, create on schema public to desk_owner")
