"""People of the desk: each with a login of their own, registered as a voter or a reader."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import dict_row

from backend.db.prepare import become_owner
from backend.db.roles import GROUPS, LOGINS, OWNER, SUPABASE, set_passwords
from backend.errors import DeskError

Row = dict[str, Any]

OFFICES = ("treasury_operator", "auditor", "desk_operator")
"""What a person with a login may be."""

_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
_RESERVED = frozenset({OWNER, *LOGINS, *GROUPS, *SUPABASE, "postgres", "authenticator"})


def add_person(
    conn: Connection[Any],
    login: str,
    display_name: str,
    office: str,
    org_id: str | None,
    password: str,
) -> bool:
    """Create a person's login, put it into its group and register it, as the migrator.

    Returns False where the login existed: it keeps its password. Raises DeskError person.*.
    """
    if _NAME.fullmatch(login) is None or login in _RESERVED or login.startswith("pg_"):
        raise DeskError(
            "person.name",
            f"{login} is no name for a person's login",
            "lower case letters, digits and _, not the name of a role of the desk",
        )
    if office not in OFFICES:
        raise DeskError("person.role", f"no role {office}", f"one of {', '.join(OFFICES)}")
    if org_id is None and office != "auditor":
        raise DeskError("person.org", f"a {office} belongs to an organisation", "name it")
    created = not _exists(conn, "select 1 from pg_catalog.pg_roles where rolname = %s", login)
    if created:
        conn.execute(sql.SQL("create role {} login").format(sql.Identifier(login)))
        set_passwords(conn, {login: password})
    elif not _is_person(conn, login):
        raise DeskError(
            "person.exists", f"the server has a role {login} that is no person", "another name"
        )
    for group in OFFICES:
        verb = "grant {} to {}" if group == office else "revoke {} from {}"
        if (group == office) != _in_group(conn, login, group):
            conn.execute(sql.SQL(verb).format(sql.Identifier(group), sql.Identifier(login)))
    become_owner(conn)
    if org_id is not None and not _exists(
        conn, "select 1 from public.organizations where org_id = %s", org_id
    ):
        raise DeskError("person.org", f"no organisation {org_id}", "see public.organizations")
    conn.execute(
        "insert into governance.voters"
        " (voter, kind, role_name, display_name, org_id, state)"
        " values (%s, 'human', %s, %s, %s, 'active')"
        " on conflict (voter) do update set role_name = excluded.role_name,"
        " display_name = excluded.display_name, org_id = excluded.org_id, state = 'active'",
        (login, office, display_name, org_id),
    )
    return created


def set_state(conn: Connection[Any], login: str, state: str) -> None:
    """Let a person vote and read, or neither, as the migrator. Raises DeskError person.unknown."""
    _known(conn, login)
    action = "login" if state == "active" else "nologin"
    conn.execute(sql.SQL("alter role {} {}").format(sql.Identifier(login), sql.SQL(action)))
    _record_state(conn, login, state)
    # A session that is open already has its rights taken by the voter's row.


def remove_person(conn: Connection[Any], login: str) -> None:
    """Drop a person's login; who they were and what they voted stays on record."""
    _known(conn, login)
    for group in OFFICES:
        if _in_group(conn, login, group):
            conn.execute(
                sql.SQL("revoke {} from {}").format(sql.Identifier(group), sql.Identifier(login))
            )
    conn.execute(sql.SQL("drop role {}").format(sql.Identifier(login)))
    _record_state(conn, login, "suspended")


def people(conn: Connection[Any]) -> list[Row]:
    """Return everyone with a login, and when they voted last."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select w.voter as login, w.display_name as name, w.role_name as role, w.org_id,"
            "       case when r.rolname is null then 'removed'"
            "            when w.state = 'active' and r.rolcanlogin then 'active'"
            "            else 'disabled' end as state,"
            "       (select max(v.cast_at) from public.votes v where v.voter = w.voter)"
            "         as last_vote_at"
            "  from governance.voters w"
            "  left join pg_catalog.pg_roles r on r.rolname = w.voter"
            " where w.kind = 'human' order by w.voter"
        ).fetchall()


def last_vote(row: Row) -> str:
    """Write when a person voted last, or nothing."""
    at: datetime | None = row["last_vote_at"]
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


def _record_state(conn: Connection[Any], login: str, state: str) -> None:
    become_owner(conn)
    conn.execute("update governance.voters set state = %s where voter = %s", (state, login))


def _known(conn: Connection[Any], login: str) -> None:
    if login in _RESERVED or not _is_person(conn, login):
        raise DeskError("person.unknown", f"no person {login}", "`desk operator list`")


def _is_person(conn: Connection[Any], login: str) -> bool:
    return any(_in_group(conn, login, group) for group in OFFICES)


def _in_group(conn: Connection[Any], login: str, group: str) -> bool:
    return _exists(
        conn,
        "select 1 from pg_catalog.pg_auth_members m"
        " join pg_catalog.pg_roles g on g.oid = m.roleid"
        " join pg_catalog.pg_roles r on r.oid = m.member"
        # Whoever made a group administers it, and is none of its people.
        " where r.rolname = %s and g.rolname = %s and not m.admin_option"
        " and not r.rolsuper and not r.rolcreaterole",
        login,
        group,
    )


def _exists(conn: Connection[Any], query: str, *arguments: str) -> bool:
    return conn.execute(query.encode(), arguments).fetchone() is not None
