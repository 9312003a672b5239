"""What another policy would have earned, from a log of this one's choices and their chances.

Inverse propensities (IPS), the self-normalised form (SNIPS), a model of rewards alone (DM) and
the doubly robust estimate (DR), each with a bootstrap interval. Source: Dudík, Langford & Li
2011; Swaminathan & Joachims 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from backend.domain.market.bars import FloatArray

IntArray = NDArray[np.int64]
_CHUNK = 64


class Verdict(StrEnum):
    """What the log says about a change."""

    BETTER = "better"
    WORSE = "worse"
    NO_DECISION = "no_decision"


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """Choices made: which, what came of it, and with what chance each could have been.

    actions, rewards, propensities: shape (n,). probabilities: shape (n, arms) where known; an
    arm of chance 0 tells nothing about itself.
    """

    actions: IntArray
    rewards: FloatArray
    propensities: FloatArray
    probabilities: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean reward with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a target policy would have earned, against what was earned.

    effective_rows: how many rows of the target's own the weighted log is worth. unsupported: the
    share of the target's choices that the log could not have made. gain: DR, or SNIPS without a
    model, less what was earned, paired. dm and dr are None without a model.
    """

    logged: Estimate
    ips: Estimate
    snips: Estimate
    dm: Estimate | None
    dr: Estimate | None
    gain: Estimate
    effective_rows: float
    unsupported: float


def evaluate(
    log: Logged,
    target: FloatArray,
    predicted: FloatArray | None = None,
    level: float = 0.95,
    resamples: int = 1_000,
    seed: int = 0,
) -> Evaluation:
    """Evaluate a target policy off policy.

    target: chances that it would give to each arm, shape (n, arms). predicted: rewards that a
    model expects of each arm, cross-fitted. Raises ValueError if a propensity is not positive or
    shapes differ.
    """
    rows = np.arange(len(log.actions))
    if target.shape[0] != len(rows) or not len(rows):
        raise ValueError("target and log differ in length, or there is no log")
    if not (log.propensities > 0).all():
        raise ValueError("a choice that was made had a chance")
    weights = target[rows, log.actions] / log.propensities
    weighted = weights * log.rewards
    columns = [log.rewards, weighted, weights]
    if predicted is not None:
        direct = (target * predicted).sum(axis=1)
        columns += [direct, direct + weights * (log.rewards - predicted[rows, log.actions])]
    means = _resampled(np.column_stack(columns), resamples, seed)
    found = {
        "logged": means[:, 0],
        "ips": means[:, 1],
        "snips": means[:, 1] / np.maximum(means[:, 2], 1e-12),
    }
    if predicted is not None:
        found |= {"dm": means[:, 3], "dr": means[:, 4]}
    found["gain"] = found["dr" if predicted is not None else "snips"] - found["logged"]
    tail = 50 * (1 - level)
    estimates = {
        name: Estimate(
            float(values[0]),
            *(float(end) for end in np.percentile(values[1:], [tail, 100 - tail])),
        )
        for name, values in found.items()
    }
    squares = float((weights**2).sum())
    return Evaluation(
        logged=estimates["logged"],
        ips=estimates["ips"],
        snips=estimates["snips"],
        dm=estimates.get("dm"),
        dr=estimates.get("dr"),
        gain=estimates["gain"],
        effective_rows=float(weights.sum()) ** 2 / squares if squares > 0 else 0.0,
        unsupported=0.0
        if log.probabilities is None
        else float((target * (log.probabilities <= 0)).sum(axis=1).mean()),
    )


def judge_change(
    evaluation: Evaluation, effective_rows_min: float = 100, unsupported_max: float = 0.1
) -> Verdict:
    """Say whether a change may go live: better only where interval, sample and support agree.

    What the log could not have tried is unknown, and unknown is no reason to change.
    """
    thin = evaluation.effective_rows < effective_rows_min
    if thin or evaluation.unsupported > unsupported_max:
        return Verdict.NO_DECISION
    if evaluation.gain.low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if evaluation.gain.high < 0 else Verdict.NO_DECISION


def predict_rewards(
    features: FloatArray, log: Logged, folds: int = 5, ridge: float = 1.0
) -> FloatArray:
    """Return what a ridge regression expects of every arm in every row, shape (n, arms).

    features: of each arm in each row, shape (n, arms, size). No row is predicted by itself:
    folds are blocks of neighbours, because rewards near in time are alike.
    """
    count, _, size = features.shape
    chosen = features[np.arange(count), log.actions]
    predicted = np.zeros(features.shape[:2])
    edges = [count * fold // folds for fold in range(folds + 1)]
    for first, end in pairwise(edges):
        block = slice(first, end)
        others = np.ones(count, dtype=bool)
        others[block] = False
        x, y = chosen[others], log.rewards[others]
        theta = np.linalg.solve(x.T @ x + ridge * np.eye(size), x.T @ y)
        predicted[block] = features[block] @ theta
    return predicted


def _resampled(columns: FloatArray, resamples: int, seed: int) -> FloatArray:
    """Return the columns' means: as they are in the first row, then with rows drawn anew."""
    count = len(columns)
    dice = np.random.default_rng(seed)
    found = [columns.mean(axis=0, keepdims=True)]
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        picks = dice.multinomial(count, np.full(count, 1 / count), size)
        found.append(picks @ columns / count)
    return np.concatenate(found)
