"""Merkle trees of RFC 6962, section 2.1: leaves and nodes hash in domains of their own."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

LEAF = b"\x00"
NODE = b"\x01"


def leaf_hash(content: bytes) -> bytes:
    """Hash a leaf's content."""
    return sha256(LEAF + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children."""
    return sha256(NODE + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes; the root of nothing is the hash of nothing.

    Pairing level by level, with an odd last node going up as it is, gives the tree that the
    RFC defines by splitting at the largest power of two.
    """
    if not leaves:
        return sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the siblings from a leaf up to the root. Raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    level = list(leaves)
    path: list[bytes] = []
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level = _above(level)
        index //= 2
    return path


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a leaf and its siblings give; None if the path has another shape."""
    if not 0 <= index < size:
        return None
    node = leaf
    last = size - 1
    waiting = list(path)
    while last > 0:
        if index % 2 == 1 or index < last:
            if not waiting:
                return None
            sibling = waiting.pop(0)
            node = node_hash(sibling, node) if index % 2 == 1 else node_hash(node, sibling)
        index //= 2
        last //= 2
    return None if waiting else node


def _above(level: Sequence[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    above = [sha256(NODE + left + right).digest() for left, right in pairs]
    if len(level) % 2 == 1:
        above.append(level[-1])
    return above
