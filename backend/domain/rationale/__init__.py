"""Score a signal on three axes with contributions that add up exactly to the score."""

from backend.domain.rationale.features import (
    FEATURE_NAMES,
    FlowFacts,
    RationaleFeatures,
    feature_vector,
    read_features,
)
from backend.domain.rationale.score import Axes, Contribution, Rationale, score
from backend.domain.rationale.weights import WEIGHTS_V1, Weights

__all__ = [
    "FEATURE_NAMES",
    "WEIGHTS_V1",
    "Axes",
    "Contribution",
    "FlowFacts",
    "Rationale",
    "RationaleFeatures",
    "Weights",
    "feature_vector",
    "read_features",
    "score",
]
