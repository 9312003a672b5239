"""Versioned weights of the score, in log-odds. Changing a number means a new version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from functools import lru_cache
from types import MappingProxyType

from backend.domain.numbers import MICRO, ONE, ZERO
from backend.domain.rationale.axes import FEATURES, Axis

# Enough digits for a score of six places, and a fixed number: the same on every machine.
_EXACT = Context(prec=18)
_LOG_ODDS_MAX = Decimal(20)


@dataclass(frozen=True)
class Weights:
    """What each feature adds to the log-odds of a good outcome at its full value of 1.

    intercept: log-odds with nothing known. Raises ValueError on a feature that nobody reads,
    or a number that is not finite or beyond reason.
    """

    version: str
    intercept: Decimal
    log_odds: Mapping[str, Decimal]
    started: Decimal = field(init=False)
    """The probability with nothing known, to 18 digits."""
    base: Decimal = field(init=False)
    """The score with nothing known."""
    reach: Mapping[Axis, Decimal] = field(init=False)
    """How far each axis can move the log-odds either way."""
    reach_total: Decimal = field(init=False)

    def __post_init__(self) -> None:
        unread = sorted(set(self.log_odds) - set(FEATURES))
        if unread:
            raise ValueError(f"nobody reads {', '.join(unread)}")
        for number in (self.intercept, *self.log_odds.values()):
            if not number.is_finite() or abs(number) > _LOG_ODDS_MAX:
                raise ValueError("a weight is not finite or beyond reason")
        reach = {
            axis: sum(
                (abs(w) for name, w in self.log_odds.items() if FEATURES[name].axis is axis), ZERO
            )
            for axis in Axis
        }
        # A frozen dataclass sets what follows from its fields in this way only.
        object.__setattr__(self, "started", logistic(self.intercept))
        object.__setattr__(self, "base", self.started.quantize(MICRO))
        object.__setattr__(self, "reach", MappingProxyType(reach))
        object.__setattr__(self, "reach_total", sum(reach.values(), ZERO))

    def dump(self) -> str:
        """Write the weights as one line, as decisions record them."""
        terms = ",".join(f"{name}:{weight:f}" for name, weight in self.log_odds.items())
        return f"{self.version};{self.intercept:f};{terms}"


def logistic(log_odds: Decimal) -> Decimal:
    """Return the probability of log-odds, to 18 digits."""
    return _EXACT.divide(ONE, _EXACT.add(ONE, _EXACT.exp(-log_odds)))


@lru_cache(maxsize=64)
def load_weights(line: str) -> Weights:
    """Read what `Weights.dump` wrote. Raises ValueError if it is no such line."""
    version, intercept, terms = line.split(";")
    pairs = (term.split(":") for term in terms.split(",")) if terms else ()
    try:
        log_odds = {name: Decimal(weight) for name, weight in pairs}
        return Weights(version, Decimal(intercept), MappingProxyType(log_odds))
    except ArithmeticError as error:
        raise ValueError(f"weights {version} hold something that is no number") from error


PRIOR = load_weights(
    "rationale-3;0;structure_bias:0.16,structure_break:0.20,structure_shift:0.12,"
    # Buying low in the range is what premium and discount are about: against position.
    "liquidity_sweep:0.16,gap_balance:0.10,block_balance:0.12,range_position:-0.08,"
    "trade_entry:0.06,displacement:0.06,structure_momentum:0.06,volatility_fit:0.24,"
    "volatility_trend:0.08,session_fit:0.16,spread_quality:0.16,volume_delta:0.16,"
    "depth_imbalance:0.08,conviction:0.16,high_conviction:0.08"
)
"""What is believed before any outcome: no feature moves even odds by more than six hundredths."""
