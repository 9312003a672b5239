"""The additive score: base plus one contribution per known feature, exact in decimals.

Features add up in log-odds, which is where evidence adds; the score is their probability. Each
feature's share of the way from base to score is its integrated gradient along the straight
line (Aumann and Shapley 1974; Sundararajan, Taly and Yan 2017, arXiv:1703.01365). For one
logistic sum that is its log-odds times the mean slope: the shares keep sign and proportion of
the log-odds, and add up to the score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from backend.domain.numbers import MICRO, ONE, ZERO
from backend.domain.rationale.axes import COUNTER_PARTY, FEATURES, Axis
from backend.domain.rationale.features import RationaleFeatures
from backend.domain.rationale.precedents import Precedent, summarize
from backend.domain.rationale.sentence import sentence_for
from backend.domain.rationale.weights import Weights, logistic
from backend.values import Side

_NOTHING_KNOWN = Decimal("0.5")
_SLOPE = Decimal("1e-16")


class Contribution(NamedTuple):
    """What one feature added to (or took from) the score. `value` is as seen by the side."""

    feature: str
    axis: str
    value: Decimal
    weight: Decimal
    """The amount added to the score."""


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
    """What speaks against the signal, strongest first: features, then what is not scored."""
    unknown: tuple[str, ...]
    sentence: str
    weights_version: str

    @property
    def top(self) -> tuple[Contribution, ...]:
        """The three contributions that moved the score most, either way."""
        return self.contributions[:3]


def score(
    features: RationaleFeatures,
    side: Side,
    weights: Weights,
    precedents: Sequence[Precedent] = (),
) -> Rationale:
    """Score a signal. Raises ValueError if a feature lies outside -1 to 1.

    Precedents are evidence beside the score, not part of it: what they teach is in the weights.
    So is a structure on the signal's side that is out of pattern: what it is worth, a person says.
    """
    terms, unknown = _terms(features, side, weights)
    total, contributions = _share(terms, weights)
    known_reach = sum((abs(weights.log_odds[c.feature]) for c in contributions), ZERO)
    confidence = ONE if not weights.reach_total else known_reach / weights.reach_total
    confidence = confidence.quantize(MICRO)
    axes = _axes(terms, weights)
    past = summarize(precedents)
    against = [c.feature for c in contributions if c.weight < 0]
    odd = bool(features.odd_up if side is Side.BUY else features.odd_down)
    if odd:
        against.append("odd_structure")
    if past is not None and past.disagrees:
        against.append("precedents")
    return Rationale(
        score=total,
        base=weights.base,
        confidence=confidence,
        axes=axes,
        contributions=contributions,
        conflicts=tuple(against),
        unknown=unknown,
        sentence=sentence_for(
            side,
            total,
            confidence,
            [(c.feature, c.weight) for c in contributions],
            unknown,
            axes.flow_known,
            past,
            odd=odd,
        ),
        weights_version=weights.version,
    )


_Term = tuple[str, Decimal, Decimal]
"""Feature, value as seen by the side, log-odds."""


def _terms(
    features: RationaleFeatures, side: Side, weights: Weights
) -> tuple[list[_Term], tuple[str, ...]]:
    terms: list[_Term] = []
    unknown: list[str] = []
    for name, weight in weights.log_odds.items():
        value: Decimal | None = getattr(features, name)
        if value is None:
            unknown.append(name)
            continue
        if not value.is_finite() or abs(value) > 1:
            raise ValueError(f"feature {name} lies outside -1 to 1")
        if side is Side.SELL and value and FEATURES[name].directional:
            value = -value
        terms.append((name, value, value * weight))
    return terms, tuple(unknown)


def _share(terms: list[_Term], weights: Weights) -> tuple[Decimal, tuple[Contribution, ...]]:
    """Turn log-odds into a score, and share out its distance from the base to the millionth."""
    moved = sum((log_odds for _, _, log_odds in terms), ZERO)
    reached = logistic(weights.intercept + moved)
    started = weights.started
    slope = (reached - started) / moved if moved else started * (ONE - started)
    slope = slope.quantize(_SLOPE)
    shares = [
        (name, value, (log_odds * slope).quantize(MICRO) + ZERO) for name, value, log_odds in terms
    ]
    shares.sort(key=lambda share: (-abs(share[2]), share[0]))
    total = reached.quantize(MICRO)
    amounts = [amount for _, _, amount in shares]
    missing = total - weights.base - sum(amounts, ZERO)
    # Rounding left some millionths over: the largest take one each, where it shows least.
    step, index = (MICRO if missing > 0 else -MICRO), 0
    while missing:
        amounts[index % len(amounts)] += step
        missing -= step
        index += 1
    return total, tuple(
        Contribution(name, FEATURES[name].axis.value, value, amount)
        for (name, value, _), amount in zip(shares, amounts, strict=True)
    )


def _axes(terms: list[_Term], weights: Weights) -> Axes:
    moved = dict.fromkeys(Axis, ZERO)
    for name, _, log_odds in terms:
        moved[FEATURES[name].axis] += log_odds
    flow_known = any(name in COUNTER_PARTY for name, _, _ in terms)

    def of(axis: Axis) -> Decimal:
        reach = weights.reach[axis]
        if not reach:
            return _NOTHING_KNOWN
        return (_NOTHING_KNOWN + moved[axis] / (2 * reach)).quantize(MICRO)

    return Axes(
        smc_confluence=of(Axis.SMC_CONFLUENCE),
        regime_fit=of(Axis.REGIME_FIT),
        flow_alignment=of(Axis.FLOW_ALIGNMENT),
        flow_known=flow_known,
    )
