"""A pack's limits: which kinds there are, where they may stand, and when one may trade."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from backend.contracts.base import Contract
from backend.values import Exact

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
