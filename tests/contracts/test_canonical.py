"""Canonical bytes: equal to RFC 8785 on all that is accepted, and strict about the rest."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from backend.contracts.envelope import NotCanonical, canonical
from tests.kit.messages import BUILDERS, a_payload, an_unsigned

SAFE = 2**53 - 1

chars = st.characters(exclude_categories=["Cs"])
leaves = st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.text(chars, max_size=8)
keys = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=4)
trees = st.dictionaries(
    keys,
    st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner, inner)
            | st.dictionaries(keys, inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


class Colour(StrEnum):
    RED = "red"


@given(trees)
def test_bytes_equal_those_of_the_reference_library(tree: dict[str, Any]):
    assert canonical(tree) == rfc8785.dumps(tree)


@given(
    st.dictionaries(
        st.text(chars, max_size=3),
        st.recursive(leaves | st.floats() | st.integers(), st.lists, max_leaves=4),
        max_size=3,
    )
)
def test_whatever_is_accepted_equals_the_reference_library(tree: dict[str, Any]):
    try:
        written = canonical(tree)
    except NotCanonical:
        return
    assert written == rfc8785.dumps(tree)


@pytest.mark.parametrize("type_", sorted(BUILDERS))
def test_every_family_has_canonical_bytes(type_: str):
    wire = an_unsigned(a_payload(type_)).wire()
    assert canonical(wire) == rfc8785.dumps(wire)


@pytest.mark.parametrize("place", [lambda v: v, lambda v: [v], lambda v: {"b": [{"c": (v,)}]}])
@pytest.mark.parametrize(
    "value",
    [
        0.0,
        1.5,
        float("nan"),
        float("inf"),
        SAFE + 1,
        -SAFE - 1,
        2**80,
        Decimal("1"),
        UUID(int=1),
        Colour.RED,
        datetime(2026, 11, 21, tzinfo=UTC),
        date(2026, 11, 21),
        b"bytes",
        {1: "a number as key"},
        {None: "nothing as key"},
        {"\U00010000": "a key beyond the basic plane"},
        {"\ud800": "half a character as key"},
        "\ud800",
        {"set"},
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_exact_form_is_refused_at_any_depth(value: object, place: Any):
    with pytest.raises(NotCanonical):
        canonical({"a": place(value)})


@pytest.mark.parametrize("value", [None, 1.0, [], "text", 7])
def test_only_an_object_has_canonical_bytes(value: Any):
    with pytest.raises(NotCanonical):
        canonical(value)


def test_an_object_that_holds_itself_is_refused():
    knot: dict[str, Any] = {}
    knot["a"] = knot
    with pytest.raises(NotCanonical):
        canonical(knot)


def test_a_key_at_the_edge_of_the_basic_plane_is_sorted_as_the_reference_does():
    tree = {"\uffff": 1, "\ue000": 2, "z": 3, "é": 4, "": 5}
    assert canonical(tree) == rfc8785.dumps(tree)
