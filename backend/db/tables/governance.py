"""Consensus: proposals, votes, who may cast them, halts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from backend.db.tables.base import (
    Base,
    default,
    json,
    not_negative,
    note,
    now,
    one_of,
    positive,
    row_xid,
    row_xids,
)


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
    state: Mapped[str] = default("'open'", comment="As the last of its events says.")
    proposed_by: Mapped[str]
    opened_at: Mapped[datetime] = now()
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    correlation_id: Mapped[UUID | None]


class ProposalEvent(Base):
    __tablename__ = "proposal_events"
    __table_args__ = (
        one_of("event", "opened", "approved", "refused", "expired", "executed"),
        Index("proposal_events_once_key", "proposal_id", "event", unique=True),
        Index(
            "proposal_events_decided_key",
            "proposal_id",
            unique=True,
            postgresql_where="event in ('approved', 'refused', 'expired')",
        ),
        row_xids("proposal_events"),
        {"comment": "What became of each proposal, each step once; append-only."},
    )

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("proposals.proposal_id"))
    event: Mapped[str]
    recorded_by: Mapped[str] = note("Whose session took the step.")
    detail: Mapped[dict[str, Any]] = json("{}", comment="Rule, votes and checks of a decision.")
    recorded_at: Mapped[datetime] = now()
    row_xid: Mapped[int] = row_xid()


class Vote(Base):
    __tablename__ = "votes"
    __table_args__ = (
        one_of("voter_kind", "persona", "human"),
        one_of("decision", "approve", "refuse"),
        CheckConstraint("btrim(reason) <> ''", name="reason"),
        *positive("revision"),
        Index(
            "votes_proposal_id_voter_revision_key", "proposal_id", "voter", "revision", unique=True
        ),
        row_xids("votes"),
        {"comment": "Reasoned votes; of each voter the last revision counts. Append-only."},
    )

    vote_id: Mapped[UUID] = mapped_column(primary_key=True)
    proposal_id: Mapped[UUID] = mapped_column(ForeignKey("proposals.proposal_id"))
    voter: Mapped[str]
    revision: Mapped[int] = default("1", comment="A change of mind is a new row with the next.")
    voter_kind: Mapped[str]
    decision: Mapped[str]
    reason: Mapped[str]
    sig: Mapped[str | None] = note("A persona's signature; a human's session is the proof.")
    cast_at: Mapped[datetime] = now()
    row_xid: Mapped[int] = row_xid()


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


class QuorumRule(Base):
    __tablename__ = "quorum_rules"
    __table_args__ = (
        *not_negative("humans", "personas"),
        *positive("ttl_s"),
        CheckConstraint("humans + personas > 0", name="quorum"),
        CheckConstraint("personas <= cardinality(electorate)", name="electorate"),
        {
            "schema": "governance",
            "comment": "Who must approve a proposal of each kind; a kind without a row is refused.",
        },
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    humans: Mapped[int] = default("0", comment="How many different people must approve.")
    personas: Mapped[int] = default("2", comment="How many of the electorate must approve.")
    electorate: Mapped[list[str]] = mapped_column(
        ARRAY(Text()),
        server_default=text("'{strategy_analyst,execution_overseer,risk_sentinel}'"),
        comment="The personas with a vote.",
    )
    checks: Mapped[list[str]] = mapped_column(
        ARRAY(Text()),
        server_default=text("'{subject_stands}'"),
        comment="Automated checks that must hold when the votes are complete.",
    )
    ttl_s: Mapped[int] = default("3600", comment="How long it waits unless its opener says.")
    why: Mapped[str]


class HaltCause(Base):
    __tablename__ = "halt_causes"
    __table_args__ = (
        {"schema": "governance", "comment": "For what a halt is recorded unasked, and by whom."},
    )

    cause: Mapped[str] = mapped_column(primary_key=True)
    callers: Mapped[list[str]] = mapped_column(
        ARRAY(Text()), comment="Roles whose members may halt for it."
    )
    cancel_working_orders: Mapped[bool] = default("true")
    why: Mapped[str]


class Halt(Base):
    __tablename__ = "halts"
    __table_args__ = (
        one_of("scope", "platform", "organization", "venue", "account", "strategy", "instrument"),
        CheckConstraint("(lifted_at is null) = (lifted_by is null)", name="lifted_by"),
        Index(
            "halts_standing_key",
            "scope",
            "scope_id",
            unique=True,
            postgresql_where="lifted_at is null",
        ),
        {"schema": "governance", "comment": "Halts, standing while lifted_at is null."},
    )

    halt_id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str]
    scope_id: Mapped[str] = note("`*` for the platform.")
    cause: Mapped[str] = default("'requested'", comment="Else a cause of halt_causes.")
    reason: Mapped[str]
    detail: Mapped[dict[str, Any]] = json("{}", comment="What was observed.")
    cancel_working_orders: Mapped[bool] = default("false")
    requested_by: Mapped[str]
    halted_at: Mapped[datetime] = now()
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None]
    lift_proposal_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("proposals.proposal_id"), comment="Whose quorum lifted it."
    )


class HaltAcknowledgement(Base):
    __tablename__ = "halt_acknowledgements"
    __table_args__ = (
        {
            "schema": "governance",
            "comment": "Which agent's loop came round under which halt, and when.",
        },
    )

    halt_id: Mapped[UUID] = mapped_column(ForeignKey("governance.halts.halt_id"), primary_key=True)
    worker_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent: Mapped[str]
    process_id: Mapped[UUID]
    acknowledged_at: Mapped[datetime] = now()
