"""Who is at the console: a desk token in a cookie that scripts cannot read.

Nothing here knows how a token is checked or a session lent: the application says.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from fastapi import Request
from psycopg import Connection
from starlette.responses import Response

COOKIE = "desk_console"
PATH = "/console"
COOKIE_S = 12 * 3_600

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Person(Protocol):
    """Whom a token stands for."""

    @property
    def name(self) -> str:
        """Who it is."""
        ...

    @property
    def role(self) -> str:
        """The database role that they act under."""
        ...

    @property
    def org_id(self) -> str:
        """The organisation that they see."""
        ...


class NotLetIn(Exception):
    """The token does not hold; the message may be shown."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What the application lends the console."""

    person_of: Callable[[Request, str], Person]
    """Whom a token stands for. Raises NotLetIn."""
    session_of: Callable[[Request, Any], AbstractContextManager[Connection[Any]]]
    """A transaction under the role of whom `person_of` returned; committed when it is left."""
    wake: Callable[[Request], None]
    """Hint to the agents that a decided review goes back to."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone logged in, with the word that their forms must carry."""

    person: Person
    csrf: str


def visitor_of(gate: Gate, request: Request) -> Visitor:
    """Return who is at the console. Raises NotLetIn, with no message for who never was."""
    token = request.cookies.get(COOKIE)
    if not token:
        raise NotLetIn("")
    return Visitor(gate.person_of(request, token), csrf_of(token))


def csrf_of(token: str) -> str:
    """Return what forms carry: only a page that we rendered for this cookie can know it."""
    return hmac.new(token.encode(), b"desk console form", hashlib.sha256).hexdigest()


def came_from_us(request: Request) -> bool:
    """Tell whether a form was sent by a page of this host, as far as the browser says."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def remember(response: Response, request: Request, token: str) -> None:
    """Keep the token where scripts and other sites cannot reach it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=COOKIE_S,
        path=PATH,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def forget(response: Response) -> None:
    """Log out."""
    response.delete_cookie(COOKIE, path=PATH)
