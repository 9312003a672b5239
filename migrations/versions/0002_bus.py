"""The bus."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "agents",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("role_name", sa.Text(), nullable=False),
        sa.Column("depth_max", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("backoff_base_ms", sa.Integer(), nullable=False),
        sa.Column("backoff_cap_ms", sa.Integer(), nullable=False),
        sa.Column("lease_ms", sa.Integer(), nullable=False),
        sa.Column("batch_max", sa.Integer(), nullable=False),
        sa.Column(
            "decides_alert",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Its dead letter ends the alert.",
        ),
        sa.CheckConstraint("backoff_base_ms > 0", name=op.f("agents_backoff_base_ms_check")),
        sa.CheckConstraint("backoff_cap_ms > 0", name=op.f("agents_backoff_cap_ms_check")),
        sa.CheckConstraint("batch_max > 0", name=op.f("agents_batch_max_check")),
        sa.CheckConstraint("depth_max > 0", name=op.f("agents_depth_max_check")),
        sa.CheckConstraint("lease_ms > 0", name=op.f("agents_lease_ms_check")),
        sa.CheckConstraint("max_attempts > 0", name=op.f("agents_max_attempts_check")),
        sa.PrimaryKeyConstraint("agent", name=op.f("agents_pkey")),
        sa.UniqueConstraint("role_name", name=op.f("agents_role_name_key")),
        schema="bus",
        comment="Agents and their bounds, from their own declarations.",
    )
    op.create_table(
        "dead_letters",
        sa.Column("dead_letter_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("msg_id", sa.Uuid(), nullable=False),
        sa.Column("row_kind", sa.Text(), nullable=True),
        sa.Column("ordering_key", sa.Text(), nullable=False),
        sa.Column("event_published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_seq", sa.BigInteger(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.Column(
            "died_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replayed_by", sa.Text(), nullable=True),
        sa.Column("replay_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("dead_letter_id", name=op.f("dead_letters_pkey")),
        schema="bus",
        comment="Deliveries given up, with the error; replayed on request.",
    )
    op.create_index(
        op.f("dead_letters_correlation_id_idx"),
        "dead_letters",
        ["correlation_id"],
        unique=False,
        schema="bus",
    )
    op.create_index(
        op.f("dead_letters_died_at_idx"), "dead_letters", ["died_at"], unique=False, schema="bus"
    )
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("ordering_key", sa.Text(), nullable=False),
        sa.Column(
            "msg_id",
            sa.Uuid(),
            nullable=False,
            comment="The event, or the row where row_kind says so.",
        ),
        sa.Column(
            "row_kind",
            sa.Text(),
            nullable=True,
            comment="Set when a row born in SQL is handed over, not an event.",
        ),
        sa.Column("event_published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_seq", sa.BigInteger(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_epoch", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("deliveries_pkey")),
        schema="bus",
        comment="What an agent has still to handle; acknowledging deletes the row.",
        postgresql_with={
            "fillfactor": "70",
            "autovacuum_vacuum_scale_factor": "0.01",
            "autovacuum_vacuum_cost_delay": "0",
        },
    )
    op.create_index(
        op.f("deliveries_agent_delivery_id_idx"),
        "deliveries",
        ["agent", "delivery_id"],
        unique=False,
        schema="bus",
    )
    op.create_index(
        op.f("deliveries_ordering_key_agent_delivery_id_idx"),
        "deliveries",
        ["ordering_key", "agent", "delivery_id"],
        unique=False,
        schema="bus",
    )
    op.create_table(
        "events",
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("msg_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("causation_id", sa.Uuid(), nullable=True),
        sa.Column("ttl_ms", sa.Integer(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("ordering_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column(
            "sig",
            sa.Text(),
            nullable=False,
            comment="ed25519: over the canonical JSON of every other field.",
        ),
        sa.PrimaryKeyConstraint("published_at", "seq", name=op.f("events_pkey")),
        schema="bus",
        comment="Signed envelopes as published, append-only, one partition a day.",
        postgresql_partition_by="RANGE (published_at)",
    )
    op.create_index(
        op.f("events_correlation_id_idx"), "events", ["correlation_id"], unique=False, schema="bus"
    )
    op.create_index(op.f("events_msg_id_idx"), "events", ["msg_id"], unique=False, schema="bus")
    op.create_table(
        "message_keys",
        sa.Column("msg_id", sa.Uuid(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("msg_id", name=op.f("message_keys_pkey")),
        schema="bus",
        comment="Every message ever published, unpartitioned: what replays are known by.",
    )
    op.create_index(
        "message_keys_sender_idempotency_key_key",
        "message_keys",
        ["sender", "idempotency_key"],
        unique=True,
        schema="bus",
    )
    op.create_table(
        "parked_keys",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("ordering_key", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("msg_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "parked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("agent", "ordering_key", name=op.f("parked_keys_pkey")),
        schema="bus",
        comment="Ordering keys that wait for a retry; other keys of the shard flow on.",
    )
    op.create_table(
        "refused",
        sa.Column("refused_id", sa.Uuid(), nullable=False),
        sa.Column("sender_session", sa.Text(), nullable=False),
        sa.Column("wire", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=True),
        sa.Column(
            "refused_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("refused_id", name=op.f("refused_pkey")),
        schema="bus",
        comment="Messages refused at publish, as received.",
    )
    op.create_index(
        op.f("refused_refused_at_idx"), "refused", ["refused_at"], unique=False, schema="bus"
    )
    op.create_table(
        "shard_leases",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("agent", "shard", name=op.f("shard_leases_pkey")),
        schema="bus",
        comment="Which worker owns which shard; the epoch fences off its former owners.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "workers",
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("process_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("draining", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "progress_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("workers_pkey")),
        schema="bus",
        comment="One agent of one process at work, as long as its lease is renewed.",
        postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.01"},
    )
    op.create_index(op.f("workers_agent_idx"), "workers", ["agent"], unique=False, schema="bus")
    op.create_table(
        "agent_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "octet_length(public_key) = 32", name=op.f("agent_keys_public_key_check")
        ),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("agent_keys_valid_until_check")),
        sa.ForeignKeyConstraint(
            ["agent"], ["bus.agents.agent"], name=op.f("agent_keys_agent_fkey")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("agent_keys_pkey")),
        schema="bus",
        comment="Ed25519 public keys; old ones stay to verify old messages.",
    )
    op.create_index(
        op.f("agent_keys_agent_idx"), "agent_keys", ["agent"], unique=False, schema="bus"
    )
    op.create_table(
        "publications",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent"], ["bus.agents.agent"], name=op.f("publications_agent_fkey")
        ),
        sa.PrimaryKeyConstraint("agent", "type", name=op.f("publications_pkey")),
        schema="bus",
        comment="Who may publish what.",
    )
    op.create_table(
        "subscriptions",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent"], ["bus.agents.agent"], name=op.f("subscriptions_agent_fkey")
        ),
        sa.PrimaryKeyConstraint("agent", "type", name=op.f("subscriptions_pkey")),
        schema="bus",
        comment="Who hears what.",
    )
    op.create_index(
        op.f("subscriptions_type_idx"), "subscriptions", ["type"], unique=False, schema="bus"
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")
