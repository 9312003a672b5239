"""Compare rows as they are with the leaves that were sealed of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection

from backend.db.audit.findings import Difference, Finding, Retired
from backend.db.audit.records import BY_TABLE, Record, copy_rows, xid_of
from backend.domain.audit.leaves import Cursor, Form, cursor_of, leaf_line

CHUNK = 50_000
"""Leaves that are held in memory per table at most, and one seal's more."""
LOOKUPS_MAX = 50


@dataclass(slots=True)
class Chunk:
    """Leaves of one table and form, over an unbroken span of its record."""

    form: Form
    since: Cursor
    until: Cursor
    leaves: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    seals: list[tuple[Cursor, int]] = field(default_factory=list[tuple[Cursor, int]])
    """Where the part of each seal ends."""

    def take(self, lines: list[bytes], until: Cursor, seal: int) -> list[Finding]:
        """Take in a seal's leaves; finds those that stand out of order. Raises ValueError."""
        found: list[Finding] = []
        before = (self.until.xid, self.until.key.encode())
        for line in lines:
            xid, key, _ = line.split(b"\t")
            place = (int(xid), key)
            if place <= before:
                detail = "its leaf stands in another place than its transaction and key demand"
                found.append(
                    Finding(seal, self.form.table, key.decode(), Difference.REORDERED, detail)
                )
            else:
                before = place
            self.leaves[key] = line
        self.until = until
        self.seals.append((until, seal))
        return found

    def seal_of(self, cursor: Cursor) -> int:
        """Return the seal whose span a place belongs to."""
        index = bisect_left(self.seals, (cursor, 0))
        return self.seals[min(index, len(self.seals) - 1)][1]

    def compare(self, conn: Connection[Any]) -> Iterator[Finding]:
        """Read the rows of the span again; finds each that is not as its leaf says."""
        record = BY_TABLE[self.form.table]
        leaves = self.leaves
        rows = copy_rows(conn, record, self.form.columns, self.since, self.until, ordered=False)
        for copied in rows:
            line = leaf_line(copied)
            key = line.split(b"\t", 2)[1]
            sealed = leaves.pop(key, None)
            if sealed != line:
                yield self._difference(line, sealed)
        for line in leaves.values():
            yield self._finding(line, Difference.MISSING, "sealed, and no longer there")

    def _difference(self, line: bytes, sealed: bytes | None) -> Finding:
        if sealed is None:
            return self._finding(
                line, Difference.INSERTED, "in a span of the record that was sealed without it"
            )
        if line.split(b"\t", 1)[0] != sealed.split(b"\t", 1)[0]:
            return self._finding(sealed, Difference.REORDERED, "it claims another transaction")
        return self._finding(sealed, Difference.ALTERED, "its columns do not give its sealed hash")

    def _finding(self, line: bytes, difference: Difference, detail: str) -> Finding:
        cursor = cursor_of(line)
        return Finding(self.seal_of(cursor), self.form.table, cursor.key, difference, detail)


def explain(
    conn: Connection[Any], findings: list[Finding], retired: list[Retired], spans: Spans
) -> list[Finding]:
    """Set aside what retention took, and say of what is missing whether it stands elsewhere."""
    inserted = {
        (found.table, found.key) for found in findings if found.difference is Difference.INSERTED
    }
    kept: list[Finding] = []
    moved: set[tuple[str, str]] = set()
    lookups = 0
    for found in findings:
        place = (found.table, found.key)
        if found.difference is Difference.MISSING and found.table in BY_TABLE:
            if (partition := spans.find(found.table, found.key)) is not None:
                retired[partition].leaves += 1
                continue
            elsewhere = place in inserted
            if not elsewhere and lookups < LOOKUPS_MAX:
                lookups += 1
                elsewhere = xid_of(conn, BY_TABLE[found.table], found.key) is not None
            if elsewhere:
                moved.add(place)
                found = Finding(
                    found.seal,
                    found.table,
                    found.key,
                    Difference.REORDERED,
                    "it claims another transaction than it was sealed with",
                )
        kept.append(found)
    return [
        found
        for found in kept
        if found.difference is not Difference.INSERTED or (found.table, found.key) not in moved
    ]


@dataclass(slots=True)
class Spans:
    """The times that dropped partitions held, by table."""

    by_table: dict[str, list[tuple[datetime, datetime, int]]]

    @classmethod
    def read(cls, conn: Connection[Any]) -> tuple[Spans, list[Retired]]:
        """Read which partitions retention has dropped."""
        rows = conn.execute(
            "select r.partition, r.table_name, r.from_at, r.until_at, r.row_count"
            " from audit.retired_partitions r order by r.retired_at, r.partition"
        ).fetchall()
        by_table: dict[str, list[tuple[datetime, datetime, int]]] = {}
        retired: list[Retired] = []
        for partition, table, since, until, count in rows:
            by_table.setdefault(table, []).append((since, until, len(retired)))
            retired.append(Retired(partition, table, count))
        return cls(by_table), retired

    def find(self, table: str, key: str) -> int | None:
        """Return which dropped partition a row lay in, by the time in its key."""
        record: Record = BY_TABLE[table]
        if not record.partitioned or table not in self.by_table:
            return None
        try:
            at = datetime.fromisoformat(key.split("/", 1)[0])
        except ValueError:
            return None
        return next(
            (index for since, until, index in self.by_table[table] if since <= at < until), None
        )
