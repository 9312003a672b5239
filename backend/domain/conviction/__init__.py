"""How much a structure is to be believed: readers vote, measures confirm, a forest flags."""

from backend.domain.conviction.candidates import Candidate, candidates_of
from backend.domain.conviction.forest import Forest, fit_forest, score_forest
from backend.domain.conviction.measures import FEATURES, Measures, measure
from backend.domain.conviction.readers import Reader, Vote, VoteKind, own_readers
from backend.domain.conviction.verdict import (
    ConvictionPolicy,
    MarketConviction,
    Verdict,
    judge,
    summarize,
)

__all__ = [
    "FEATURES",
    "Candidate",
    "ConvictionPolicy",
    "Forest",
    "MarketConviction",
    "Measures",
    "Reader",
    "Verdict",
    "Vote",
    "VoteKind",
    "candidates_of",
    "fit_forest",
    "judge",
    "measure",
    "own_readers",
    "score_forest",
    "summarize",
]
