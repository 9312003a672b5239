"""Score a signal on three axes with contributions that add up exactly to the score."""

from backend.domain.rationale.axes import FEATURE_NAMES, FEATURES, Axis
from backend.domain.rationale.features import (
    MOMENTARY,
    Conviction,
    FlowFacts,
    RationaleFeatures,
    feature_vector,
    read_features,
    read_moment,
)
from backend.domain.rationale.precedents import Precedent
from backend.domain.rationale.score import Axes, Contribution, Rationale, score
from backend.domain.rationale.weights import PRIOR, Weights, load_weights

__all__ = [
    "FEATURES",
    "FEATURE_NAMES",
    "MOMENTARY",
    "PRIOR",
    "Axes",
    "Axis",
    "Contribution",
    "Conviction",
    "FlowFacts",
    "Precedent",
    "Rationale",
    "RationaleFeatures",
    "Weights",
    "feature_vector",
    "load_weights",
    "read_features",
    "read_moment",
    "score",
]
