"""Pre-trade limits: one result per limit, trims where allowed, denial where anything is missing.

This explains and pre-checks; the database's own procedure decides. Every limit is linear in
the quantity, which keeps trimming exact: projected = observed + per_lot x quantity.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from backend.domain.numbers import MICRO, ONE, ZERO, floor_to_step
from backend.values import RiskLevel


class RiskCode(StrEnum):
    """Why an intent was denied."""

    LIMIT_MISSING = "LIMIT_MISSING"
    OBSERVATION_MISSING = "OBSERVATION_MISSING"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    STOP_LOSS_MISSING = "STOP_LOSS_MISSING"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    """What is left after trimming is less than the venue takes."""
    QUANTITY_NOT_POSITIVE = "QUANTITY_NOT_POSITIVE"


class CheckOutcome(StrEnum):
    """What one limit says."""

    PASS = "pass"
    TRIM = "trim"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """One limit that applies, with what is observed now. None means unknown.

    signed: the observation has a sign (net position); the limit bounds its size.
    gate: an on/off condition (quote age, spread), which is no budget and fills no level.
    """

    name: str
    """`account.order_notional`, `instrument.position_quantity`, …"""
    scope: str
    key: str
    limit: Decimal | None
    observed: Decimal | None
    per_lot: Decimal = ZERO
    trims: bool = False
    signed: bool = False
    gate: bool = False
    spares_reduce_only: bool = False


@dataclass(frozen=True, slots=True)
class RiskRequest:
    """The intent under judgement; quantities are lots."""

    quantity: Decimal
    volume_min: Decimal
    volume_step: Decimal
    stop_loss: Decimal | None
    stop_loss_required: bool
    reduce_only: bool


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one limit said. `utilization` is projected over limit, 1 = full; None if unknown."""

    name: str
    scope: str
    key: str
    limit: Decimal | None
    observed: Decimal | None
    projected: Decimal | None
    utilization: Decimal | None
    outcome: CheckOutcome
    code: RiskCode | None
    gate: bool


@dataclass(frozen=True, slots=True)
class RiskDecision:
    """Approved (perhaps trimmed) when `code` is None, else denied with quantity zero."""

    quantity: Decimal
    code: RiskCode | None
    checks: tuple[CheckResult, ...]
    trimmed_by: tuple[str, ...]
    breach_flags: tuple[str, ...]
    highest_utilization: Decimal
    level: RiskLevel

    @property
    def approved(self) -> bool:
        """Say whether anything was authorised."""
        return self.code is None


@dataclass(frozen=True, slots=True)
class RiskLevels:
    """From which utilisation each level starts."""

    medium: Decimal
    high: Decimal
    critical: Decimal


def check_intent(
    request: RiskRequest,
    limits: Sequence[LimitFacts],
    required: Collection[str],
    levels: RiskLevels,
) -> RiskDecision:
    """Judge an intent against every limit. `required` names limits that must be there."""
    present = {limit.name for limit in limits}
    missing = [_absent(name) for name in sorted(set(required) - present)]
    if not required and not limits:
        missing = [_absent("any limit")]
    if request.quantity <= 0:
        return _denied(RiskCode.QUANTITY_NOT_POSITIVE, missing, levels)
    trimmed_by = tuple(
        limit.name
        for limit in limits
        if limit.trims and _room(limit, request.quantity) < request.quantity
    )
    quantity = min([request.quantity, *(_room(x, request.quantity) for x in limits if x.trims)])
    quantity = floor_to_step(max(ZERO, quantity), request.volume_step)
    # An intent that no longer fits is judged as asked, so that the record shows what broke.
    fits = quantity >= request.volume_min and quantity > 0
    judged = quantity if fits else request.quantity
    checks = [*missing, *(_check(limit, judged, request, trimmed_by) for limit in limits)]
    denial = next((check.code for check in checks if check.outcome is CheckOutcome.DENY), None)
    if denial is None and request.stop_loss_required and not request.reduce_only:
        denial = RiskCode.STOP_LOSS_MISSING if request.stop_loss is None else None
    if denial is None and not fits:
        denial = RiskCode.BELOW_MINIMUM
    if denial is not None:
        return _denied(denial, checks, levels, trimmed_by)
    highest = highest_utilization(checks)
    return RiskDecision(
        quantity, None, tuple(checks), trimmed_by, (), highest, level_of(highest, levels)
    )


