"""Versions of the score's weights, and the outcomes that they are learned from."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from backend.db.gateway import translated
from backend.domain.rationale import FEATURE_NAMES, Weights, load_weights
from backend.domain.rationale.learning import Case
from backend.values import Side

Row = dict[str, Any]


def in_force(conn: Connection[Any]) -> Weights | None:
    """Return the weights that signals are scored by; None where there are none."""
    row = conn.execute(
        "select w.line from intake.scoring_weights w where w.state = 'active'"
    ).fetchone()
    return None if row is None else load_weights(row[0])


def versions(conn: Connection[Any]) -> list[Row]:
    """Return every version, newest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select w.weights_version, w.state, w.line, w.fit, w.created_at, w.created_by,"
            " w.activated_at, w.proposal_id from intake.scoring_weights w"
            " order by w.created_at desc, w.weights_version"
        ).fetchall()


def outcomes(conn: Connection[Any], limit: int) -> list[Case]:
    """Return the latest scored signals whose outcome is known, in the order of time."""
    rows = conn.execute(
        "select r.features, r.side, p.outcome_r from public.precedents p"
        " join public.strategy_rationales r on r.rationale_id = p.rationale_id"
        " order by p.closed_at desc, p.rationale_id limit %s",
        (limit,),
    ).fetchall()
    return [
        Case(
            {name: Decimal(features[name]) for name in FEATURE_NAMES if name in features},
            Side(side),
            outcome > 0,
        )
        for features, side, outcome in reversed(rows)
    ]


def propose(
    conn: Connection[Any], proposal_id: UUID, org_id: str, weights: Weights, fit: Mapping[str, Any]
) -> UUID:
    """Keep weights as candidate and ask the voters. Raises DenialRaised."""
    with translated():
        row = conn.execute(
            "select intake.propose_weights(%s, %s, %s, %s)",
            (proposal_id, org_id, weights.dump(), Jsonb(fit)),
        ).fetchone()
    assert row is not None
    return row[0]
