"""Decision trees as plain numbers: whoever reads them needs no library, on any machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.domain.market.bars import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Trees as arrays, one after the other; leaves have no feature (-1).

    What a leaf says is kept by whoever keeps the trees, in an array as long as these.
    """

    roots: tuple[int, ...]
    feature: np.ndarray
    cut: FloatArray
    left: np.ndarray
    right: np.ndarray

    def leaves_of(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Yield for each tree the leaf that each row ends at."""
        index = np.arange(len(rows))
        for root in self.roots:
            node = np.full(len(rows), root)
            while True:
                feature = self.feature[node]
                inner = feature >= 0
                if not inner.any():
                    break
                goes_left = rows[index, np.maximum(feature, 0)] <= self.cut[node]
                below = np.where(goes_left, self.left[node], self.right[node])
                node = np.where(inner, below, node)
            yield node

    def as_numbers(self) -> dict[str, Any]:
        """Return the trees as JSON can hold them."""
        return {
            "roots": list(self.roots),
            "feature": self.feature.tolist(),
            # Databases know no negative zero, and the name must survive being kept.
            "cut": (self.cut + 0.0).tolist(),
            "left": self.left.tolist(),
            "right": self.right.tolist(),
        }

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, Any]) -> Trees:
        """Read trees back. Raises KeyError or ValueError on anything else."""
        return cls(
            tuple(int(root) for root in numbers["roots"]),
            np.array(numbers["feature"], dtype=np.int64),
            np.array(numbers["cut"], dtype=np.float64),
            np.array(numbers["left"], dtype=np.int64),
            np.array(numbers["right"], dtype=np.int64),
        )


def join_trees(grown: Iterable[tuple[np.ndarray, FloatArray, np.ndarray, np.ndarray]]) -> Trees:
    """Put trees behind one another: each is given as feature, cut, left and right of its own."""
    roots: list[int] = []
    columns: dict[str, list[Any]] = {name: [] for name in ("feature", "cut", "left", "right")}
    for feature, cut, left, right in grown:
        base = len(columns["feature"])
        roots.append(base)
        columns["feature"] += feature.tolist()
        columns["cut"] += cut.tolist()
        columns["left"] += (left + base).tolist()
        columns["right"] += (right + base).tolist()
    return Trees.from_numbers({"roots": roots, **columns})
