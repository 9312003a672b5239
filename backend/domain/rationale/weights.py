"""Versioned weights of the score. Changing a number means a new version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType


class Axis(StrEnum):
    """The three questions that a score answers."""

    SMC_CONFLUENCE = "smc_confluence"
    REGIME_FIT = "regime_fit"
    FLOW_ALIGNMENT = "flow_alignment"


@dataclass(frozen=True, slots=True)
class Weight:
    """How much one feature can move the score, and whether its sign follows the side."""

    axis: Axis
    weight: Decimal
    directional: bool


@dataclass(frozen=True)
class Weights:
    """A weight per feature. Raises ValueError unless the absolute weights sum to 1/2.

    With a base of 1/2 and features between -1 and 1 the score then stays within 0 and 1
    without clipping, which is what lets contributions add up exactly.
    """

    version: str
    base: Decimal
    by_feature: Mapping[str, Weight]

    def __post_init__(self) -> None:
        reach = sum((abs(weight.weight) for weight in self.by_feature.values()), Decimal(0))
        if reach != Decimal("0.5") or self.base != Decimal("0.5"):
            raise ValueError("weights must reach exactly from 0 to 1")

    def reach_of(self, axis: Axis) -> Decimal:
        """Return how far one axis can move the score either way."""
        of_axis = (w.weight for w in self.by_feature.values() if w.axis is axis)
        return sum((abs(weight) for weight in of_axis), Decimal(0))


def _weight(axis: Axis, weight: str, directional: bool = True) -> Weight:
    return Weight(axis, Decimal(weight), directional)


WEIGHTS_V1 = Weights(
    version="rationale-1",
    base=Decimal("0.5"),
    by_feature=MappingProxyType(
        {
            "structure_bias": _weight(Axis.SMC_CONFLUENCE, "0.06"),
            "structure_break": _weight(Axis.SMC_CONFLUENCE, "0.07"),
            "liquidity_sweep": _weight(Axis.SMC_CONFLUENCE, "0.05"),
            "gap_balance": _weight(Axis.SMC_CONFLUENCE, "0.04"),
            # Buying low in the range is what premium and discount are about: against position.
            "range_position": _weight(Axis.SMC_CONFLUENCE, "-0.03"),
            "structure_momentum": _weight(Axis.SMC_CONFLUENCE, "0.03"),
            "volatility_fit": _weight(Axis.REGIME_FIT, "0.06", directional=False),
            "volatility_trend": _weight(Axis.REGIME_FIT, "0.02", directional=False),
            "session_fit": _weight(Axis.REGIME_FIT, "0.04", directional=False),
            "spread_quality": _weight(Axis.FLOW_ALIGNMENT, "0.04", directional=False),
            "volume_delta": _weight(Axis.FLOW_ALIGNMENT, "0.04"),
            "depth_imbalance": _weight(Axis.FLOW_ALIGNMENT, "0.02"),
        }
    ),
)
