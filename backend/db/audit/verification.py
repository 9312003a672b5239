"""Compute everything anew: keys, chain, signatures, trees, and every sealed row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from backend.contracts.signing import VerifyKey
from backend.db.audit.comparing import CHUNK, Chunk, Spans, explain
from backend.db.audit.findings import Difference, Finding, Verified
from backend.db.audit.keys import registered, trusted
from backend.db.audit.records import BY_TABLE, RECORDS, count_beyond, snapshot
from backend.db.audit.votes import unsigned_votes
from backend.domain.audit.leaves import START, Form, hash_lines
from backend.domain.audit.merkle import root
from backend.domain.audit.seals import PURPOSE, Seal, Span, continues, parse

SEALS_AT_ONCE = 16
FINDINGS_MAX = 10_000
"""Past so many there is no point in going on."""

Progress = Callable[[int, int], None]
"""Told how many records were looked at, of how many."""


def verify(
    conn: Connection[Any],
    *,
    first: int = 1,
    last: int | None = None,
    pinned: bytes | None = None,
    anchors: Mapping[int, bytes] | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Verify the seals from first to last and the rows that they speak of; reads only.

    conn: a session that may read the whole record, in autocommit.
    pinned: the public key known from elsewhere. anchors: bodies of seals exported before.
    """
    with snapshot(conn):
        return Verification(conn, first, last, pinned, anchors, progress).run()


