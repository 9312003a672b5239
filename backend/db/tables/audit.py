"""The record of the record: how rows are written out, what was sealed, by which key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from backend.db.tables.base import Base, big, default, json, note, now, one_of, row_xid, row_xids


class Change(Base):
    __tablename__ = "changes"
    __table_args__ = (
        one_of("operation", "insert", "update", "delete"),
        Index(None, "table_name", "changed_at"),
        Index(None, "row_key"),
        row_xids("audit_changes"),
        {
            "schema": "audit",
            "comment": "What changed in configuration, reviews, proposals and halts, and on whose "
            "word; append-only.",
        },
    )

    change_id: Mapped[UUID] = mapped_column(primary_key=True)
    table_name: Mapped[str]
    row_key: Mapped[str]
    operation: Mapped[str]
    org_id: Mapped[str | None] = note("Null for what belongs to the platform.")
    before: Mapped[dict[str, Any] | None] = json(comment="Without secrets.")
    after: Mapped[dict[str, Any] | None] = json(comment="Without secrets.")
    changed_by: Mapped[str] = default("session_user", comment="The login.")
    person: Mapped[str | None] = note("Behind the API: the token's subject.")
    changed_at: Mapped[datetime] = now()
    row_xid: Mapped[int] = row_xid()


class RetiredPartition(Base):
    __tablename__ = "retired_partitions"
    __table_args__ = (
        CheckConstraint("until_at > from_at", name="until_at"),
        row_xids("audit_retired_partitions"),
        {
            "schema": "audit",
            "comment": "Partitions that retention dropped: their rows' hashes stay in the seals.",
        },
    )

    partition: Mapped[str] = mapped_column(primary_key=True)
    table_name: Mapped[str]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    row_count: Mapped[int] = big()
    retired_at: Mapped[datetime] = now(primary_key=True)
    retired_by: Mapped[str] = default("session_user")
    row_xid: Mapped[int] = row_xid()


class RecordForm(Base):
    __tablename__ = "forms"
    __table_args__ = (
        CheckConstraint("form_version > 0", name="form_version"),
        {"schema": "audit", "comment": "The columns that a record is hashed by, per version."},
    )

    table_name: Mapped[str] = mapped_column(primary_key=True)
    form_version: Mapped[int] = mapped_column(primary_key=True)
    columns: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    registered_at: Mapped[datetime] = now()


class SealKey(Base):
    __tablename__ = "seal_keys"
    __table_args__ = (
        CheckConstraint("octet_length(public_key) = 32", name="public_key"),
        CheckConstraint("(vouched_by is null) = (vouch is null)", name="vouch"),
        {"schema": "audit", "comment": "Keys that seal; each but the first is vouched for."},
    )

    key_id: Mapped[str] = mapped_column(primary_key=True)
    public_key: Mapped[bytes]
    vouched_by: Mapped[str | None] = mapped_column(ForeignKey("audit.seal_keys.key_id"))
    vouch: Mapped[str | None] = note("The older key's signature of this public key.")
    registered_at: Mapped[datetime] = now()


class SealRow(Base):
    __tablename__ = "seals"
    __table_args__ = (
        CheckConstraint("number > 0", name="number"),
        {"schema": "audit", "comment": "Signed batches, each naming the hash of the one before."},
    )

    number: Mapped[int] = mapped_column(BigInteger(), primary_key=True, autoincrement=False)
    body: Mapped[str] = note("Canonical JSON, byte for byte as signed.")
    key_id: Mapped[str] = mapped_column(ForeignKey("audit.seal_keys.key_id"))
    sig: Mapped[str]
    appended_at: Mapped[datetime] = now()


class Segment(Base):
    __tablename__ = "segments"
    __table_args__ = (
        CheckConstraint("row_count > 0", name="row_count"),
        {"schema": "audit", "comment": "A seal's leaves, table by table, one line for each row."},
    )

    number: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("audit.seals.number"), primary_key=True, autoincrement=False
    )
    segment: Mapped[int] = mapped_column(SmallInteger(), primary_key=True, autoincrement=False)
    table_name: Mapped[str]
    form_version: Mapped[int]
    row_count: Mapped[int]
    leaves: Mapped[str] = note("transaction TAB key TAB sha256 of the record, in the tree's order.")
