"""A pack's sections: each the policy of one part of the desk, unknown keys refused."""

# Sections are models made from the domain's policies at import: no checker sees their types.
# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from dataclasses import MISSING, fields
from decimal import Decimal
from typing import Annotated, Any, Self, get_type_hints

from pydantic import Field, create_model, model_validator

from backend.contracts.base import Contract
from backend.domain.algorithms.choose import SlicingPolicy, fault_of
from backend.domain.compliance import CompliancePolicy
from backend.domain.conviction.verdict import ConvictionPolicy
from backend.domain.health import HealthPolicy
from backend.domain.hedging import HedgePolicy, incomplete
from backend.domain.hypothesis import HypothesisPolicy
from backend.domain.normalize import NormalizePolicy
from backend.domain.optimization import OptimizationPolicy
from backend.domain.routing import RoutingPolicy
from backend.domain.sizing import SizingPolicy
from backend.domain.supervision import SupervisionPolicy
from backend.domain.treasury import TreasuryPolicy
from backend.domain.venue_selection.model import VenuePolicy, bounds_fault
from backend.values import (
    Exact,
    Fraction,
    NonNegative,
    Positive,
    Slug,
    Symbol,
    TimeInForce,
)


def _section(policy: type[Any]) -> Any:
    """Make the pack's section of a domain policy: the same fields, unknown keys refused."""
    hints = get_type_hints(policy)
    types = {f.name: Exact if hints[f.name] is Decimal else hints[f.name] for f in fields(policy)}
    # Only what a policy may do without has a default: None or nothing, never a number.
    definitions: dict[str, Any] = {
        f.name: (types[f.name], ... if f.default is MISSING else f.default) for f in fields(policy)
    }
    return create_model(policy.__name__, __base__=Contract, **definitions)


NormalizeSection: Any = _section(NormalizePolicy)
HypothesisSection: Any = _section(HypothesisPolicy)
ConvictionSection: Any = _section(ConvictionPolicy)
HealthSection: Any = _section(HealthPolicy)
RoutingSection: Any = _section(RoutingPolicy)
SizingSection: Any = _section(SizingPolicy)
SlicingSection: Any = _section(SlicingPolicy)
HedgeSection: Any = _section(HedgePolicy)
ComplianceSection: Any = _section(CompliancePolicy)
TreasurySection: Any = _section(TreasuryPolicy)
SupervisionSection: Any = _section(SupervisionPolicy)
OptimizationSection: Any = _section(OptimizationPolicy)
VenueSection: Any = _section(VenuePolicy)


class Levels(Contract):
    """From which utilisation a risk level starts."""

    medium: Fraction
    high: Fraction
    critical: Fraction

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.medium <= self.high <= self.critical:
            raise ValueError("levels must ascend")
        return self


class Scaling(Contract):
    """From which multiple of the usual on sizes shrink, in proportion, and how far at most."""

    volatility_from: Annotated[Exact, Field(ge=1)]
    spread_from: Annotated[Exact, Field(ge=1)]
    floor: Annotated[Fraction, Field(gt=0)]


class Authority(Contract):
    """What risk and policy guard may do with an intent."""

    trim: bool
    human_approval_notional: NonNegative
    """Account currency; larger intents wait for a person."""
    margin_rate: Annotated[Fraction, Field(gt=0)]
    """Margin as a part of gross exposure."""
    soft_loss_factor: Fraction
    """What remains of an order's quantity past the soft daily loss."""
    halt_on_breach: bool
    intent_ttl_ms: Annotated[int, Field(ge=1_000, le=600_000)]
    approval_ttl_s: Annotated[int, Field(ge=60, le=604_800)]
    levels: Levels
    basket_correlation: Fraction
    """From which correlation on, of either sign, symbols count as one basket."""
    cooldown_s: Annotated[int, Field(ge=0, le=604_800)]
    """How long a strategy or venue past a brake rests; 0 brakes only while the figure stands."""
    scaling: Scaling | None = None
    """How limits of size follow volatility and spread; they stay as they are without it."""


