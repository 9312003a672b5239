"""What every table shares: how columns are typed and how constraints are named."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import base as postgresql
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column
from sqlalchemy.types import UserDefinedType

# The names that Postgres itself would give, so that hand-written SQL may guess them.
NAMING = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}


class Base(DeclarativeBase):
    """The registry of all tables; tables without a schema live in `public`."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        Decimal: Numeric(),
        datetime: DateTime(timezone=True),
        date: Date(),
        UUID: Uuid(),
        bytes: LargeBinary(),
        dict[str, Any]: JSONB(),
        int: Integer(),
    }


class Embedding(UserDefinedType[str]):
    """pgvector's vector, by the schema that it lives in here and on Supabase."""

    cache_ok = True

    def __init__(self, dimensions: int | str = 16) -> None:
        self.dimensions = int(dimensions)

    def get_col_spec(self, **_: Any) -> str:
        """Return the type as DDL names it."""
        return f"extensions.vector({self.dimensions})"


# Reflection must know the type, or `alembic check` would be blind to its changes.
postgresql.ischema_names["extensions.vector"] = Embedding
postgresql.ischema_names["vector"] = Embedding

SIDES = ("BUY", "SELL")
MODES = ("paper", "shadow", "live")
ORDER_TYPES = ("market", "limit", "stop")
LATENCY_CLASSES = ("immediate", "defer", "park")
SCOPES = ("platform", "organization", "account", "strategy", "instrument", "venue")


def one_of(column: str, *values: str) -> CheckConstraint:
    """Allow only these words in a column."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({words})", name=column)


def fraction(*columns: str) -> list[CheckConstraint]:
    """Keep columns between 0 and 1."""
    return [CheckConstraint(f"{column} between 0 and 1", name=column) for column in columns]


def positive(*columns: str) -> list[CheckConstraint]:
    """Keep columns above 0."""
    return [CheckConstraint(f"{column} > 0", name=column) for column in columns]


def not_negative(*columns: str) -> list[CheckConstraint]:
    """Keep columns at 0 or above."""
    return [CheckConstraint(f"{column} >= 0", name=column) for column in columns]


def big(**options: Any) -> MappedColumn[Any]:
    """Declare a 64-bit integer."""
    return mapped_column(BigInteger(), **options)


def json(default: str | None = None, **options: Any) -> MappedColumn[Any]:
    """Declare a jsonb column; default is JSON text such as `{}`."""
    server = None if default is None else text(f"'{default}'::jsonb")
    return mapped_column(JSONB(), server_default=server, **options)


def now(**options: Any) -> MappedColumn[Any]:
    """Declare an instant that defaults to the statement's clock."""
    return mapped_column(
        DateTime(timezone=True), server_default=text("clock_timestamp()"), **options
    )


def row_xid() -> MappedColumn[Any]:
    """Declare the transaction that wrote a row: by it the sealer walks through a record."""
    return mapped_column(
        BigInteger(), server_default=text("((pg_current_xact_id())::text)::bigint")
    )


def row_xids(table: str) -> Index:
    """Index `row_xid` by block ranges: an insert pays nothing for it."""
    return Index(
        f"{table}_row_xid_idx",
        "row_xid",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16", "autosummarize": "true"},
    )


def default(value: str, **options: Any) -> MappedColumn[Any]:
    """Declare a column with an SQL expression as default."""
    return mapped_column(server_default=text(value), **options)


def note(comment: str, **options: Any) -> MappedColumn[Any]:
    """Declare a column with a comment that readers of the catalogue see."""
    return mapped_column(comment=comment, **options)
