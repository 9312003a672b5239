"""The newest seal, remembered beside the sealing key: outside the database that it is of.

Seals chain backwards, so the newest ones could be cut off together with what they sealed, and the
rest would still hold. Whoever runs the sealer knows how far it came.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from psycopg import Connection

_DATABASE = (
    "select (select c.system_identifier from pg_catalog.pg_control_system() c), d.oid::bigint"
    "  from pg_catalog.pg_database d where d.datname = current_database()"
)


def remember(conn: Connection[Any], folder: Path) -> None:
    """Write down the newest seal, if the folder can be written to."""
    row = conn.execute(
        "select s.number, s.body from audit.seals s order by s.number desc limit 1"
    ).fetchone()
    path = _path(conn, folder)
    if row is None or row[0] <= max(recall(conn, folder), default=0):
        return
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with suppress(OSError):
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"number": row[0], "body": row[1]}, file)
        beside.replace(path)


def recall(conn: Connection[Any], folder: Path) -> dict[int, bytes]:
    """Return the newest seal that was written down, by its number; nothing where none was."""
    try:
        held = json.loads(_path(conn, folder).read_text())
        return {int(held["number"]): held["body"].encode()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _path(conn: Connection[Any], folder: Path) -> Path:
    """Name the file of this very database: another one of the same name has seals of its own."""
    row = conn.execute(_DATABASE).fetchone()
    assert row is not None
    return folder / f"seal_head.{row[0]}.{row[1]}.json"