class Verification:
    """One run over the record, within a transaction that stands still."""

    def __init__(
        self,
        conn: Connection[Any],
        first: int = 1,
        last: int | None = None,
        pinned: bytes | None = None,
        anchors: Mapping[int, bytes] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.conn = conn
        self.first = first
        self.last = last
        self.anchors = dict(anchors or {})
        self.progress = progress
        self.done = Verified()
        self.believed, self.strangers = trusted(registered(conn), pinned)
        self.keys = {key.key_id: VerifyKey(key.public_bytes) for key in registered(conn)}
        self.forms = {
            (table, version): Form(table, version, tuple(columns))
            for table, version, columns in conn.execute(
                "select f.table_name, f.form_version, f.columns from audit.forms f"
            ).fetchall()
        }
        self.chunks: dict[str, Chunk] = {}
        self.findings: list[Finding] = []
        self.total = 0
        self.before: Seal | None = None
        self.saw_believed = False

    def run(self) -> Verified:
        """Go through the seals in order, then settle what was found."""
        if self.strangers:
            self._broken(self.first, "audit.seal_keys", "", self.strangers)
        row = self.conn.execute(
            "select coalesce(sum(g.row_count), 0) from audit.segments g"
            " where g.number >= %s and g.number <= coalesce(%s, g.number)",
            (self.first, self.last),
        ).fetchone()
        self.total = int(row[0]) if row else 0
        self.before = self._predecessor()
        for number, body, sig, segments in self._seals():
            self._take_seal(number, body, sig, segments)
            if len(self.findings) >= FINDINGS_MAX:
                break
        for table in list(self.chunks):
            self._flush(table)
        self._settle()
        return self.done

    def _predecessor(self) -> Seal | None:
        if self.first <= 1:
            return None
        row = self.conn.execute(
            "select s.body from audit.seals s where s.number = %s", (self.first - 1,)
        ).fetchone()
        return _read(row[0]) if row else None

    def _seals(self) -> Iterator[tuple[int, bytes, str, list[dict[str, Any]]]]:
        number = self.first - 1
        while True:
            seals = self.conn.execute(
                "select s.number, s.body, s.sig from audit.seals s"
                " where s.number > %s and s.number <= coalesce(%s, s.number)"
                " order by s.number limit %s",
                (number, self.last, SEALS_AT_ONCE),
            ).fetchall()
            if not seals:
                return
            with self.conn.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(
                    "select g.number, g.table_name, g.form_version, g.leaves"
                    " from audit.segments g where g.number between %s and %s"
                    " order by g.number, g.segment",
                    (seals[0][0], seals[-1][0]),
                ).fetchall()
            for number, body, sig in seals:
                yield number, body.encode(), sig, [r for r in rows if r["number"] == number]

    def _take_seal(
        self, number: int, body: bytes, sig: str, segments: list[dict[str, Any]]
    ) -> None:
        self.done.seals += 1
        expected = self.before.number + 1 if self.before else self.first
        for gone in range(expected, min(number, expected + 100)):
            self._find(gone, "audit.seals", str(gone), Difference.MISSING, "the seal is gone")
        anchor = self.anchors.pop(number, None)
        if anchor is not None and anchor != body:
            self._broken(number, "audit.seals", str(number), "not the seal that was exported")
        seal = _read(body.decode())
        if seal is None:
            self._broken(number, "audit.seals", str(number), "its body is no seal")
            return
        self._check_signature(seal, body, sig)
        if seal.number != number:
            self._broken(number, "audit.seals", str(number), f"its body is of {seal.number}")
        elif expected == number and (why := continues(seal, self.before)):
            self._broken(number, "audit.seals", str(number), why)
        self._check_tree(seal, segments)
        self.before = seal

    def _check_signature(self, seal: Seal, body: bytes, sig: str) -> None:
        key = self.keys.get(seal.key_id)
        believed = seal.key_id in self.believed
        self.saw_believed = self.saw_believed or believed
        if key is None or (self.saw_believed and not believed):
            why = f"sealed with key {seal.key_id}, for which nobody vouches"
        elif key.verify_bytes(PURPOSE, body, sig) is not None:
            why = f"its signature is not of key {seal.key_id}"
        else:
            if seal.key_id not in self.done.keys:
                self.done.keys.append(seal.key_id)
            return
        self._broken(seal.number, "audit.seals", str(seal.number), why)

    def _check_tree(self, seal: Seal, segments: list[dict[str, Any]]) -> None:
        held = {row["table_name"]: row for row in segments}
        hashes: list[bytes] = []
        for span in seal.spans:
            row = held.pop(span.table, None)
            lines = row["leaves"].encode().split(b"\n") if row else []
            form = self.forms.get((span.table, span.form_version))
            if form is None or form.columns_sha256 != span.columns_sha256:
                self._broken(
                    seal.number, "audit.forms", span.table, "not the columns that were sealed"
                )
                continue
            if len(lines) != span.count:
                self._broken(
                    seal.number,
                    "audit.segments",
                    span.table,
                    f"{len(lines)} leaves of {span.count}",
                )
            hashes += hash_lines(form.prefix, lines)
            self._take_leaves(seal, span, form, lines)
        for table in held:
            self._broken(seal.number, "audit.segments", table, "leaves that nobody sealed")
        if root(hashes).hex() != seal.root:
            self._broken(
                seal.number, "audit.segments", str(seal.number), "the leaves do not give the root"
            )

    def _take_leaves(self, seal: Seal, span: Span, form: Form, lines: list[bytes]) -> None:
        if span.table not in BY_TABLE:
            self._broken(seal.number, span.table, "", "no table of the record any more")
            return
        chunk = self.chunks.get(span.table)
        # A chunk is one form and unbroken: where a seal is gone, its rows are not inserted ones.
        if chunk is not None and (chunk.form != form or chunk.until != span.since):
            self._flush(span.table)
            chunk = None
        if chunk is None:
            chunk = self.chunks[span.table] = Chunk(form, span.since, span.since)
        try:
            self.findings += chunk.take(lines, span.until, seal.number)
        except ValueError:
            self._broken(seal.number, "audit.segments", span.table, "a leaf that is none")
        if len(chunk.leaves) >= CHUNK:
            self._flush(span.table)

    def _flush(self, table: str) -> None:
        chunk = self.chunks.pop(table)
        looked_at = len(chunk.leaves)
        self.findings += chunk.compare(self.conn)
        self.done.records += looked_at
        if self.progress is not None:
            self.progress(self.done.records, self.total)

    def _settle(self) -> None:
        spans, retired = Spans.read(self.conn)
        for number in sorted(self.anchors):
            if number >= self.first and number <= (self.last or number):
                self._find(
                    number, "audit.seals", str(number), Difference.MISSING, "exported, and gone"
                )
        found = explain(self.conn, self.findings, retired, spans)
        whole = self.first <= 1 and self.last is None
        for partition in retired if whole else ():
            if partition.leaves != partition.rows:
                found.append(
                    Finding(
                        self.before.number if self.before else 0,
                        partition.table,
                        partition.partition,
                        Difference.MISSING,
                        f"retention dropped {partition.rows} rows, {partition.leaves} sealed ones"
                        " are gone",
                    )
                )
        if whole:
            found.extend(unsigned_votes(self.conn, self.before.number if self.before else 0))
        # What names a record comes before what only names its seal.
        found.sort(key=lambda f: (f.seal, f.difference is Difference.BROKEN, f.table, f.key))
        self.done.findings = found
        self.done.retired = retired
        if self.last is None:
            cursors = self.before.cursors() if self.before else {}
            self.done.waiting = sum(
                count_beyond(self.conn, record, cursors.get(record.table, START))
                for record in RECORDS
            )

    def _broken(self, seal: int, table: str, key: str, detail: str) -> None:
        self._find(seal, table, key, Difference.BROKEN, detail)

    def _find(self, seal: int, table: str, key: str, difference: Difference, detail: str) -> None:
        self.findings.append(Finding(seal, table, key, difference, detail))


def _read(body: str) -> Seal | None:
    try:
        return parse(body.encode())
    except ValueError:
        return None
