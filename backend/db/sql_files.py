"""The folder `sql/`: one object per file, applied as a whole, kind by kind."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql

from backend.db.roles import GROUPS, LOGINS, SUPABASE
from backend.errors import DeskError

SCHEMAS = (
    "bus",
    "intake",
    "risk",
    "governance",
    "execution",
    "ledger",
    "treasury",
    "audit",
    "ops",
)
"""Schemas of the desk; `public` is shared with whoever else lives in the database."""

ALL_SCHEMAS = ("public", *SCHEMAS)

CHECKOUT = Path(__file__).resolve().parent.parent.parent
FOLDER = CHECKOUT / "sql"

KINDS = ("type", "function", "view", "trigger", "policy", "grants")
"""In the order of application."""

_NAME = re.compile(rf"^[a-z0-9_]+\.({'|'.join(KINDS)})\.sql$")
_ROUTINE = re.compile(
    r"^\s*create\s+(?:or\s+replace\s+)?(?:function|procedure)\s+([\w.]+)", re.I | re.M
)
_VIEW = re.compile(r"^\s*create\s+(?:or\s+replace\s+)?view\s+([\w.]+)", re.I | re.M)
_TRIGGER = re.compile(
    r"^\s*create\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\s+(\w+)\s.*?\son\s+([\w.]+)",
    re.I | re.M | re.S,
)
_POLICY = re.compile(r"^\s*create\s+policy\s+(\w+)\s+on\s+([\w.]+)", re.I | re.M)
# Codes that mean "what this needs comes later": the file is tried again after the others.
_NOT_YET = ("42P01", "42883", "42704")


@dataclass(frozen=True)
class SqlFile:
    """One file of the folder; path is relative to it."""

    path: str
    kind: str
    text: str

    @cached_property
    def sha256(self) -> str:
        """Return the hash by which the database knows what was applied."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def routines(self) -> tuple[str, ...]:
        """Return the functions that the file makes, schema-qualified."""
        return tuple(_ROUTINE.findall(self.text))

    @cached_property
    def views(self) -> tuple[str, ...]:
        """Return the views that the file makes, schema-qualified."""
        return tuple(_VIEW.findall(self.text))

    @cached_property
    def triggers(self) -> tuple[str, ...]:
        """Return the triggers that the file makes, as `schema.table.trigger`."""
        return tuple(f"{table}.{name}" for name, table in _TRIGGER.findall(self.text))

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """Return the policies that the file makes, as `schema.table.policy`."""
        return tuple(f"{table}.{name}" for name, table in _POLICY.findall(self.text))


def read_folder(folder: Path = FOLDER) -> list[SqlFile]:
    """Read all files in the order of application. Raises DeskError db.sql_name."""
    files: list[SqlFile] = []
    for path in sorted(folder.rglob("*.sql")):
        relative = path.relative_to(folder).as_posix()
        match = _NAME.match(path.name)
        if match is None or relative.count("/") != 1:
            raise DeskError(
                "db.sql_name",
                f"sql/{relative} is not named <schema>/<object>.<kind>.sql",
                f"kinds are {', '.join(KINDS)}",
            )
        files.append(SqlFile(relative, match[1], path.read_text(encoding="utf-8")))
    return sorted(files, key=lambda file: (KINDS.index(file.kind), file.path))


def apply(conn: Connection[Any], files: Sequence[SqlFile]) -> None:
    """Replace every object in the running transaction. Raises DeskError db.sql_broken."""
    revoke_all(conn)
    # Bodies may name what comes later; they are checked below, when everything is there.
    conn.execute("set local check_function_bodies = off")
    for kind in KINDS:
        chosen = [file for file in files if file.kind == kind]
        if kind == "view":
            _drop_views(conn, chosen)
        _apply_in_any_order(conn, chosen)
        if kind == "view":
            _check_bodies(conn, [file for file in files if file.kind == "function"])


def revoke_all(conn: Connection[Any]) -> None:
    """Take every privilege on the desk's objects away from the desk's roles and from PUBLIC."""
    names = {"schemas": list(ALL_SCHEMAS), "roles": [*LOGINS, *GROUPS, *SUPABASE]}
    statements = [row[0] for row in conn.execute(_REVOKE_ALL, names).fetchall()]
    if statements:
        conn.execute("; ".join(statements).encode())