class Scoring(Contract):
    """When a scored signal goes on."""

    threshold: Fraction
    bars_min: Annotated[int, Field(ge=15)]
    bars_age_max: Annotated[int, Field(ge=1)]
    """Age of the newest finished bar, in bars of its timeframe."""


class Promotion(Contract):
    """What a shadow policy must have shown before its promotion is put to the vote."""

    resolved_min: Annotated[int, Field(ge=2)]
    """Differences whose outcome the market has told."""
    z: Annotated[Exact, Field(gt=0)]
    """Half-width of the interval of its gain, in standard errors."""
    horizon_s: Annotated[int, Field(ge=300, le=2_592_000)]
    """How long the market may take to tell: then a difference counts at the price of then."""


SHADOWS_MAX = 4
"""Every shadow policy decides in the chain, beside the active one."""


class Routing(RoutingSection):
    """The active routing policy, and those that decide beside it without effect."""

    shadows: Annotated[tuple[RoutingSection, ...], Field(max_length=SHADOWS_MAX)] = ()
    promotion: Promotion | None = None

    @model_validator(mode="after")
    def _shadows_have_names_of_their_own(self) -> Self:
        names = [self.name, *(shadow.name for shadow in self.shadows)]
        if len(set(names)) < len(names):
            raise ValueError("routing policies need different names")
        if self.shadows and self.promotion is None:
            raise ValueError("shadows need a promotion section")
        return self

    @model_validator(mode="after")
    def _pairs_are_of_two(self) -> Self:
        for policy in (self, *self.shadows):
            for pair in policy.blocked_pairs:
                first, _, second = pair.partition("/")
                if not first or not second or first == second or "/" in second:
                    raise ValueError(f"a blocked pair is two symbols, as XAUUSD/XAGUSD: {pair}")
        return self


class Slicing(SlicingSection):
    """How large orders are worked."""

    @model_validator(mode="after")
    def _numbers_make_sense(self) -> Self:
        wrong = fault_of(self)  # pyright: ignore[reportArgumentType]
        if wrong is not None:
            raise ValueError(wrong)
        return self


class Basket(Contract):
    """Symbols that move together; betas are against the hedge instrument."""

    name: Slug
    hedge_symbol: Symbol
    betas: Annotated[dict[Symbol, Exact], Field(min_length=1)]


class Hedging(HedgeSection):
    """When a basket is covered, and with what."""

    baskets: tuple[Basket, ...]

    @model_validator(mode="after")
    def _numbers_come_together(self) -> Self:
        wrong = incomplete(self)
        if wrong is not None:
            raise ValueError(wrong)
        return self


class Venues(VenueSection):
    """Which strategies may trade at other accounts than their own, and how a venue is chosen."""

    accounts: Annotated[dict[Slug, tuple[Slug, ...]], Field(min_length=1)]
    """By strategy: accounts of its organisation beside its own, each at its venue."""
    exploration_window: Annotated[int, Field(ge=10, le=5_000)]
    """A strategy's latest choices, of which the shares of exploration are counted."""
    depth_assumed: Positive
    """Lots at the touch where no feed tells them."""
    depths: dict[Slug, Positive] = Field(default_factory=dict)
    """The same, of venues by their name."""

    @model_validator(mode="after")
    def _numbers_make_sense(self) -> Self:
        wrong = bounds_fault(self)  # pyright: ignore[reportArgumentType]
        if wrong is not None:
            raise ValueError(wrong)
        for strategy, accounts in self.accounts.items():
            if not accounts or len(set(accounts)) < len(accounts):
                raise ValueError(f"{strategy}: name each further account once")
        return self


class Execution(Contract):
    """How orders are sent."""

    time_in_force: TimeInForce
    deviation_points: Annotated[int, Field(ge=0, le=10_000)]
    venue_latency_ms_max: Annotated[int, Field(ge=1)]
