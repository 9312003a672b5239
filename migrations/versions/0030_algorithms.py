"""Orders are worked over time by a schedule that is stated first and compared with afterwards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_NOW = sa.text("clock_timestamp()")
_JSON = postgresql.JSONB(astext_type=sa.Text())
_ALGORITHM = "algorithm in ('immediate', 'twap', 'vwap', 'pov', 'iceberg', 'passive', 'adaptive')"


def upgrade() -> None:
    """Apply the revision."""
    op.drop_constraint(op.f("orders_algorithm_check"), "orders", type_="check")
    op.create_check_constraint(op.f("orders_algorithm_check"), "orders", _ALGORITHM)
    _parents()
    op.create_table(
        "slices",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("intent_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column(
            "due_quantity",
            sa.Numeric(),
            nullable=False,
            comment="What the schedule said was due in all.",
        ),
        sa.Column("bid", sa.Numeric(), nullable=False),
        sa.Column("ask", sa.Numeric(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("decided_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("slices_order_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["intent_id"], ["execution.parents.intent_id"], name=op.f("slices_intent_id_fkey")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("slices_pkey")),
        schema="execution",
        comment="Why each child of a worked order was sent, and the market that it met.",
    )
    op.create_index(op.f("slices_intent_id_idx"), "slices", ["intent_id"], schema="execution")
    op.create_table(
        "volume_curves",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("bucket_s", sa.Integer(), nullable=False),
        sa.Column("volumes", _JSON, nullable=False, comment="One mean per bucket, as texts."),
        sa.Column(
            "days",
            sa.Integer(),
            nullable=False,
            comment="How many of the session it was learned from.",
        ),
        sa.Column("learned_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.CheckConstraint("bucket_s > 0", name=op.f("volume_curves_bucket_s_check")),
        sa.CheckConstraint("days > 0", name=op.f("volume_curves_days_check")),
        sa.PrimaryKeyConstraint("symbol", "session", name=op.f("volume_curves_pkey")),
        schema="execution",
        comment="Mean volume by time since a session began, learned from bars.",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")


def _parents() -> None:
    def lots(name: str, comment: str | None = None, *, known: bool = True) -> sa.Column[object]:
        return sa.Column(name, sa.Numeric(), nullable=not known, comment=comment)

    op.create_table(
        "parents",
        sa.Column("intent_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("latency_class", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False, comment="Why this algorithm."),
        lots("quantity", "Lots."),
        lots("decision_price", "At which the trade was decided."),
        lots("arrival_bid", "As the order arrived at its algorithm."),
        lots("arrival_ask"),
        sa.Column("starts_at", _INSTANT, nullable=False),
        sa.Column("ends_at", _INSTANT, nullable=False, comment="After this nothing of it works."),
        sa.Column(
            "schedule", _JSON, nullable=False, comment="From when on which lots are due in all."
        ),
        sa.Column(
            "terms", _JSON, nullable=False, comment="The pack's numbers when it was planned."
        ),
        sa.Column(
            "seed", sa.Text(), nullable=False, comment="From which its random shifts follow."
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("look_at", _INSTANT, nullable=True, comment="When it is to be looked at next."),
        sa.Column(
            "slice_id",
            sa.Uuid(),
            nullable=True,
            comment="The last time that it was to be looked at.",
        ),
        sa.Column("finished_at", _INSTANT, nullable=True),
        sa.Column("finished_why", sa.Text(), nullable=True),
        lots("filled_quantity", known=False),
        lots("average_price", known=False),
        lots("delay_bps", "Of the decision price on all of it; above 0 worse.", known=False),
        lots("impact_bps", known=False),
        lots("spread_bps", known=False),
        lots("opportunity_bps", known=False),
        lots("total_bps", "The implementation shortfall.", known=False),
        lots("behind_share", "How far fills were from the schedule, 0 to 1.", known=False),
        sa.CheckConstraint(_ALGORITHM, name=op.f("parents_algorithm_check")),
        sa.CheckConstraint(
            "latency_class in ('immediate', 'defer', 'park')",
            name=op.f("parents_latency_class_check"),
        ),
        sa.CheckConstraint("state in ('working', 'done')", name=op.f("parents_state_check")),
        sa.CheckConstraint("quantity > 0", name=op.f("parents_quantity_check")),
        sa.CheckConstraint("decision_price > 0", name=op.f("parents_decision_price_check")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("parents_ends_at_check")),
        sa.CheckConstraint(
            "(state = 'done') = (finished_at is not null)", name=op.f("parents_finished_at_check")
        ),
        sa.CheckConstraint(
            "(state = 'done') = (look_at is null)", name=op.f("parents_look_at_check")
        ),
        sa.CheckConstraint(
            "delay_bps + impact_bps + spread_bps + opportunity_bps = total_bps",
            name=op.f("parents_total_bps_check"),
        ),
        sa.ForeignKeyConstraint(
            ["intent_id"], ["intents.intent_id"], name=op.f("parents_intent_id_fkey")
        ),
        sa.PrimaryKeyConstraint("intent_id", name=op.f("parents_pkey")),
        sa.UniqueConstraint("slice_id", name=op.f("parents_slice_id_key")),
        schema="execution",
        comment="Orders worked over time: the schedule stated in advance, and what it cost.",
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        op.f("parents_org_id_starts_at_idx"),
        "parents",
        ["org_id", "starts_at"],
        schema="execution",
    )
    op.create_index(
        "parents_working_idx",
        "parents",
        ["look_at"],
        schema="execution",
        postgresql_where=sa.text("state = 'working'"),
    )
