"""Seals: one signed statement per batch, chained to the one before it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from backend.contracts.envelope import canonical
from backend.domain.audit.leaves import START, Cursor
from backend.values import format_instant

VERSION = "dcd.seal.v1"
PURPOSE = "seal.v1"
KEY_PURPOSE = "seal_key.v1"
NOTHING = "0" * 64
"""What the first seal names as its predecessor."""


@dataclass(frozen=True, slots=True)
class Span:
    """One table's part of a seal: every row after `since` up to and including `until`."""

    table: str
    form_version: int
    columns_sha256: str
    since: Cursor
    until: Cursor
    count: int

    def wire(self) -> dict[str, Any]:
        """Return its JSON object."""
        return {
            "table": self.table,
            "form": str(self.form_version),
            "columns_sha256": self.columns_sha256,
            "since": [str(self.since.xid), self.since.key],
            "until": [str(self.until.xid), self.until.key],
            "count": str(self.count),
        }


@dataclass(frozen=True, slots=True)
class Seal:
    """What is signed about one batch."""

    number: int
    previous: str
    root: str
    count: int
    horizon: int
    sealed_at: str
    key_id: str
    spans: tuple[Span, ...]

    def body(self) -> bytes:
        """Return the canonical JSON that is signed and hashed."""
        return canonical(
            {
                "version": VERSION,
                "number": str(self.number),
                "previous": self.previous,
                "root": self.root,
                "count": str(self.count),
                "horizon": str(self.horizon),
                "sealed_at": self.sealed_at,
                "key_id": self.key_id,
                "spans": [span.wire() for span in self.spans],
            }
        )

    def cursors(self) -> dict[str, Cursor]:
        """Return how far each table is sealed."""
        return {span.table: span.until for span in self.spans}


def parse(body: bytes) -> Seal:
    """Read a seal's body. Raises ValueError if it is none, or not in canonical form."""
    try:
        wire: dict[str, Any] = json.loads(body)
        if wire["version"] != VERSION:
            raise ValueError(f"a seal of version {wire['version']}")
        seal = Seal(
            number=int(wire["number"]),
            previous=wire["previous"],
            root=wire["root"],
            count=int(wire["count"]),
            horizon=int(wire["horizon"]),
            sealed_at=wire["sealed_at"],
            key_id=wire["key_id"],
            spans=tuple(_span(span) for span in wire["spans"]),
        )
        if seal.body() != body:
            raise ValueError("a seal's body in another form than the canonical one")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no seal: {error!r}") from error
    return seal


def digest(body: bytes) -> str:
    """Return the hash by which the next seal names this one."""
    return sha256(body).hexdigest()


def sealed_at(now: datetime) -> str:
    """Write the time of sealing."""
    return format_instant(now)


def continues(seal: Seal, before: Seal | None) -> str | None:
    """Say why a seal does not follow another as its successor must; None if it does."""
    held = before.cursors() if before else {}
    if seal.number != (before.number + 1 if before else 1):
        return f"its number is {seal.number}"
    if seal.previous != (digest(before.body()) if before else NOTHING):
        return "it names another predecessor"
    if before and seal.horizon < before.horizon:
        return "its horizon lies before its predecessor's"
    if missing := held.keys() - {span.table for span in seal.spans}:
        return f"it leaves out {', '.join(sorted(missing))}"
    for span in seal.spans:
        if span.since != held.get(span.table, START):
            return f"its part of {span.table} does not begin where the last one ended"
        if span.until < span.since:
            return f"its part of {span.table} ends before it begins"
    if seal.count != sum(span.count for span in seal.spans):
        return "its parts do not add up"
    return None


def _span(wire: Mapping[str, Any]) -> Span:
    return Span(
        table=wire["table"],
        form_version=int(wire["form"]),
        columns_sha256=wire["columns_sha256"],
        since=Cursor(int(wire["since"][0]), wire["since"][1]),
        until=Cursor(int(wire["until"][0]), wire["until"][1]),
        count=int(wire["count"]),
    )