def highest_utilization(checks: Sequence[CheckResult]) -> Decimal:
    """Return the fullest budget; gates do not count."""
    known = (c.utilization for c in checks if c.utilization is not None and not c.gate)
    return max(known, default=ZERO)


def level_of(utilization: Decimal, levels: RiskLevels) -> RiskLevel:
    """Name how close the book is to its limits."""
    if utilization >= levels.critical:
        return RiskLevel.CRITICAL
    if utilization >= levels.high:
        return RiskLevel.HIGH
    return RiskLevel.MEDIUM if utilization >= levels.medium else RiskLevel.LOW


def _room(limit: LimitFacts, asked: Decimal) -> Decimal:
    """Return how many lots fit under one limit; everything asked if it is not in the way."""
    if limit.limit is None or limit.observed is None or limit.per_lot == 0:
        return asked
    if limit.per_lot < 0 and not limit.signed:
        return asked
    if limit.per_lot > 0:
        return max(ZERO, (limit.limit - limit.observed) / limit.per_lot)
    return max(ZERO, (limit.limit + limit.observed) / -limit.per_lot)


def _check(
    limit: LimitFacts, quantity: Decimal, request: RiskRequest, trimmed_by: tuple[str, ...]
) -> CheckResult:
    if limit.limit is None:
        return _result(limit, None, CheckOutcome.DENY, RiskCode.LIMIT_MISSING)
    if limit.observed is None:
        return _result(limit, None, CheckOutcome.DENY, RiskCode.OBSERVATION_MISSING)
    raw = limit.observed + limit.per_lot * quantity
    projected = abs(raw) if limit.signed else raw
    if projected <= limit.limit:
        trimmed = limit.name in trimmed_by
        return _result(limit, projected, CheckOutcome.TRIM if trimmed else CheckOutcome.PASS, None)
    reduces = limit.per_lot != 0 and projected < abs(limit.observed)
    if reduces or (request.reduce_only and limit.spares_reduce_only):
        return _result(limit, projected, CheckOutcome.PASS, None)
    return _result(limit, projected, CheckOutcome.DENY, RiskCode.LIMIT_EXCEEDED)


def _result(
    limit: LimitFacts, projected: Decimal | None, outcome: CheckOutcome, code: RiskCode | None
) -> CheckResult:
    utilization: Decimal | None = None
    if projected is not None and limit.limit is not None:
        if limit.limit > 0:
            utilization = max(ZERO, (projected / limit.limit).quantize(MICRO))
        else:
            utilization = ZERO if projected <= 0 else ONE
    return CheckResult(
        limit.name,
        limit.scope,
        limit.key,
        limit.limit,
        limit.observed,
        projected,
        utilization,
        outcome,
        code,
        limit.gate,
    )


def _absent(name: str) -> CheckResult:
    return CheckResult(
        name,
        name.partition(".")[0],
        "",
        None,
        None,
        None,
        None,
        CheckOutcome.DENY,
        RiskCode.LIMIT_MISSING,
        gate=False,
    )


def _denied(
    code: RiskCode,
    checks: Sequence[CheckResult],
    levels: RiskLevels,
    trimmed_by: tuple[str, ...] = (),
) -> RiskDecision:
    highest = highest_utilization(checks)
    flags = tuple(check.name for check in checks if check.outcome is CheckOutcome.DENY)
    return RiskDecision(
        ZERO, code, tuple(checks), trimmed_by, flags, highest, level_of(highest, levels)
    )
