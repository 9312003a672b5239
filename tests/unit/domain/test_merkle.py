"""The Merkle tree against RFC 6962's own words: recursion at the largest power of two."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.audit.merkle import inclusion_path, leaf_hash, node_hash, root, root_of_path

LEAVES = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def by_the_book(contents: list[bytes]) -> bytes:
    """Compute MTH of RFC 6962, section 2.1."""
    if not contents:
        return sha256(b"").digest()
    if len(contents) == 1:
        return sha256(b"\x00" + contents[0]).digest()
    split = 1
    while split * 2 < len(contents):
        split *= 2
    left, right = by_the_book(contents[:split]), by_the_book(contents[split:])
    return sha256(b"\x01" + left + right).digest()


def path_by_the_book(index: int, contents: list[bytes]) -> list[bytes]:
    """Compute PATH of RFC 6962, section 2.1.1."""
    if len(contents) == 1:
        return []
    split = 1
    while split * 2 < len(contents):
        split *= 2
    left, right = contents[:split], contents[split:]
    if index < split:
        return [*path_by_the_book(index, left), by_the_book(right)]
    return [*path_by_the_book(index - split, right), by_the_book(left)]


def hashed(contents: list[bytes]) -> list[bytes]:
    return [leaf_hash(content) for content in contents]


@given(LEAVES)
def test_the_root_is_that_of_the_rfc(contents: list[bytes]) -> None:
    assert root(hashed(contents)) == by_the_book(contents)


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert root([]) == by_the_book([])


@given(LEAVES, st.data())
def test_every_path_is_that_of_the_rfc_and_leads_to_the_root(
    contents: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(contents) - 1))
    leaves = hashed(contents)

    path = inclusion_path(leaves, index)

    assert path == path_by_the_book(index, contents)
    assert root_of_path(leaves[index], index, len(leaves), path) == root(leaves)


@given(LEAVES, st.data())
def test_no_other_leaf_place_or_path_leads_to_the_root(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves = hashed([bytes([n]) + content for n, content in enumerate(contents)])
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = inclusion_path(leaves, index)
    whole = root(leaves)

    assert root_of_path(leaf_hash(b"another one"), index, len(leaves), path) != whole
    assert root_of_path(leaves[index], index, len(leaves), [*path, whole]) is None
    if path:
        assert root_of_path(leaves[index], index, len(leaves), path[:-1]) != whole
        assert root_of_path(leaves[index], index ^ 1, len(leaves), path) != whole


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_node_cannot_pass_for_a_leaf(left: bytes, right: bytes) -> None:
    assert node_hash(left, right) != leaf_hash(left + right)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_place_outside_the_tree_has_no_path(index: int, size: int) -> None:
    leaves = hashed([b"x"] * size)

    with pytest.raises(IndexError):
        inclusion_path(leaves, index)
    assert root_of_path(leaf_hash(b"x"), index, size, []) is None
