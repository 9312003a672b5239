"""SQLite behind the book: one transaction per acknowledged request, in write-ahead mode."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import Field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from backend.paper_terminal.records import Deal, Order, Position

Record = Position | Order | Deal

TABLES: dict[str, type[Position] | type[Order] | type[Deal]] = {
    "positions": Position,
    "orders": Order,
    "history_orders": Order,
    "deals": Deal,
}


def _insert(table: str) -> str:
    names = [f.name for f in fields(TABLES[table])]
    marks = ", ".join("?" * len(names))
    return f"insert or replace into {table} ({', '.join(names)}) values ({marks})"


_INSERT = {table: _insert(table) for table in TABLES}
_NAMES = {kind: tuple(f.name for f in fields(kind)) for kind in TABLES.values()}


class Store:
    """Durable rows. Full durability also survives the machine, at the price of an fsync each."""

    def __init__(self, path: Path, full_durability: bool) -> None:
        # Kept faults are written by other threads than orders.
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        level = "full" if full_durability else "normal"
        self._connection.execute(f"pragma synchronous = {level}")
        self._connection.execute("create table if not exists meta (key text primary key, value)")
        for table, kind in TABLES.items():
            columns = ", ".join(f"{f.name} {_affinity(f)}" for f in fields(kind))
            self._connection.execute(
                f"create table if not exists {table} ({columns}, primary key (ticket))"
            )
            self._complete(table, kind)

    def _complete(self, table: str, kind: type[Record]) -> None:
        """Add the columns that an older terminal did not know; they take their defaults."""
        known = {row[1] for row in self._connection.execute(f"pragma table_info({table})")}
        for field in fields(kind):
            if field.name not in known:
                default = f"'{_plain(field.default)}'"
                self._connection.execute(
                    f"alter table {table} add column {field.name} {_affinity(field)}"
                    f" default {default}"
                )

    def meta(self) -> dict[str, str]:
        """Read all single values."""
        return dict(self._connection.execute("select key, value from meta"))

    def rows(self, table: str) -> Iterator[Record]:
        """Read all records of a table, oldest ticket first."""
        kind = TABLES[table]
        names = [f.name for f in fields(kind)]
        readers = [_reader(f) for f in fields(kind)]
        query = f"select {', '.join(names)} from {table} order by ticket"
        for row in self._connection.execute(query):
            values = (read(value) for read, value in zip(readers, row, strict=True))
            yield kind(*values)  # type: ignore[arg-type]

    def write(
        self,
        puts: Iterable[tuple[str, Record]],
        drops: Iterable[tuple[str, int]],
        meta: dict[str, str],
    ) -> None:
        """Apply everything in one transaction; it is on disk when this returns."""
        with self._lock:
            self._write(puts, drops, meta)

    def _write(
        self,
        puts: Iterable[tuple[str, Record]],
        drops: Iterable[tuple[str, int]],
        meta: dict[str, str],
    ) -> None:
        self._connection.execute("begin immediate")
        try:
            for table, ticket in drops:
                self._connection.execute(f"delete from {table} where ticket = ?", (ticket,))
            for table, record in puts:
                values = [_plain(getattr(record, name)) for name in _NAMES[type(record)]]
                self._connection.execute(_INSERT[table], values)
            self._connection.executemany(
                "insert or replace into meta values (?, ?)", list(meta.items())
            )
            self._connection.execute("commit")
        except BaseException:
            self._connection.execute("rollback")
            raise

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it."""
        self._connection.execute("pragma wal_checkpoint(truncate)")
        self._connection.close()


def _affinity(field: Field[object]) -> str:
    # Decimals are text because SQLite's numbers are doubles; a magic may need 64 bits unsigned.
    return "integer" if field.type is int and field.name != "magic" else "text"


def _reader(field: Field[object]) -> Callable[[Any], object]:
    return {int: int, str: str, Decimal: Decimal}[field.type]  # type: ignore[index]


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, int) and value >= 1 << 63 else value
