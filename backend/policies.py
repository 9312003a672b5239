"""Policy packs: the numbers that say what may be done, reviewed by the risk owner.

A pack is TOML with decimals as strings. Unknown keys fail, limits have no defaults, and the
pack's hash is SHA-256 over its canonical JSON: every decision names the hash it used.
"""

# Sections are models made from the domain's policies at import: no checker sees their types.
# pyright: reportInvalidTypeForm=false

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_type_hints

import orjson
from psycopg import Connection
from psycopg.types.json import Jsonb
from pydantic import Field, ValidationError, create_model, model_validator

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
from backend.errors import DeskError
from backend.values import (
    Exact,
    Fraction,
    Mode,
    NonNegative,
    Positive,
    Slug,
    Symbol,
    TimeInForce,
)

PACKS = Path(__file__).resolve().parent.parent / "policies"

EVERY_ONE = "*"
"""The scope id that stands for each one of a scope."""

SCOPES = ("platform", "organization", "account", "strategy", "instrument", "venue")
_BOOK = ("platform", "organization", "account", "strategy")


@dataclass(frozen=True, slots=True)
class LimitKind:
    """One kind of limit: its unit, where it may be set, and whether its absence denies."""

    unit: str
    scopes: tuple[str, ...]
    mandatory: bool = True


_MONEY, _LOTS, _PERCENT, _COUNT = "account_currency", "lots", "percent", "count"

LIMIT_KINDS: dict[str, LimitKind] = {
    "order_notional": LimitKind(_MONEY, SCOPES),
    "order_quantity": LimitKind(_LOTS, SCOPES),
    "position_quantity": LimitKind(_LOTS, SCOPES),
    "position_notional": LimitKind(_MONEY, SCOPES),
    "gross_exposure": LimitKind(_MONEY, (*_BOOK, "venue")),
    "net_exposure": LimitKind(_MONEY, (*_BOOK, "venue")),
    "leverage": LimitKind("ratio", (*_BOOK, "instrument")),
    "margin_used_pct": LimitKind(_PERCENT, _BOOK),
    "risk_per_trade_pct": LimitKind(_PERCENT, SCOPES),
    "daily_loss_soft_pct": LimitKind(_PERCENT, _BOOK),
    "daily_loss_hard_pct": LimitKind(_PERCENT, _BOOK),
    "drawdown_pct": LimitKind(_PERCENT, _BOOK),
    "open_orders": LimitKind(_COUNT, (*_BOOK, "venue")),
    "order_rate_per_minute": LimitKind(_COUNT, SCOPES),
    "price_collar_bps": LimitKind("bps", SCOPES),
    "spread_bps": LimitKind("bps", SCOPES),
    "quote_age_ms": LimitKind("ms", SCOPES),
    "stop_loss_required": LimitKind("flag", SCOPES),
    "reward_to_risk_min": LimitKind("ratio", SCOPES),
    "open_positions": LimitKind(_COUNT, _BOOK, mandatory=False),
    "var_pct": LimitKind(_PERCENT, _BOOK, mandatory=False),
    "account_state_age_ms": LimitKind("ms", _BOOK, mandatory=False),
    "concentration_pct": LimitKind(_PERCENT, (*_BOOK, "instrument"), mandatory=False),
    "basket_exposure_pct": LimitKind(_PERCENT, (*_BOOK, "instrument"), mandatory=False),
    "free_balance_min": LimitKind(_MONEY, _BOOK, mandatory=False),
    "counterparty_equity": LimitKind(_MONEY, ("platform", "venue"), mandatory=False),
    "scenario_var_pct": LimitKind(_PERCENT, _BOOK, mandatory=False),
    "expected_shortfall_pct": LimitKind(_PERCENT, _BOOK, mandatory=False),
    "adverse_selection_bps": LimitKind("bps", SCOPES, mandatory=False),
    "rejection_rate_pct": LimitKind(_PERCENT, SCOPES, mandatory=False),
    "news_distance_s_min": LimitKind("s", SCOPES, mandatory=False),
}
"""The same table stands in `risk.limit_kinds`; a test holds them equal."""


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


_TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Window(Contract):
    """When a scope may open positions: UTC, on days of the week, Monday is 1."""

    scope: Literal["platform", "organization", "account", "strategy", "instrument", "venue"]
    scope_id: Annotated[str, Field(min_length=1)]
    days: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1)]
    opens: _TimeOfDay
    closes: _TimeOfDay

    @model_validator(mode="after")
    def _closes_later(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("a window closes on the day on which it opens")
        return self


_Values = dict[str, Annotated[Exact, Field(ge=0)]]
_ById = dict[str, _Values]


class Limits(Contract):
    """Limits by scope and scope id; `*` is each one. All that apply hold: the tightest wins."""

    platform: _Values
    organization: _ById = Field(default_factory=dict)
    account: _ById = Field(default_factory=dict)
    strategy: _ById = Field(default_factory=dict)
    instrument: _ById = Field(default_factory=dict)
    venue: _ById = Field(default_factory=dict)

    @model_validator(mode="after")
    def _kinds_are_known(self) -> Self:
        for scope, _, kind, value in self.entries():
            known = LIMIT_KINDS.get(kind)
            if known is None:
                raise ValueError(f"unknown kind of limit: {kind}")
            if scope not in known.scopes:
                raise ValueError(f"{kind} cannot be set at {scope}")
            if known.unit == "flag" and value not in (0, 1):
                raise ValueError(f"{kind} is 0 or 1")
        return self

    def entries(self) -> list[tuple[str, str, str, Decimal]]:
        """Return every limit as (scope, scope id, kind, value)."""
        by_scope: dict[str, dict[str, dict[str, Decimal]]] = {
            scope: {EVERY_ONE: self.platform} if scope == "platform" else getattr(self, scope)
            for scope in SCOPES
        }
        return [
            (scope, scope_id, kind, value)
            for scope, ids in by_scope.items()
            for scope_id, values in ids.items()
            for kind, value in values.items()
        ]


class PolicyPack(Contract):
    """One reviewed set of numbers. Missing sections and unknown keys are refused."""

    name: Slug
    version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}\.\d+$")]
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)]
    """Modes that may trade under it; a pack without `live` is refused beside a live account."""
    authority: Authority
    limits: Limits
    windows: tuple[Window, ...] = ()
    """Of each scope that has windows for an order, one must be open; none leaves it open."""
    intake: NormalizeSection
    scoring: Scoring
    conviction: ConvictionSection
    hypothesis: HypothesisSection
    health: HealthSection
    routing: Routing
    venues: Venues | None = None
    """Without it every strategy trades at its own account only."""
    sizing: SizingSection
    slicing: Slicing
    execution: Execution
    hedging: Hedging
    compliance: ComplianceSection
    treasury: TreasurySection
    supervision: SupervisionSection
    optimization: OptimizationSection

    @cached_property
    def canonical(self) -> str:
        """Return the canonical JSON: sorted keys, no white space, decimals as plain strings."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()

    @cached_property
    def policy_hash(self) -> str:
        """Return the SHA-256 of the canonical JSON, in hex."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    def rows(self) -> list[dict[str, str]]:
        """Return every limit as a row of `risk.limits`, without the hash."""
        return [
            {
                "scope": scope,
                "scope_id": scope_id,
                "kind": kind,
                "value": format(value, "f"),
                "unit": LIMIT_KINDS[kind].unit,
            }
            for scope, scope_id, kind, value in self.limits.entries()
        ]


def load_pack(path: Path) -> PolicyPack:
    """Read and validate a pack. Raises DeskError policy.missing, .malformed or .invalid."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(p.name for p in PACKS.glob("*.toml")))
        raise DeskError(
            "policy.missing", f"no policy pack at {path}", f"packs of this desk: {known}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeskError("policy.malformed", f"{path}: {error}", "correct the TOML") from error
    return parse_pack(table, str(path))


def apply_pack(conn: Connection[Any], pack: PolicyPack, *, applied_by: str) -> bool:
    """Install the pack as the owner; False if it was active. applied_by: a note beside the login.

    Raises psycopg.Error with TR338 (malformed), TR339 (not beside a live account) or TR512
    (looser, beside a live account, without a passed proposal).
    """
    return _send(conn, "risk.install_policy", pack, applied_by)["changed"]


@dataclass(frozen=True, slots=True)
class PackAnswer:
    """What came of asking for a pack: in force, or waiting for the vote of a proposal."""

    changed: bool
    proposal_id: str | None
    differences: list[dict[str, Any]]
    """`path`, `before`, `after` and `effect` (tightens, loosens, none) of each."""


def request_pack(conn: Connection[Any], pack: PolicyPack, *, applied_by: str) -> PackAnswer:
    """Ask for the pack as an operator: tighter ones are in force at once, others wait for votes.

    Raises psycopg.Error with TR338 (malformed) or TR339 (not beside a live account).
    """
    answer = _send(conn, "risk.apply_policy", pack, applied_by)
    return PackAnswer(answer["changed"], answer.get("proposal_id"), answer.get("differences") or [])


def _send(
    conn: Connection[Any], procedure: str, pack: PolicyPack, applied_by: str
) -> dict[str, Any]:
    item = {"i": 0, "canonical": pack.canonical, "limits": pack.rows(), "applied_by": applied_by}
    row = conn.execute(f"select {procedure}(%s)".encode(), (Jsonb([item]),)).fetchone()
    assert row is not None
    return row[0][0]


def parse_pack(table: dict[str, Any], source: str) -> PolicyPack:
    """Validate a pack's table. Raises DeskError policy.invalid, naming each faulty key."""
    try:
        return PolicyPack.model_validate(table)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise DeskError(
            "policy.invalid",
            f"{source}: {'; '.join(faults)}",
            "decimals are strings, every section is needed, unknown keys are refused",
        ) from None
