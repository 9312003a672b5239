"""An isolation forest: fitted by scikit-learn, kept as plain numbers, scored without it.

A forest that is kept as numbers can be read by anyone, is the same on every machine, and costs
its readers no library. Source: Liu, Ting & Zhou 2008, Isolation Forest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from backend.domain.market.bars import FloatArray

_TREES = 64
_SAMPLES = 128
_SEED = 20261121


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees as arrays, one after the other; leaves have no feature (-1) and carry their path.

    path: depth of a leaf plus what a tree of its samples would go on. normal: the mean path of
    a random tree of as many samples. threshold: scores above it are out of the pattern.
    """

    features: tuple[str, ...]
    roots: tuple[int, ...]
    feature: np.ndarray
    cut: FloatArray
    left: np.ndarray
    right: np.ndarray
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
            "roots": list(self.roots),
            "feature": self.feature.tolist(),
            "cut": self.cut.tolist(),
            "left": self.left.tolist(),
            "right": self.right.tolist(),
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
            tuple(int(root) for root in numbers["roots"]),
            np.array(numbers["feature"], dtype=np.int64),
            np.array(numbers["cut"], dtype=np.float64),
            np.array(numbers["left"], dtype=np.int64),
            np.array(numbers["right"], dtype=np.int64),
            np.array(numbers["path"], dtype=np.float64),
            float(numbers["normal"]),
            float(numbers["threshold"]),
            int(numbers["rows"]),
        )


def score_forest(forest: Forest, rows: FloatArray) -> FloatArray:
    """Return the anomaly score of each row, 0 to 1; about 0.5 is ordinary."""
    # The library compares in single precision: so do we, or rows at a cut would go astray.
    table = np.asarray(rows, dtype=np.float32).reshape(-1, len(forest.features))
    index = np.arange(len(table))
    total = np.zeros(len(table))
    for root in forest.roots:
        node = np.full(len(table), root)
        while True:
            feature = forest.feature[node]
            inner = feature >= 0
            if not inner.any():
                break
            goes_left = table[index, np.maximum(feature, 0)] <= forest.cut[node]
            node = np.where(inner, np.where(goes_left, forest.left[node], forest.right[node]), node)
        total += forest.path[node]
    return np.power(2.0, -total / (len(forest.roots) * forest.normal))


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
    columns: dict[str, list[Any]] = {name: [] for name in ("feature", "cut", "left", "right")}
    paths: list[float] = []
    roots: list[int] = []
    for estimator in fitted.estimators_:
        tree, base = estimator.tree_, len(paths)
        roots.append(base)
        columns["feature"] += tree.feature.clip(-1).tolist()
        columns["cut"] += tree.threshold.tolist()
        columns["left"] += (tree.children_left + base).tolist()
        columns["right"] += (tree.children_right + base).tolist()
        depth = np.zeros(tree.node_count)
        for node in range(tree.node_count):
            for child in (tree.children_left[node], tree.children_right[node]):
                if child >= 0:
                    depth[child] = depth[node] + 1
        paths += (depth + _mean_paths(tree.n_node_samples)).tolist()
    forest = Forest(
        tuple(features),
        tuple(roots),
        np.array(columns["feature"], dtype=np.int64),
        np.array(columns["cut"], dtype=np.float64),
        np.array(columns["left"], dtype=np.int64),
        np.array(columns["right"], dtype=np.int64),
        np.array(paths),
        float(_mean_paths(np.array([fitted.max_samples_]))[0]),
        1.0,
        len(rows),
    )
    numbers = forest.as_numbers()
    numbers["threshold"] = float(np.quantile(score_forest(forest, rows), 1 - outlier_share))
    return Forest.from_numbers(numbers)


def _mean_paths(samples: np.ndarray) -> FloatArray:
    """Return the mean depth of an unsuccessful search in a random tree of so many samples."""
    count = np.asarray(samples, dtype=np.float64)
    many = np.maximum(count, 3)
    path = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(count > 2, path, np.where(count == 2, 1.0, 0.0))