# What the folder does not grant is not granted: every privilege of the desk's own roles, of
# PUBLIC and of Supabase's roles goes, and the files give anew. Grants to a person's own login
# are the administrator's and stay.
_REVOKE_ALL = """
with grantee as (
  select r.oid, quote_ident(r.rolname) as name from pg_catalog.pg_roles r
   where r.rolname = any (%(roles)s)
  union all select 0, 'public'
), held as (
  select case when c.relkind = 'S' then 'sequence' else 'table' end as kind,
         c.oid::regclass::text as name, a.grantee
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = any (%(schemas)s)
    cross join lateral aclexplode(c.relacl) a
   where c.relowner = 'desk_owner'::regrole and c.relkind in ('r', 'p', 'v', 'm', 'S')
  union
  select 'table', t.attrelid::regclass::text, a.grantee
    from pg_catalog.pg_attribute t
    join pg_catalog.pg_class c on c.oid = t.attrelid and c.relowner = 'desk_owner'::regrole
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = any (%(schemas)s)
    cross join lateral aclexplode(t.attacl) a
  union
  select 'routine', p.oid::regprocedure::text, a.grantee
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace and n.nspname = any (%(schemas)s)
    cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
   where p.proowner = 'desk_owner'::regrole
  union
  select 'schema', quote_ident(n.nspname), a.grantee
    from pg_catalog.pg_namespace n
    cross join lateral aclexplode(n.nspacl) a
   where n.nspowner = 'desk_owner'::regrole and n.nspname = any (%(schemas)s)
)
select format('revoke all on %%s %%s from %%s', h.kind, h.name, string_agg(g.name, ', '))
  from held h join grantee g on g.oid = h.grantee
 group by h.kind, h.name
"""


def _apply_in_any_order(conn: Connection[Any], files: Sequence[SqlFile]) -> None:
    waiting = list(files)
    while waiting:
        postponed: list[SqlFile] = []
        reason: DeskError | None = None
        for file in waiting:
            try:
                with conn.transaction():
                    conn.execute(file.text.encode())
            except psycopg.Error as error:
                if error.sqlstate not in _NOT_YET:
                    raise broken(file, error) from error
                postponed.append(file)
                reason = reason or broken(file, error)
        if reason is not None and len(postponed) == len(waiting):
            raise reason
        waiting = postponed


def _drop_views(conn: Connection[Any], files: Sequence[SqlFile]) -> None:
    """Drop the views that are made anew right after: their columns may have changed."""
    existing = [
        view
        for file in files
        for view in file.views
        if _scalar(conn, "select to_regclass(%s) is not null", view)
    ]
    if existing:
        names = sql.SQL(", ").join(sql.Identifier(*view.split(".")) for view in existing)
        conn.execute(sql.SQL("drop view {}").format(names))


def _check_bodies(conn: Connection[Any], files: Sequence[SqlFile]) -> None:
    by_routine = {routine: file for file in files for routine in file.routines}
    conn.execute("set local check_function_bodies = on")
    for name, language, oid in conn.execute(_BODIES, (list(by_routine),)).fetchall():
        validator = "plpgsql_validator" if language == "plpgsql" else "fmgr_sql_validator"
        try:
            with conn.transaction():
                conn.execute(
                    sql.SQL("select {}(%s::oid)").format(sql.Identifier(validator)), (oid,)
                )
        except psycopg.Error as error:
            raise _located(conn, by_routine[name], error) from error
    conn.execute("set local check_function_bodies = off")


_BODIES = """
select n.nspname || '.' || p.proname, l.lanname, p.oid
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  join pg_catalog.pg_language l on l.oid = p.prolang
 where l.lanname in ('plpgsql', 'sql') and n.nspname || '.' || p.proname = any (%s)
"""


def _located(conn: Connection[Any], file: SqlFile, error: psycopg.Error) -> DeskError:
    """Create the function once more with its body checked: that error knows its position."""
    try:
        with conn.transaction():
            conn.execute(file.text.encode())
    except psycopg.Error as placed:
        return broken(file, placed)
    return broken(file, error)


def broken(file: SqlFile, error: psycopg.Error) -> DeskError:
    """Name the file, the line and the server's words."""
    position = error.diag.statement_position
    line = file.text.count("\n", 0, int(position) - 1) + 1 if position else None
    where = f"sql/{file.path}" + (f":{line}" if line else "")
    hint = error.diag.message_hint or error.diag.message_detail or "nothing was changed"
    return DeskError("db.sql_broken", f"{where}: {error.diag.message_primary}", hint)


def _scalar(conn: Connection[Any], query: str, *arguments: Any) -> Any:
    row = conn.execute(query.encode(), arguments).fetchone()
    return None if row is None else row[0]
