"""Audit: which transaction wrote each record, the journal of changes, forms, keys and seals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_XID = "((pg_current_xact_id())::text)::bigint"
_RECORDS = (
    ("public", "signals_raw"),
    ("public", "signals_normalized"),
    ("public", "strategy_rationales"),
    ("public", "proposal_events"),
    ("public", "votes"),
    ("public", "risk_checks"),
    ("public", "order_events"),
    ("public", "fills"),
    ("public", "decision_traces"),
    ("bus", "events"),
    ("risk", "policy_changes"),
)


def upgrade() -> None:
    """Apply the revision."""
    for schema, table in _RECORDS:
        # The default is stable, not volatile: no table is rewritten, all rows that are there
        # count as written by this transaction.
        op.add_column(table, _row_xid(), schema=None if schema == "public" else schema)
        _index(table, table, None if schema == "public" else schema)
    _create_journal()
    _create_seals()


def _create_journal() -> None:
    op.create_table(
        "changes",
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column(
            "org_id", sa.Text(), nullable=True, comment="Null for what belongs to the platform."
        ),
        sa.Column("before", postgresql.JSONB(), nullable=True, comment="Without secrets."),
        sa.Column("after", postgresql.JSONB(), nullable=True, comment="Without secrets."),
        sa.Column(
            "changed_by",
            sa.Text(),
            server_default=sa.text("session_user"),
            nullable=False,
            comment="The login.",
        ),
        sa.Column(
            "person", sa.Text(), nullable=True, comment="Behind the API: the token's subject."
        ),
        _now("changed_at"),
        _row_xid(),
        sa.CheckConstraint(
            "operation in ('insert', 'update', 'delete')", name=op.f("changes_operation_check")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("changes_pkey")),
        schema="audit",
        comment="What changed in configuration, reviews, proposals and halts, and on whose word; "
        "append-only.",
    )
    for columns in (["table_name", "changed_at"], ["row_key"]):
        op.create_index(
            op.f(f"changes_{'_'.join(columns)}_idx"), "changes", columns, schema="audit"
        )
    _index("audit_changes", "changes", "audit")
    op.create_table(
        "retired_partitions",
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        _now("retired_at"),
        sa.Column("retired_by", sa.Text(), server_default=sa.text("session_user"), nullable=False),
        _row_xid(),
        sa.CheckConstraint("until_at > from_at", name=op.f("retired_partitions_until_at_check")),
        sa.PrimaryKeyConstraint("partition", "retired_at", name=op.f("retired_partitions_pkey")),
        schema="audit",
        comment="Partitions that retention dropped: their rows' hashes stay in the seals.",
    )
    _index("audit_retired_partitions", "retired_partitions", "audit")


def _create_seals() -> None:
    op.create_table(
        "forms",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("form_version", sa.Integer(), nullable=False),
        sa.Column("columns", postgresql.ARRAY(sa.Text()), nullable=False),
        _now("registered_at"),
        sa.CheckConstraint("form_version > 0", name=op.f("forms_form_version_check")),
        sa.PrimaryKeyConstraint("table_name", "form_version", name=op.f("forms_pkey")),
        schema="audit",
        comment="The columns that a record is hashed by, per version.",
    )
    op.create_table(
        "seal_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("vouched_by", sa.Text(), nullable=True),
        sa.Column(
            "vouch",
            sa.Text(),
            nullable=True,
            comment="The older key's signature of this public key.",
        ),
        _now("registered_at"),
        sa.CheckConstraint(
            "octet_length(public_key) = 32", name=op.f("seal_keys_public_key_check")
        ),
        sa.CheckConstraint(
            "(vouched_by is null) = (vouch is null)", name=op.f("seal_keys_vouch_check")
        ),
        sa.ForeignKeyConstraint(
            ["vouched_by"], ["audit.seal_keys.key_id"], name=op.f("seal_keys_vouched_by_fkey")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("seal_keys_pkey")),
        schema="audit",
        comment="Keys that seal; each but the first is vouched for.",
    )
    op.create_table(
        "seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "body", sa.Text(), nullable=False, comment="Canonical JSON, byte for byte as signed."
        ),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sig", sa.Text(), nullable=False),
        _now("appended_at"),
        sa.CheckConstraint("number > 0", name=op.f("seals_number_check")),
        sa.ForeignKeyConstraint(
            ["key_id"], ["audit.seal_keys.key_id"], name=op.f("seals_key_id_fkey")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("seals_pkey")),
        schema="audit",
        comment="Signed batches, each naming the hash of the one before.",
    )
    op.create_table(
        "segments",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("segment", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("form_version", sa.Integer(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column(
            "leaves",
            sa.Text(),
            nullable=False,
            comment="transaction TAB key TAB sha256 of the record, in the tree's order.",
        ),
        sa.CheckConstraint("row_count > 0", name=op.f("segments_row_count_check")),
        sa.ForeignKeyConstraint(
            ["number"], ["audit.seals.number"], name=op.f("segments_number_fkey")
        ),
        sa.PrimaryKeyConstraint("number", "segment", name=op.f("segments_pkey")),
        schema="audit",
        comment="A seal's leaves, table by table, one line for each row.",
    )
    # Hashes do not compress: trying to took half of the sealer's time.
    op.execute("alter table audit.segments alter column leaves set storage external")


def _row_xid() -> sa.Column[int]:
    return sa.Column("row_xid", sa.BigInteger(), server_default=sa.text(_XID), nullable=False)


def _now(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=sa.text("clock_timestamp()"),
        nullable=False,
    )


def _index(name: str, table: str, schema: str | None) -> None:
    op.create_index(
        f"{name}_row_xid_idx",
        table,
        ["row_xid"],
        schema=schema,
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16", "autosummarize": "true"},
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
