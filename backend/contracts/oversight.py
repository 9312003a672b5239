"""Oversight: compliance alerts, reports, halts, the blackboard, the treasury's state."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from backend.contracts.base import Contract, Payload
from backend.values import Exact, Fraction, Instant, NonNegative, Severity, Slug, Symbol


class ComplianceAlert(Payload):
    """A finding; an alert may concern an order, or something that never became one."""

    TYPE: ClassVar[str] = "compliance.event.alert.v1"
    TTL_MS: ClassVar[int] = 600_000

    alert_id: UUID
    order_id: UUID | None
    account_id: Slug | None
    symbol: Symbol | None
    severity: Severity
    rule_id: Annotated[str, Field(min_length=1, max_length=64)]
    description: Annotated[str, Field(max_length=2048)]
    remediation_required: bool
    evidence: dict[str, str]


class SnapshotMetrics(Contract):
    """The figures of one report; money in the account's currency."""

    realized_pnl: Exact
    commission: NonNegative
    fills: Annotated[int, Field(ge=0)]
    open_exposure: dict[str, Exact]
    slippage_bps_mean: Exact | None
    alerts_active: Annotated[int, Field(ge=0)]


class Audience(Contract):
    """Who may read a report, where, and how much of a person it may show."""

    role: str
    channel: str
    pii_scope: Annotated[str, Field(pattern="^(NONE|MASKED|FULL)$")]


class ReportSnapshot(Payload):
    """A report over everything up to an instant."""

    TYPE: ClassVar[str] = "reporter.event.snapshot.v1"
    TTL_MS: ClassVar[int] = 600_000

    snapshot_id: UUID
    generated_at: Instant
    account_id: Slug
    metrics: SnapshotMetrics
    audience: Annotated[tuple[Audience, ...], Field(min_length=1)]


HaltScope = Annotated[str, Field(pattern="^(platform|organization|venue|account|strategy)$")]


class HaltIntent(Payload):
    """Announces a halt that the database already enforces."""

    TYPE: ClassVar[str] = "system.halt.intent.v1"
    TTL_MS: ClassVar[int] = 600_000

    halt_id: UUID
    scope: HaltScope
    scope_id: str
    reason: Annotated[str, Field(min_length=1, max_length=512)]
    requested_by: str
    cancel_working_orders: bool
    effective_at: Instant


class ResumeIntent(Payload):
    """Announces that a halt was lifted by its quorum."""

    TYPE: ClassVar[str] = "system.resume.intent.v1"
    TTL_MS: ClassVar[int] = 600_000

    halt_id: UUID
    scope: HaltScope
    scope_id: str
    reason: Annotated[str, Field(min_length=1, max_length=512)]
    requested_by: str
    effective_at: Instant


class BlackboardNote(Payload):
    """Something one agent wants the others to know; a hint, never an instruction."""

    TYPE: ClassVar[str] = "strategy.blackboard.v1"
    TTL_MS: ClassVar[int] = 600_000

    topic: Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,64}$")]
    key: Annotated[str, Field(min_length=1, max_length=64)]
    note: dict[str, str]
    as_of: Instant


class TreasuryStatus(Payload):
    """The treasury as the desk sees it, in the organisation's base currency."""

    TYPE: ClassVar[str] = "treasury.status.v1"
    TTL_MS: ClassVar[int] = 600_000

    currency: Annotated[str, Field(pattern="^[A-Z]{3,5}$")]
    nav: Exact
    cash_buffer: Exact
    buffer_min: NonNegative
    utilization: Fraction
    throttle: Fraction
    """Share of normal size that the cash buffer allows, 1 = unthrottled."""
    as_of: Instant
