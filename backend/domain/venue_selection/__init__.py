"""Which venue an order goes to: limits first, then a bandit whose chances are on record."""

from backend.domain.venue_selection.bandit import Posterior, features_of, learn
from backend.domain.venue_selection.choice import choose_venue, eligible
from backend.domain.venue_selection.evaluation import (
    Evaluation,
    Logged,
    Verdict,
    evaluate,
    judge_change,
    predict_rewards,
)
from backend.domain.venue_selection.learning import CASES_MIN, Case, Learned, learn_venues
from backend.domain.venue_selection.model import (
    Explored,
    NoVenue,
    Refusal,
    VenueChoice,
    VenueOrder,
    VenuePolicy,
    VenueState,
)

__all__ = [
    "CASES_MIN",
    "Case",
    "Evaluation",
    "Explored",
    "Learned",
    "Logged",
    "NoVenue",
    "Posterior",
    "Refusal",
    "VenueChoice",
    "VenueOrder",
    "VenuePolicy",
    "VenueState",
    "Verdict",
    "choose_venue",
    "eligible",
    "evaluate",
    "features_of",
    "judge_change",
    "learn",
    "learn_venues",
    "predict_rewards",
]
