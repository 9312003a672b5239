"""Learn what venues cost from choices whose outcome is known, and judge it on later ones.

What is proposed is what was judged: the model learns from the earlier half of the log, and the
later half, which it did not see, says off policy what its choices would have earned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from backend.domain.market.bars import FloatArray
from backend.domain.venue_selection.bandit import Posterior, features_of, learn
from backend.domain.venue_selection.choice import choose_venue
from backend.domain.venue_selection.evaluation import (
    Evaluation,
    Logged,
    Verdict,
    evaluate,
    judge_change,
    predict_rewards,
)
from backend.domain.venue_selection.model import (
    Explored,
    VenueChoice,
    VenueOrder,
    VenuePolicy,
    VenueState,
)

CASES_MIN = 200


@dataclass(frozen=True, slots=True)
class Case:
    """A choice and what came of it.

    chances: of every venue that could be chosen. reward_bps: what the order cost, negative; None
    where the venue did not fill it, which counts as the most that a cost may count.
    """

    states: tuple[VenueState, ...]
    order: VenueOrder
    policy: VenuePolicy
    explored: Explored
    venue_id: str
    chances: dict[str, Decimal]
    reward_bps: float | None

    @property
    def reward(self) -> float:
        """Return the reward as it is learned from: bounded, in basis points."""
        most = float(self.policy.reward_bps_max)
        return -most if self.reward_bps is None else float(np.clip(self.reward_bps, -most, most))


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A model, the choices it comes from, and what later choices say of it.

    evaluation: None where no later choice could have gone elsewhere.
    """

    posterior: Posterior
    cases: int
    judged: int
    evaluation: Evaluation | None
    verdict: Verdict

    def evidence(self, active: str | None) -> dict[str, Any]:
        """Return what voters read. active: the model in force as it was judged."""
        told: dict[str, Any] = {
            "active": active,
            "cases": self.cases,
            "judged": self.judged,
            "verdict": self.verdict.value,
            "enough": self.verdict is Verdict.BETTER,
        }
        if self.evaluation is not None:
            told["off_policy_bps"] = asdict(self.evaluation)
            gain = self.evaluation.gain
            figures = {"mean": gain.value, "low": gain.low, "high": gain.high}
            told["measures"] = [
                {"name": "gain_bps", "n": self.judged}
                | {name: f"{figure:.6f}" for name, figure in figures.items()}
            ]
        return told


def learn_venues(cases: Sequence[Case], seed: int = 0) -> Learned:
    """Learn from the earlier half of the cases and judge by the later one; in order of time.

    Raises ValueError if there are too few.
    """
    if len(cases) < CASES_MIN:
        raise ValueError(f"{len(cases)} choices of {CASES_MIN} have a known outcome")
    half = len(cases) // 2
    names = sorted({state.venue_id for case in cases for state in case.states})
    earlier = cases[:half]
    rows = np.array([features_of(_chosen(case), case.order, names) for case in earlier])
    rewards = np.array([case.reward for case in earlier])
    posterior = learn(
        Posterior.initial(names), rows, rewards, float(cases[-1].policy.reward_bps_max)
    )
    # Where one venue had every chance there was no choice, and there is nothing to say about it.
    open_ones = [case for case in cases[half:] if min(case.chances.values()) < 1]
    if not open_ones:
        return Learned(posterior, half, 0, None, Verdict.NO_DECISION)
    evaluation = _judge(open_ones, names, posterior, seed)
    return Learned(posterior, half, len(open_ones), evaluation, judge_change(evaluation))


def _chosen(case: Case) -> VenueState:
    return next(state for state in case.states if state.venue_id == case.venue_id)


def _judge(
    cases: Sequence[Case], names: Sequence[str], posterior: Posterior, seed: int
) -> Evaluation:
    count, arms = len(cases), len(names)
    chances, target = np.zeros((count, arms)), np.zeros((count, arms))
    features: FloatArray = np.zeros((count, arms, len(posterior.weighted)))
    for at, case in enumerate(cases):
        for venue, chance in case.chances.items():
            chances[at, names.index(venue)] = float(chance)
        for state in case.states:
            if state.venue_id in case.chances:
                row = features_of(state, case.order, names)
                features[at, names.index(state.venue_id)] = row
        found = choose_venue(
            case.states, case.order, posterior, case.policy, case.explored, seed + at
        )
        if isinstance(found, VenueChoice):
            for venue, chance in found.probabilities:
                target[at, names.index(venue)] = float(chance)
    actions = np.array([names.index(case.venue_id) for case in cases])
    log = Logged(
        actions,
        np.array([case.reward for case in cases]),
        chances[np.arange(count), actions],
        chances,
    )
    return evaluate(log, target, predict_rewards(features, log), seed=seed)
