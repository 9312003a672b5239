"""Seal what was committed since the last seal: hashed, in a tree, signed, chained.

Writers are never waited for and never wait. A row carries its transaction's number; a snapshot
tells below which number every transaction has ended. What lies below is final, so that a
cursor (transaction, key) over it leaves no gap, however late something else commits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection

from backend.contracts.signing import SigningKey
from backend.db.audit.records import RECORDS, Record, columns_of, copy_rows, horizon, snapshot
from backend.domain.audit.leaves import START, Cursor, Form, cursor_of, hash_lines, leaf_line
from backend.domain.audit.merkle import root
from backend.domain.audit.seals import (
    KEY_PURPOSE,
    NOTHING,
    PURPOSE,
    Seal,
    Span,
    digest,
    parse,
    sealed_at,
)
from backend.errors import DeskError
from backend.ports import Clock

LEAVES_MAX = 16_384
"""Records of one seal at most: a proof reads no more than that."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a run of the sealer did. busy: another one was at it, or was faster."""

    seals: int
    records: int
    busy: bool = False


@dataclass(slots=True)
class _Part:
    """A table's share of the seal in the making."""

    form: Form
    since: Cursor
    lines: list[bytes] = field(default_factory=list[bytes])

    def span(self, until: Cursor) -> Span:
        form = self.form
        return Span(
            form.table, form.version, form.columns_sha256, self.since, until, len(self.lines)
        )


def register_key(conn: Connection[Any], key: SigningKey, voucher: SigningKey | None = None) -> None:
    """Make a key known; every key but the first needs one that vouches. Raises DeskError."""
    vouch = voucher.sign_bytes(KEY_PURPOSE, key.public_bytes) if voucher else None
    row = conn.execute(
        "select audit.register_seal_key(%s, %s, %s, %s)",
        (key.key_id, key.public_bytes, voucher.key_id if voucher else None, vouch),
    ).fetchone()
    if row is None or not row[0]:
        raise DeskError(
            "audit.key",
            f"nobody vouches for the sealing key {key.key_id}",
            "put back the key that sealed last, or `desk audit rotate` beside it",
        )


def seal(
    reader: Connection[Any],
    writer: Connection[Any],
    key: SigningKey,
    clock: Clock,
    leaves_max: int = LEAVES_MAX,
) -> Sealed:
    """Seal everything that is final now. Raises DeskError audit.behind, audit.key.

    reader, writer: two sessions of the sealer in autocommit; rows stream through the first
    while seals are appended through the second, one transaction each.
    """
    if not _scalar(writer, "select audit.begin_sealing()"):
        return Sealed(0, 0, busy=True)
    try:
        register_key(writer, key)
        batch = _Batch(writer, key, clock, last_seal(writer))
        with snapshot(reader):
            batch.begin(reader)
            for record in RECORDS:
                for line in batch.lines_of(reader, record):
                    if batch.add(record.table, line) >= leaves_max and not batch.append(None):
                        return Sealed(batch.seals, batch.records, busy=True)
        lost = batch.pending > 0 and not batch.append(Cursor(batch.horizon, ""))
        return Sealed(batch.seals, batch.records, busy=lost)
    finally:
        writer.execute("select audit.end_sealing()")


def last_seal(conn: Connection[Any]) -> Seal | None:
    """Return the newest seal. Raises DeskError audit.broken if it cannot be read."""
    row = conn.execute("select s.body from audit.seals s order by s.number desc limit 1").fetchone()
    if row is None:
        return None
    try:
        return parse(row[0].encode())
    except ValueError as error:
        raise DeskError(
            "audit.broken", f"the last seal cannot be read: {error}", "`desk audit verify`"
        ) from error


class _Batch:
    """The seal in the making, and those that it follows."""

    def __init__(
        self, writer: Connection[Any], key: SigningKey, clock: Clock, last: Seal | None
    ) -> None:
        self.seals = 0
        self.records = 0
        self.pending = 0
        self.horizon = 0
        self._writer = writer
        self._key = key
        self._clock = clock
        self._last = last
        self._parts: dict[str, _Part] = {}

    def begin(self, reader: Connection[Any]) -> None:
        """Look how far the record is final, and in which form each table is written today."""
        self.horizon = horizon(reader)
        if self._last is not None and self.horizon < self._last.horizon:
            raise DeskError(
                "audit.behind",
                f"the server counts transactions from {self.horizon}, the record goes up to"
                f" {self._last.horizon}",
                "the database came from a backup: see ops/audit.md, After a restore",
            )
        held = self._last.cursors() if self._last else {}
        for record in RECORDS:
            columns = columns_of(reader, record)
            version = _scalar(
                self._writer, "select audit.register_form(%s, %s)", record.table, list(columns)
            )
            form = Form(record.table, version, columns)
            self._parts[record.table] = _Part(form, held.get(record.table, START))

    def lines_of(self, reader: Connection[Any], record: Record) -> Iterator[bytes]:
        """Yield the leaves of a table's final rows that are not sealed, in order."""
        part = self._parts[record.table]
        until = Cursor(self.horizon, "")
        rows = copy_rows(reader, record, part.form.columns, part.since, until, ordered=True)
        return map(leaf_line, rows)

    def add(self, table: str, line: bytes) -> int:
        """Take a leaf in; returns how many the seal holds."""
        self._parts[table].lines.append(line)
        self.pending += 1
        return self.pending

    def append(self, until: Cursor | None) -> bool:
        """Sign and append the seal; False if another sealer was faster.

        until: where every table ends; None where the batch is full and each table ends with
        the last of its leaves.
        """
        parts = list(self._parts.values())
        spans = [part.span(until or _end(part)) for part in parts]
        hashes = [leaf for part in parts for leaf in hash_lines(part.form.prefix, part.lines)]
        last = self._last
        made = Seal(
            number=last.number + 1 if last else 1,
            previous=digest(last.body()) if last else NOTHING,
            root=root(hashes).hex(),
            count=self.pending,
            horizon=self.horizon,
            sealed_at=sealed_at(self._clock.now()),
            key_id=self._key.key_id,
            spans=tuple(spans),
        )
        if not self._write(made, [part for part in parts if part.lines]):
            return False
        for part, span in zip(parts, spans, strict=True):
            part.since, part.lines = span.until, []
        self._last = made
        self.seals += 1
        self.records += self.pending
        self.pending = 0
        return True

    def _write(self, made: Seal, parts: list[_Part]) -> bool:
        body = made.body()
        return _scalar(
            self._writer,
            "select audit.append_seal(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            made.number,
            made.previous,
            body.decode(),
            made.key_id,
            self._key.sign_bytes(PURPOSE, body),
            [part.form.table for part in parts],
            [part.form.version for part in parts],
            [len(part.lines) for part in parts],
            [b"\n".join(part.lines).decode() for part in parts],
        )


def _end(part: _Part) -> Cursor:
    return cursor_of(part.lines[-1]) if part.lines else part.since


def _scalar(conn: Connection[Any], statement: str, *arguments: Any) -> Any:
    row = conn.execute(statement.encode(), arguments).fetchone()
    return None if row is None else row[0]
