"""What waits in a loop is taken in order, and nothing overtakes a message of its key."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from workers.deciding import Claimed
from workers.in_hand import InHand


def claimed(number: int, key: str = "A") -> Claimed:
    return Claimed(number, 1, cast("Any", SimpleNamespace(ordering_key=key)))


def numbers(batch: list[Claimed]) -> list[int]:
    return [one.delivery_id for one in batch]


@given(st.permutations(range(12)), st.integers(1, 12))
def test_the_oldest_are_taken_first_however_they_came(order: list[int], limit: int):
    waiting = InHand()
    for number in order:
        waiting.put("me", [claimed(number, random.Random(number).choice("AB"))])
    found: list[int] = []
    while waiting:
        batch, back = waiting.take("me", limit)
        assert not back
        found += numbers(batch)
    assert found == list(range(12))


def test_what_was_on_its_way_while_an_older_one_of_its_key_failed_is_given_back():
    waiting = InHand()
    waiting.put("me", [claimed(2), claimed(3, "B")])
    assert waiting.fail(claimed(1)) == [2]
    # Leased to us before the other failed, and handed to us after that.
    waiting.put("me", [claimed(4)])
    batch, back = waiting.take("me", 10)
    assert (numbers(batch), back) == ([3], [4])
    # Claimed again: it is its key's turn.
    waiting.claimed([claimed(1)])
    waiting.put("me", [claimed(4)])
    assert numbers(waiting.take("me", 10)[0]) == [4]


def test_what_was_leased_to_the_worker_that_this_loop_was_is_dropped():
    waiting = InHand()
    waiting.put("before", [claimed(1)])
    waiting.put("me", [claimed(2)])
    batch, back = waiting.take("me", 10)
    assert (numbers(batch), back) == ([2], [])
