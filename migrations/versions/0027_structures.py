"""Structures that readers voted on, what holds at the newest bar, the forests that flag."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_NOW = sa.text("clock_timestamp()")
_JSON = postgresql.JSONB(astext_type=sa.Text())
_LIST = sa.text("'[]'::jsonb")
_TIMEFRAME = "timeframe in ('M1', 'M3', 'M5', 'M15', 'M30', 'H1', 'H4', 'D1', 'W1')"


def upgrade() -> None:
    """Apply the revision."""
    _structures()
    _market_conviction()
    op.create_table(
        "structure_models",
        sa.Column("model", sa.Text(), primary_key=True, comment="Changes with any number of it."),
        sa.Column("fitted_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="ops",
        comment="Isolation forests as plain numbers; one is active.",
    )
    op.create_index(
        "structure_models_active_key",
        "structure_models",
        ["active"],
        unique=True,
        schema="ops",
        postgresql_where="active",
    )


def downgrade() -> None:
    """Refuse: a ledger is never taken back, it is restored from a backup."""
    raise NotImplementedError("restore the backup taken before the upgrade")


def _structures() -> None:
    op.create_table(
        "structures",
        sa.Column(
            "structure_id",
            sa.Uuid(),
            primary_key=True,
            comment="Derived from what it is: found again, it is the same.",
        ),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "direction", sa.Integer(), nullable=False, comment="Where price is expected to go."
        ),
        sa.Column(
            "event_at", _INSTANT, nullable=False, comment="When the bar opened at which it lies."
        ),
        sa.Column(
            "known_at",
            _INSTANT,
            nullable=False,
            comment="When the bar opened at whose close it became known.",
        ),
        sa.Column("lower", sa.Numeric(), nullable=False),
        sa.Column("upper", sa.Numeric(), nullable=False),
        sa.Column(
            "votes",
            _JSON,
            server_default=_LIST,
            nullable=False,
            comment="Reader, vote and reason of each.",
        ),
        sa.Column("agree", sa.Integer(), nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.Column(
            "confirmed",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Measures past their thresholds.",
        ),
        sa.Column("measures", _JSON, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column(
            "features",
            _JSON,
            server_default=_LIST,
            nullable=False,
            comment="What the isolation forest looks at.",
        ),
        sa.Column("conviction", sa.Numeric(), nullable=False),
        sa.Column(
            "high",
            sa.Boolean(),
            nullable=False,
            comment="A majority agrees and enough measures confirm.",
        ),
        sa.Column("outlier_score", sa.Numeric()),
        sa.Column("outlier", sa.Boolean(), comment="Null where no model judged."),
        sa.Column("model", sa.Text(), comment="The forest that judged."),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("recorded_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("verdict", sa.Text(), comment="A person's word; kept as a label."),
        sa.Column("judged_by", sa.Text()),
        sa.Column("judged_reason", sa.Text()),
        sa.Column("judged_at", _INSTANT),
        *_checks(
            "structures",
            ("timeframe", _TIMEFRAME),
            (
                "kind",
                "kind in ('bos', 'choch', 'sms', 'sweep', 'fvg', 'order_block', 'breaker',"
                " 'mitigation_block')",
            ),
            ("verdict", "verdict in ('sound', 'odd')"),
            ("conviction", "conviction between 0 and 1"),
            ("direction", "direction in (-1, 1)"),
            ("agree", "agree between 0 and readers"),
            ("upper", "upper >= lower"),
            ("model", "(outlier is null) = (model is null)"),
            (
                "judged",
                "(verdict is null) = (judged_at is null)"
                " and (verdict is null) = (judged_by is null)",
            ),
        ),
        comment="Structures that were voted on; those unlike the others wait for a person.",
    )
    op.create_index(
        "structures_symbol_timeframe_known_at_idx",
        "structures",
        ["symbol", "timeframe", "known_at"],
    )
    op.create_index(
        "structures_odd_idx",
        "structures",
        ["known_at"],
        postgresql_where="outlier and verdict is null",
    )


def _market_conviction() -> None:
    op.create_table(
        "market_conviction",
        sa.Column("symbol", sa.Text(), primary_key=True),
        sa.Column("timeframe", sa.Text(), primary_key=True),
        sa.Column("opened_at", _INSTANT, primary_key=True, comment="The newest bar known."),
        sa.Column(
            "up",
            sa.Numeric(),
            nullable=False,
            comment="Strongest conviction of a rise, faded by age.",
        ),
        sa.Column("down", sa.Numeric(), nullable=False),
        sa.Column(
            "high_up",
            sa.Boolean(),
            nullable=False,
            comment="One of them has a majority and confirmation.",
        ),
        sa.Column("high_down", sa.Boolean(), nullable=False),
        sa.Column(
            "outlier_up",
            sa.Boolean(),
            comment="One of them is out of pattern; null: nobody judged.",
        ),
        sa.Column("outlier_down", sa.Boolean()),
        sa.Column("structures", sa.Integer(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("recorded_at", _INSTANT, server_default=_NOW, nullable=False),
        *_checks(
            "market_conviction",
            ("timeframe", _TIMEFRAME),
            ("up", "up between 0 and 1"),
            ("down", "down between 0 and 1"),
        ),
        comment="How strongly structures up to a bar are believed, for each direction.",
    )


def _checks(table: str, *named: tuple[str, str]) -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(condition, name=op.f(f"{table}_{name}_check"))
        for name, condition in named
    ]
