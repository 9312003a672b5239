"""Consensus: proposals, votes, who may cast them, halts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.tables.base import Base, default, json, note, now, one_of


class Proposal(Base):
    __tablename__ = "proposals"
    __table_args__ = (
        one_of("state", "open", "approved", "refused", "expired", "executed"),
        CheckConstraint("expires_at > opened_at", name="expires_at"),
        CheckConstraint("(state = 'open') = (decided_at is null)", name="decided_at"),
        Index("proposals_open_idx", "org_id", "opened_at", postgresql_where="state = 'open'"),
        Index(None, "correlation_id"),
        {"comment": "What waits for votes: intents, limits, policies, halts to lift, …"},
    )

    proposal_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[str]
    kind: Mapped[str]
    subject: Mapped[str] = note("What it is about: an id or a name, as kind says.")
    payload: Mapped[dict[str, Any]] = json("{}")
    evidence: Mapped[dict[str, Any]] = json("{}")
    state: Mapped[str] = default("'open'")
    proposed_by: Mapped[str]
    opened_at: Mapped[datetime] = now()
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    correlation_id: Mapped[UUID | None]


class Vote(Base):
    __tablename__ = "votes"
    __table_args__ = (
        one_of("voter_kind", "persona", "human"),
        one_of("decision", "approve", "refuse"),
        CheckConstraint("btrim(reason) <> ''", name="reason"),
        Index("votes_proposal_id_voter_key", "proposal_id", "voter", unique=True),
        {"comment": "One reasoned vote per voter and proposal; append-only."},
    )

    vote_id: Mapped[UUID] = mapped_column(primary_key=True)
    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("proposals.proposal_id"))
    voter: Mapped[str]
    voter_kind: Mapped[str]
    decision: Mapped[str]
    reason: Mapped[str]
    sig: Mapped[str | None] = note("A persona's signature; a human's session is the proof.")
    cast_at: Mapped[datetime] = now()


class Voter(Base):
    __tablename__ = "voters"
    __table_args__ = (
        one_of("kind", "persona", "human"),
        one_of("state", "active", "suspended"),
        CheckConstraint("(kind = 'persona') = (persona is not null)", name="persona"),
        {"schema": "governance", "comment": "Who may vote, and which organisation they belong to."},
    )

    voter: Mapped[str] = mapped_column(
        primary_key=True, comment="The login (session_user), or a JWT's subject."
    )
    kind: Mapped[str]
    role_name: Mapped[str]
    persona: Mapped[str | None]
    display_name: Mapped[str]
    org_id: Mapped[str | None] = mapped_column(
        ForeignKey("organizations.org_id"), comment="Whose rows the person reads; null reads none."
    )
    state: Mapped[str] = default("'active'")


class Halt(Base):
    __tablename__ = "halts"
    __table_args__ = (
        one_of("scope", "platform", "organization", "venue", "account", "strategy", "instrument"),
        CheckConstraint("(lifted_at is null) = (lifted_by is null)", name="lifted_by"),
        Index("halts_standing_idx", "scope", "scope_id", postgresql_where="lifted_at is null"),
        {"schema": "governance", "comment": "Halts, standing while lifted_at is null."},
    )

    halt_id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str]
    scope_id: Mapped[str] = note("`*` for the platform.")
    reason: Mapped[str]
    cancel_working_orders: Mapped[bool] = default("false")
    requested_by: Mapped[str]
    halted_at: Mapped[datetime] = now()
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None]
