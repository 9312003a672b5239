"""Databases of the embedded server, prepared as Supabase prepares its own."""

import re

import psycopg
from psycopg import sql

from backend.errors import DeskError
from backend.runtime.addresses import MIGRATOR, PostgresHandle

TEMPLATE = "desk_template"
DATABASE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def finish(handle: PostgresHandle) -> None:
    """Make what every database needs: the login that migrates, the template with pgvector."""
    with psycopg.connect(handle.superuser_url(), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtext('desk prepares the cluster'))")
        if not _exists(connection, "select 1 from pg_roles where rolname = %s", MIGRATOR):
            connection.execute(
                sql.SQL("create role {} login createrole createdb password {}").format(
                    sql.Identifier(MIGRATOR),
                    sql.Literal(handle.home.secret("postgres-migrator")),
                )
            )
        known = "select 1 from pg_database where datname = %s and datistemplate"
        if not _exists(connection, known, TEMPLATE):
            _create_template(handle, connection)


def _exists(connection: psycopg.Connection, statement: str, name: str) -> bool:
    return connection.execute(statement.encode(), (name,)).fetchone() is not None


def _create_template(handle: PostgresHandle, connection: psycopg.Connection) -> None:
    """Prepare a database as Supabase does: pgvector in schema extensions, made by the superuser."""
    template = sql.Identifier(TEMPLATE)
    connection.execute(sql.SQL("drop database if exists {}").format(template))
    connection.execute(
        sql.SQL("create database {} owner {}").format(template, sql.Identifier(MIGRATOR))
    )
    with psycopg.connect(handle.superuser_url(TEMPLATE), autocommit=True) as inside:
        inside.execute(
            sql.SQL("create schema extensions authorization {}").format(sql.Identifier(MIGRATOR))
        )
        inside.execute("create extension vector with schema extensions")
        inside.execute(_TAKE_BACK.encode())
    # Marked last, so that an interrupted preparation is done again.
    connection.execute(
        sql.SQL("alter database {} with is_template true allow_connections false").format(template)
    )


# Whoever may log in could sit on the keys that budgets and sealing are serialised by, or fill the
# disk with large objects. Only a superuser can take back what Postgres itself gives everyone.
_TAKE_BACK = f"""
do $$
declare
  v_routine regprocedure;
begin
  for v_routine in
    select p.oid from pg_proc p
     where p.pronamespace = 'pg_catalog'::regnamespace
       and p.proname ~ '^(pg_(try_)?advisory_|lo_|lowrite$)'
  loop
    execute format('revoke execute on function %s from public', v_routine);
    if v_routine::text ~ '^pg_' then
      execute format('grant execute on function %s to {MIGRATOR} with grant option', v_routine);
    end if;
  end loop;
end $$
"""


def create_database(handle: PostgresHandle, name: str) -> str:
    """Make a database owned by the migrator, with pgvector in schema extensions; give its URL.

    Raises DeskError database.name or database.exists.
    """
    _check_name(name)
    database = sql.Identifier(name)
    with psycopg.connect(handle.migrator_url("postgres"), autocommit=True) as connection:
        try:
            connection.execute(
                sql.SQL("create database {} template {}").format(database, sql.Identifier(TEMPLATE))
            )
        except psycopg.errors.DuplicateDatabase:
            raise DeskError(
                "database.exists",
                f"database {name} exists already",
                "choose another name or drop it first",
            ) from None
        # As on Supabase: extensions are found without naming their schema.
        connection.execute(
            sql.SQL('alter database {} set search_path = "$user", public, extensions').format(
                database
            )
        )
    return handle.migrator_url(name)


def ensure_database(handle: PostgresHandle, name: str) -> str:
    """Make the database unless it exists; give the migrator's URL."""
    try:
        return create_database(handle, name)
    except DeskError as error:
        if error.code != "database.exists":
            raise
        return handle.migrator_url(name)


def drop_database(handle: PostgresHandle, name: str) -> None:
    """Drop the database if it exists, and the sessions in it."""
    _check_name(name)
    with psycopg.connect(handle.superuser_url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )


def _check_name(name: str) -> None:
    if not DATABASE_NAME.fullmatch(name):
        raise DeskError(
            "database.name",
            f"{name!r} is no database name",
            "use lower-case letters, digits and underscores, at most 63",
        )
