"""Alembic's entry: as the owner, within the caller's transaction if there is one."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import Connection, text

from backend.db.prepare import become_owner, prepare
from backend.db.sql_files import SCHEMAS
from backend.db.tables import metadata
from backend.db.upgrade import VERSION_SCHEMA, transaction
from backend.settings import load_settings


def _own_tables(connection: Connection) -> set[tuple[str, str]]:
    """Name the tables that models describe: ours, and no partitions."""
    rows = connection.execute(
        text(
            "select n.nspname, c.relname from pg_catalog.pg_class c"
            " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'p') and not c.relispartition"
            " and c.relowner = 'desk_owner'::regrole"
        )
    )
    return {(row[0], row[1]) for row in rows}


def _run(connection: Connection) -> None:
    own = _own_tables(connection)

    def include_name(name: str | None, kind: str, parents: Any) -> bool:
        if kind == "schema":
            return name is None or name in SCHEMAS
        if kind == "table":
            return (parents["schema_name"] or "public", name) in own
        return True

    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_schemas=True,
        include_name=include_name,
        version_table="alembic_version",
        version_table_schema=VERSION_SCHEMA,
        compare_type=True,
        compare_server_default=True,
        user_module_prefix="",
    )
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    """Use the caller's connection, or make one from DATABASE_URL."""
    given = context.config.attributes.get("connection")
    if given is not None:
        _run(given)
        return
    url = load_settings().external_database
    if url is None:
        raise SystemExit("set DATABASE_URL to the database that alembic should work on")
    with transaction(url) as (connection, conn):
        prepare(conn)
        become_owner(conn)
        _run(connection)


if context.is_offline_mode():
    raise SystemExit("migrations need a connection: roles and schemas come first")
run()
