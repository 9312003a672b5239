"""Proofs that a third party can check alone, and seals to anchor elsewhere."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from backend.db.audit.keys import registered
from backend.db.audit.records import BY_TABLE, copy_rows, snapshot
from backend.domain.audit.leaves import Cursor, Form, cursor_of, hash_lines, leaf_line
from backend.domain.audit.merkle import inclusion_path
from backend.domain.audit.seals import Seal, parse
from backend.errors import DeskError

PROOF_VERSION = "dcd.proof.v1"
EXPORT_VERSION = "dcd.seals.v1"


def prove(conn: Connection[Any], record_id: str, table: str | None = None) -> dict[str, Any]:
    """Return an inclusion proof of a record as a JSON object.

    record_id: a row's key as `verify` names it, or the part of it that names the row alone.
    Raises DeskError audit.unknown, audit.ambiguous.
    """
    with snapshot(conn):
        number, name, line = _find(conn, record_id, table)
        body, sig = _one(
            conn, "select s.body, s.sig from audit.seals s where s.number = %s", number
        )
        seal = parse(body.encode())
        forms, segments = _forms(conn), _segments(conn, number)
        hashes: list[bytes] = []
        index = 0
        for span in seal.spans:
            lines = segments.get(span.table, [])
            if span.table == name:
                index = len(hashes) + lines.index(line)
            hashes += hash_lines(forms[span.table, span.form_version].prefix, lines)
        form = forms[name, _version(seal, name)]
        key = next(key for key in registered(conn) if key.key_id == seal.key_id)
        xid, row_key, digest = line.decode().split("\t")
        return {
            "version": PROOF_VERSION,
            "table": name,
            "form": str(form.version),
            "columns": list(form.columns),
            "transaction": xid,
            "key": row_key,
            "record": _record(conn, form, line),
            "record_sha256": digest,
            "leaf_index": str(index),
            "tree_size": str(seal.count),
            "path": [sibling.hex() for sibling in inclusion_path(hashes, index)],
            "seal": {"body": body, "sig": sig},
            "public_key": key.public_bytes.hex(),
        }


def export(conn: Connection[Any], first: int = 1, last: int | None = None) -> dict[str, Any]:
    """Return signed seals and the keys that made them, to be kept outside the database."""
    seals = conn.execute(
        "select s.body, s.sig from audit.seals s"
        " where s.number >= %s and s.number <= coalesce(%s, s.number) order by s.number",
        (first, last),
    ).fetchall()
    return {
        "version": EXPORT_VERSION,
        "keys": [
            {
                "key_id": key.key_id,
                "public_key": key.public_bytes.hex(),
                "vouched_by": key.vouched_by,
                "vouch": key.vouch,
            }
            for key in registered(conn)
        ],
        "seals": [{"body": body, "sig": sig} for body, sig in seals],
    }


def anchors_of(exported: dict[str, Any]) -> dict[int, bytes]:
    """Return the seals of an export by number. Raises DeskError audit.anchor."""
    try:
        bodies = [seal["body"].encode() for seal in exported["seals"]]
        return {parse(body).number: body for body in bodies}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DeskError(
            "audit.anchor", f"not an export of seals: {error!r}", "`desk audit export`"
        ) from error


def _find(conn: Connection[Any], record_id: str, table: str | None) -> tuple[int, str, bytes]:
    rows = conn.execute(
        "select g.number, g.table_name, l.line"
        " from audit.segments g, lateral regexp_split_to_table(g.leaves, E'\\n') as l(line)"
        " where strpos(g.leaves, %(id)s) > 0 and strpos(l.line, %(id)s) > 0"
        " and (g.table_name = %(table)s or %(table)s is null) order by g.number",
        {"id": record_id, "table": table},
    ).fetchall()
    found = [(number, name, line.encode()) for number, name, line in rows]
    whole = [item for item in found if cursor_of(item[2]).key == record_id]
    # A record moved and sealed again has two leaves: the first one proves when it was there.
    found = whole[:1] or [item for item in found if record_id in _parts(item[2])]
    if not found:
        raise DeskError(
            "audit.unknown",
            f"no sealed record is named {record_id}",
            "it may wait for its seal: `desk audit seal`, or the job that runs every few seconds",
        )
    if len(found) > 1:
        keys = ", ".join(f"{name} {cursor_of(line).key}" for _, name, line in found[:5])
        raise DeskError(
            "audit.ambiguous",
            f"{len(found)} sealed records are named {record_id}: {keys}",
            "give the whole key, and --table",
        )
    return found[0]


def _parts(line: bytes) -> list[str]:
    return cursor_of(line).key.split("/")


def _record(conn: Connection[Any], form: Form, line: bytes) -> str | None:
    """Return the record as it is hashed; None where it is gone or no longer what it was."""
    place = cursor_of(line)
    just_before = Cursor(place.xid, place.key[:-1])
    rows = copy_rows(conn, BY_TABLE[form.table], form.columns, just_before, place, ordered=False)
    same = [copied for copied in rows if leaf_line(copied) == line]
    return same[0].split(b"\t", 2)[2].decode() if same else None


def _forms(conn: Connection[Any]) -> dict[tuple[str, int], Form]:
    rows = conn.execute(
        "select f.table_name, f.form_version, f.columns from audit.forms f"
    ).fetchall()
    return {(table, version): Form(table, version, tuple(cols)) for table, version, cols in rows}


def _segments(conn: Connection[Any], number: int) -> dict[str, list[bytes]]:
    rows = conn.execute(
        "select g.table_name, g.leaves from audit.segments g where g.number = %s", (number,)
    ).fetchall()
    return {table: leaves.encode().split(b"\n") for table, leaves in rows}


def _version(seal: Seal, table: str) -> int:
    return next(span.form_version for span in seal.spans if span.table == table)


def _one(conn: Connection[Any], statement: str, *arguments: Any) -> Any:
    row = conn.execute(statement.encode(), arguments).fetchone()
    if row is None:
        raise DeskError("audit.broken", "a seal is gone", "`desk audit verify`")
    return row
