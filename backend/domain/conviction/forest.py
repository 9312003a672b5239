"""An isolation forest: fitted by scikit-learn, kept as plain numbers, scored without it.

Source: Liu, Ting & Zhou 2008, Isolation Forest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from backend.domain.market.bars import FloatArray
from backend.domain.trees import Trees, join_trees

_TREES = 64
_SAMPLES = 128
_SEED = 20261121


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Random trees, and how deep each of their leaves lies.

    path: depth of a leaf plus what a tree of its samples would go on. normal: the mean path of
    a random tree of as many samples. threshold: scores above it are out of the pattern.
    """

    features: tuple[str, ...]
    trees: Trees
    path: FloatArray
    normal: float
    threshold: float
    rows: int

    @property
    def version(self) -> str:
        """Return a name that changes with any number of the forest."""
        return f"forest-{hashlib.sha256(orjson.dumps(self.as_numbers())).hexdigest()[:12]}"

    def as_numbers(self) -> dict[str, Any]:
        """Return the forest as JSON can hold it."""
        return {
            "features": list(self.features),
            **self.trees.as_numbers(),
            "path": self.path.tolist(),
            "normal": self.normal,
            "threshold": self.threshold,
            "rows": self.rows,
        }

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, Any]) -> Forest:
        """Read a forest back. Raises KeyError or ValueError on anything else."""
        return cls(
            tuple(numbers["features"]),
            Trees.from_numbers(numbers),
            np.array(numbers["path"], dtype=np.float64),
            float(numbers["normal"]),
            float(numbers["threshold"]),
            int(numbers["rows"]),
        )


def score_forest(forest: Forest, rows: FloatArray) -> FloatArray:
    """Return the anomaly score of each row, 0 to 1; about 0.5 is ordinary."""
    # The library compares in single precision: so do we, or rows at a cut would go astray.
    table = np.asarray(rows, dtype=np.float32).reshape(-1, len(forest.features))
    total = np.zeros(len(table))
    for leaf in forest.trees.leaves_of(table):
        total += forest.path[leaf]
    return np.power(2.0, -total / (len(forest.trees.roots) * forest.normal))


def fit_forest(
    rows: FloatArray, features: Sequence[str], outlier_share: float, seed: int = _SEED
) -> Forest:
    """Fit a forest that flags a share of the rows. Raises ModuleNotFoundError without sklearn."""
    # Half a second to load, and only whoever fits needs it.
    from sklearn.ensemble import IsolationForest  # pyright: ignore[reportMissingTypeStubs]

    # The library names no types.
    untyped: Any = IsolationForest
    fitted: Any = untyped(
        n_estimators=_TREES, max_samples=min(_SAMPLES, len(rows)), random_state=seed
    ).fit(np.asarray(rows, dtype=np.float32))
    grown = [estimator.tree_ for estimator in fitted.estimators_]
    forest = Forest(
        tuple(features),
        join_trees((t.feature.clip(-1), t.threshold, *_children(t)) for t in grown),
        np.concatenate([_depths(*_children(t)) + _mean_paths(t.n_node_samples) for t in grown]),
        float(_mean_paths(np.array([fitted.max_samples_]))[0]),
        1.0,
        len(rows),
    )
    numbers = forest.as_numbers()
    numbers["threshold"] = float(np.quantile(score_forest(forest, rows), 1 - outlier_share))
    return Forest.from_numbers(numbers)


def _children(tree: Any) -> tuple[np.ndarray, np.ndarray]:
    return tree.children_left, tree.children_right


def _depths(left: np.ndarray, right: np.ndarray) -> FloatArray:
    depth = np.zeros(len(left))
    for node, children in enumerate(zip(left, right, strict=True)):
        for child in children:
            if child >= 0:
                depth[child] = depth[node] + 1
    return depth


def _mean_paths(samples: np.ndarray) -> FloatArray:
    """Return the mean depth of an unsuccessful search in a random tree of so many samples."""
    count = np.asarray(samples, dtype=np.float64)
    many = np.maximum(count, 3)
    path = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(count > 2, path, np.where(count == 2, 1.0, 0.0))
