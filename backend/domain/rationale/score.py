"""The additive score: base plus one contribution per known feature, exact in decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backend.domain.numbers import MICRO, ONE, ZERO
from backend.domain.rationale.features import RationaleFeatures
from backend.domain.rationale.sentence import sentence_for
from backend.domain.rationale.weights import Axis, Weights
from backend.values import Side

_NOTHING_KNOWN = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature added to (or took from) the score. `value` is as seen by the side."""

    feature: str
    axis: str
    value: Decimal
    weight: Decimal
    """value x weight: the amount added to the score."""


@dataclass(frozen=True, slots=True)
class Axes:
    """The three axes, each 0 to 1; 1/2 where nothing is known."""

    smc_confluence: Decimal
    regime_fit: Decimal
    flow_alignment: Decimal
    flow_known: bool


@dataclass(frozen=True, slots=True)
class Rationale:
    """A score that explains itself: base + sum of contributions == score, exactly."""

    score: Decimal
    base: Decimal
    confidence: Decimal
    """Share of the weights whose feature was known, 0 to 1."""
    axes: Axes
    contributions: tuple[Contribution, ...]
    """All of them, largest first."""
    conflicts: tuple[str, ...]
    """Features that speak against the signal, strongest first."""
    unknown: tuple[str, ...]
    sentence: str
    weights_version: str

    @property
    def top(self) -> tuple[Contribution, ...]:
        """The three contributions that moved the score most, either way."""
        return self.contributions[:3]


def score(features: RationaleFeatures, side: Side, weights: Weights) -> Rationale:
    """Score a signal. Raises ValueError if a feature lies outside -1 to 1."""
    contributions: list[Contribution] = []
    unknown: list[str] = []
    known_reach = ZERO
    for name, weight in weights.by_feature.items():
        raw: Decimal | None = getattr(features, name)
        if raw is None:
            unknown.append(name)
            continue
        if not raw.is_finite() or abs(raw) > 1:
            raise ValueError(f"feature {name} lies outside -1 to 1")
        known_reach += abs(weight.weight)
        value = raw * side.sign if weight.directional else raw
        amount = (value * weight.weight).quantize(MICRO)
        contributions.append(Contribution(name, weight.axis.value, value, amount))
    contributions.sort(key=lambda c: (-abs(c.weight), c.feature))
    against = tuple(c.feature for c in contributions if c.weight < 0)
    total = weights.base + sum((c.weight for c in contributions), ZERO)
    axes = _axes(contributions, weights)
    confidence = (known_reach / (ONE - weights.base)).quantize(MICRO)
    return Rationale(
        score=total,
        base=weights.base,
        confidence=confidence,
        axes=axes,
        contributions=tuple(contributions),
        conflicts=against,
        unknown=tuple(unknown),
        sentence=sentence_for(
            side,
            total,
            confidence,
            [(c.feature, c.value, c.weight) for c in contributions],
            tuple(unknown),
            axes.flow_known,
        ),
        weights_version=weights.version,
    )


def _axes(contributions: list[Contribution], weights: Weights) -> Axes:
    def of(axis: Axis) -> Decimal:
        reach = weights.reach_of(axis)
        if reach == 0:
            return _NOTHING_KNOWN
        moved = sum((c.weight for c in contributions if c.axis == axis.value), ZERO)
        # Rounded amounts may pass the reach by a millionth; an axis stays within 0 and 1.
        share = _NOTHING_KNOWN + moved / (2 * reach)
        return max(ZERO, min(ONE, share)).quantize(MICRO)

    return Axes(
        smc_confluence=of(Axis.SMC_CONFLUENCE),
        regime_fit=of(Axis.REGIME_FIT),
        flow_alignment=of(Axis.FLOW_ALIGNMENT),
        flow_known=any(
            c.axis == Axis.FLOW_ALIGNMENT.value and c.feature != "spread_quality"
            for c in contributions
        ),
    )
