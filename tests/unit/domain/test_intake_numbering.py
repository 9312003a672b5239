"""Missing numbers are noticed, late ones fill their gaps, and a script that counts anew is seen."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.intake.numbering import Counted, Gap, count


def counted(numbers: list[int], expected: int | None = 1, gaps: list[Gap] | None = None) -> Counted:
    return count(expected, gaps or [], [(number, UUID(int=number)) for number in numbers])


def spans(result: Counted) -> list[tuple[int, int]]:
    return [(gap.first, gap.last) for gap in result.opened]


def test_numbers_in_order_have_no_gap():
    assert counted([1, 2, 3]) == Counted(4, (), (), 0)


def test_counting_begins_with_the_first_number_ever():
    assert spans(counted([41, 42], expected=None)) == []


def test_a_number_beyond_the_expected_shows_what_is_missing():
    assert spans(counted([1, 5])) == [(2, 4)]


def test_late_numbers_fill_and_split_gaps():
    assert spans(counted([1, 5, 3])) == [(2, 2), (4, 4)]
    assert spans(counted([1, 3, 2])) == []


def test_a_recorded_gap_is_closed_and_what_remains_of_it_opened():
    gap = Gap(2, 4, None, uuid4())
    result = counted([2], expected=6, gaps=[gap])
    assert (result.closed, spans(result)) == ((gap.gap_id,), [(3, 4)])


def test_a_script_that_counts_anew_has_no_gap():
    result = counted([1, 2], expected=500)
    assert (result.expected, result.restarts, spans(result)) == (3, 1, [])


def test_a_number_that_came_before_changes_nothing():
    assert counted([6], expected=8) == Counted(8, (), (), 0)


def test_no_numbers_are_a_bug():
    with pytest.raises(ValueError, match="no numbers"):
        counted([])


@given(st.lists(st.integers(2, 60), unique=True, min_size=1), st.randoms())
def test_open_gaps_are_exactly_the_numbers_that_did_not_come(numbers: list[int], dice):
    dice.shuffle(numbers)
    result = counted(numbers, expected=2)
    missing = {n for first, last in spans(result) for n in range(first, last + 1)}
    assert missing == set(range(2, max(numbers) + 1)) - set(numbers)
