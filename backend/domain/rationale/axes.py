"""The three questions that a score answers, and which feature speaks to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Axis(StrEnum):
    """The three questions that a score answers."""

    SMC_CONFLUENCE = "smc_confluence"
    REGIME_FIT = "regime_fit"
    FLOW_ALIGNMENT = "flow_alignment"


@dataclass(frozen=True, slots=True)
class Feature:
    """What a feature speaks to, and whether its sign follows the side of the signal."""

    axis: Axis
    directional: bool = True
    momentary: bool = False
    """Of the signal's own moment: no part of what makes two signals alike."""
    compared: bool = True
    """Has a place in the stored vector. What readers thought of the bars has none: the bars
    themselves are in it already."""


FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        "structure_bias": Feature(Axis.SMC_CONFLUENCE),
        "structure_break": Feature(Axis.SMC_CONFLUENCE),
        "liquidity_sweep": Feature(Axis.SMC_CONFLUENCE),
        "gap_balance": Feature(Axis.SMC_CONFLUENCE),
        "range_position": Feature(Axis.SMC_CONFLUENCE),
        "structure_momentum": Feature(Axis.SMC_CONFLUENCE),
        "volatility_fit": Feature(Axis.REGIME_FIT, directional=False),
        "volatility_trend": Feature(Axis.REGIME_FIT, directional=False),
        "session_fit": Feature(Axis.REGIME_FIT, directional=False),
        "spread_quality": Feature(Axis.FLOW_ALIGNMENT, directional=False, momentary=True),
        "volume_delta": Feature(Axis.FLOW_ALIGNMENT, momentary=True),
        "depth_imbalance": Feature(Axis.FLOW_ALIGNMENT, momentary=True),
        "structure_shift": Feature(Axis.SMC_CONFLUENCE),
        "block_balance": Feature(Axis.SMC_CONFLUENCE),
        "trade_entry": Feature(Axis.SMC_CONFLUENCE),
        "displacement": Feature(Axis.SMC_CONFLUENCE),
        "conviction": Feature(Axis.SMC_CONFLUENCE, momentary=True, compared=False),
        "high_conviction": Feature(Axis.SMC_CONFLUENCE, momentary=True, compared=False),
    }
)
"""The scored features; those that are compared come first, in the order of a stored vector."""

FEATURE_NAMES = tuple(FEATURES)
VECTOR_NAMES = tuple(name for name, feature in FEATURES.items() if feature.compared)
COUNTER_PARTY = frozenset({"volume_delta", "depth_imbalance"})
"""What tells of the other side itself; a spread alone does not."""
