"""Propose changes of parameters from decision deltas; never apply one.

A proposal carries its evidence: how many trades, what they averaged, and a confidence
interval that must exclude zero. Without enough evidence nothing is proposed, and that too
is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean, stdev

from backend.domain.feedback import DecisionDelta
from backend.domain.numbers import ZERO, decimal_from_float


@dataclass(frozen=True, slots=True)
class OptimizationPolicy:
    """Numbers of the pack."""

    trades_min: int
    z: Decimal
    """Half-width of the interval in standard errors."""
    step_max: Decimal
    """Largest relative change of a parameter in one proposal."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Mean of a quantity with its interval."""

    name: str
    n: int
    mean: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class ParameterProposal:
    """A change that people and quorums decide on."""

    parameter: str
    current: Decimal
    proposed: Decimal
    reason: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class NoProposal:
    """Nothing is proposed, and why; the evidence is kept."""

    reason: str
    evidence: tuple[Evidence, ...]


def propose(
    deltas: Sequence[DecisionDelta],
    edge_min: Decimal,
    slippage_expected_bps: Decimal,
    policy: OptimizationPolicy,
) -> tuple[ParameterProposal | NoProposal, ...]:
    """Look at closed orders for a router threshold and a slippage expectation that are off."""
    return (
        _edge_proposal(deltas, edge_min, policy),
        _slippage_proposal(deltas, slippage_expected_bps, policy),
    )


def interval(name: str, values: Sequence[Decimal], z: Decimal) -> Evidence:
    """Return mean and normal interval. Raises ValueError on fewer than two values."""
    if len(values) < 2:
        raise ValueError("an interval needs two values")
    numbers = [float(value) for value in values]
    mean = fmean(numbers)
    half = float(z) * stdev(numbers) / math.sqrt(len(numbers))
    exact = (decimal_from_float(x) for x in (mean, mean - half, mean + half))
    return Evidence(name, len(numbers), *exact)


def _edge_proposal(
    deltas: Sequence[DecisionDelta], edge_min: Decimal, policy: OptimizationPolicy
) -> ParameterProposal | NoProposal:
    values = [delta.delta_r for delta in deltas if delta.delta_r is not None]
    if len(values) < max(2, policy.trades_min):
        return NoProposal(f"{len(values)} closed trades of {policy.trades_min}", ())
    evidence = interval("delta_r", values, policy.z)
    if evidence.low <= 0 <= evidence.high:
        return NoProposal("realised and predicted profit agree within the interval", (evidence,))
    # Where trades fall short of their prediction by d, the threshold has to rise by d.
    wanted = edge_min - evidence.mean
    proposed = _bounded_step(edge_min, wanted, policy.step_max)
    way = "falls short of" if evidence.mean < 0 else "exceeds"
    reason = f"realised profit {way} the prediction by {abs(evidence.mean)} R on average"
    return ParameterProposal("routing.edge_min", edge_min, proposed, reason, (evidence,))


def _slippage_proposal(
    deltas: Sequence[DecisionDelta], expected: Decimal, policy: OptimizationPolicy
) -> ParameterProposal | NoProposal:
    values = [delta.slippage_delta_bps for delta in deltas if delta.slippage_delta_bps is not None]
    if len(values) < max(2, policy.trades_min):
        return NoProposal(f"{len(values)} fills of {policy.trades_min}", ())
    evidence = interval("slippage_delta_bps", values, policy.z)
    if evidence.low <= 0 <= evidence.high:
        return NoProposal("slippage is as expected within the interval", (evidence,))
    proposed = _bounded_step(expected, expected + evidence.mean, policy.step_max)
    reason = f"slippage differs from its expectation by {evidence.mean} bps on average"
    return ParameterProposal(
        "execution.slippage_expected_bps", expected, max(ZERO, proposed), reason, (evidence,)
    )


def _bounded_step(current: Decimal, wanted: Decimal, step_max: Decimal) -> Decimal:
    """Move towards the wanted value by at most step_max of the current one."""
    reach = max(abs(current), Decimal("0.01")) * step_max
    return max(current - reach, min(current + reach, wanted))
