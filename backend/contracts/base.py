"""What every message is made of: frozen, strict about unknown keys, exact about numbers."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from backend.values import Exact, Fraction, Mode, Slug


class Contract(BaseModel):
    """A frozen value that travels; unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, ser_json_timedelta="iso8601"
    )


class Payload(Contract):
    """The payload of one message family; `TYPE` is its name on the bus."""

    TYPE: ClassVar[str]
    TTL_MS: ClassVar[int] = 60_000
    """How long the message is worth acting on, unless its sender says otherwise."""


class Attribution(Contract):
    """One feature and what it added to a decision."""

    feature: Annotated[str, Field(min_length=1, max_length=80)]
    weight: Exact


class ExposureDelta(Contract):
    """How an intent would move one exposure; `delta` in account currency, signed."""

    scope: Annotated[str, Field(pattern="^(organization|account|strategy|instrument|venue)$")]
    key: Annotated[str, Field(min_length=1, max_length=64)]
    delta: Exact


class VenueShare(Contract):
    """One venue of a routing plan; the weights of a plan sum to one."""

    venue_id: Slug
    weight: Fraction
    min_fill: Fraction
    max_latency_ms: Annotated[int, Field(ge=1)]


class Trading(Contract):
    """Whose money, under which strategy, in which mode: nothing trades without these."""

    strategy_id: Slug
    account_id: Slug
    mode: Mode
