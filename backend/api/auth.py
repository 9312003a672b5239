"""Who asks: a bearer token becomes a person, a role and an organisation.

The request then runs in a transaction under that role, with the claims that row-level
security reads. `desk_api` itself can read nothing that belongs to anybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg import Connection, sql

from backend.api.problems import Problem
from backend.db.gateway import dump, translated
from backend.supabase.jwt import KeysUnreachable, TokenRefused, verify_token
from backend.supabase.roles import DESK_TOKEN_PREFIX, ROLES

bearer = HTTPBearer(auto_error=False, description="A Supabase access token or a desk token.")


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a token stands for."""

    name: str
    role: str
    org_id: str


def person_of(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Person:
    """Return the asking person. Raises Problem 401 or 403."""
    if credentials is None:
        raise Problem(401, "token.missing", "send a bearer token")
    return person_of_token(request, credentials.credentials)


def person_of_token(request: Request, token: str) -> Person:
    """Return whom a token stands for. Raises Problem 401, 403 or 503."""
    if token.startswith(DESK_TOKEN_PREFIX):
        return _desk_token(request, token)
    return _supabase_token(request, token)


def _desk_token(request: Request, token: str) -> Person:
    digest = hashlib.sha256(token.encode()).digest()
    with request.app.state.pool.connection() as conn:
        row = conn.execute(
            "select person, role_name, org_id from ops.authenticate(%s)", (digest,)
        ).fetchone()
    if row is None:
        raise Problem(401, "token.invalid", "the token is unknown, revoked or over")
    return _person(*row)


def _supabase_token(request: Request, token: str) -> Person:
    try:
        claims = verify_token(token, request.app.state.settings)
    except TokenRefused as refused:
        raise Problem(401, "token.invalid", str(refused)) from refused
    except KeysUnreachable as unreachable:
        raise Problem(503, "token.unverifiable", str(unreachable)) from unreachable
    # app_metadata is written by the project's owner only; user_metadata by anyone for themselves.
    metadata = claims.get("app_metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    role, org_id = metadata.get("desk_role"), metadata.get("org_id")
    if not isinstance(role, str) or not isinstance(org_id, str):
        raise Problem(403, "token.no_desk_role", "app_metadata names no desk_role and org_id")
    return _person(str(claims["sub"]), role, org_id)


def _person(name: str, role: str, org_id: str) -> Person:
    if role not in ROLES:
        raise Problem(403, "role.unknown", f"the role {role} may not use this API")
    return Person(name, role, org_id)


@contextmanager
def lend_session(request: Request, person: Person) -> Generator[Connection[Any]]:
    """Lend a transaction that runs under the person's role and sees their organisation."""
    claims = dump({"sub": person.name, "role": person.role, "org_id": person.org_id}).decode()
    with request.app.state.pool.connection() as conn, translated(), conn.transaction():
        conn.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
        conn.execute(sql.SQL("set local role {}").format(sql.Identifier(person.role)))
        yield conn


def session_of(
    request: Request, person: Annotated[Person, Depends(person_of)]
) -> Iterator[Connection[Any]]:
    """Lend the asking person a session for one request."""
    with lend_session(request, person) as conn:
        yield conn


# Ends with the function, not after the answer: what was answered is committed.
Session = Annotated[Connection[Any], Depends(session_of, scope="function")]
Asking = Annotated[Person, Depends(person_of)]
