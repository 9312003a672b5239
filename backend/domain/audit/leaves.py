"""Leaves: what is hashed of one record, and in which form.

A record's canonical form is its line in Postgres' COPY text format: the columns that its form
lists, in that order, separated by tabs, nulls as backslash N, instants in UTC, bytes in hex.
Its leaf is five lines of text: the domain, the table, the form's version, the form's columns,
and `transaction TAB key TAB sha256(record) in hex`. The last of them is what a seal keeps, so
that a record which retention has taken away still has its place in the tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from backend.domain.audit.merkle import LEAF

DOMAIN = "dcd.leaf.v1"


@dataclass(frozen=True, slots=True)
class Form:
    """How the rows of a table are written out: a fixed list of columns under a version."""

    table: str
    version: int
    columns: tuple[str, ...]

    @property
    def prefix(self) -> bytes:
        """The part of a leaf that all rows of this form share."""
        return f"{DOMAIN}\n{self.table}\n{self.version}\n{','.join(self.columns)}\n".encode()

    @property
    def columns_sha256(self) -> str:
        """The hash by which a seal knows the list of columns."""
        return sha256(",".join(self.columns).encode()).hexdigest()


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in a table's record: after the row with this transaction and this key."""

    xid: int
    key: str


START = Cursor(0, "")


def leaf_line(copied: bytes) -> bytes:
    """Return what a seal keeps of a row, from `transaction TAB key TAB record`."""
    xid, key, record = copied.split(b"\t", 2)
    return b"%b\t%b\t%b" % (xid, key, sha256(record).hexdigest().encode())


def hash_lines(prefix: bytes, lines: Sequence[bytes]) -> list[bytes]:
    """Return the leaf hashes of one form's lines."""
    start = sha256(LEAF + prefix)
    hashes: list[bytes] = []
    for line in lines:
        # Copying the state hashes the prefix, most of a leaf, once instead of every time.
        leaf = start.copy()
        leaf.update(line)
        hashes.append(leaf.digest())
    return hashes


def cursor_of(line: bytes) -> Cursor:
    """Return the place of a leaf's line. Raises ValueError if it is none."""
    xid, key, _ = line.decode().split("\t")
    return Cursor(int(xid), key)
