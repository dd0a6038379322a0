"""Which lines continue, and how they are numbered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from banyan.migration.stores.adapter import Lines, continued, numbered, written_content

NUMBERS = {
    "from 0": ([0, 1, 2], [0, 1, 2, None], [0, 1, 2, 3]),
    "with gaps": ([10, 20], [0, 1, None, None], [10, 20, 21, 22]),
    "the first ones": ([], [None, None], [1, 2]),
    "one goes": ([0, 1, 2], [0, 2], [0, 2]),
    "one goes and one comes": ([0, 1, 2], [0, 2, None], [0, 2, 3]),
    "the last one goes and one comes": ([1, 2, 3], [0, 1, None], [1, 2, 3]),
    "one comes back into its gap": ([1, 3], [0, None, 1], [1, 2, 3]),
    "one comes back to the front": ([2, 3], [None, 0, 1], [1, 2, 3]),
    "there is no room in between": ([1, 2], [0, None, 1], [1, 2, 3]),
    "there is no room in front": ([0, 1], [None, 0, 1], [0, 1, 2]),
    "they change places": ([4, 7], [1, 0], [4, 7]),
    "others come": ([4, 7], [None, None], [8, 9]),
    "below 0": ([-2, -1], [0, 1, None], [-2, -1, 0]),
}


@pytest.mark.parametrize(("numbers", "places", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_a_line_keeps_its_number_and_a_new_one_gets_the_next(
    numbers: Sequence[int], places: Sequence[int | None], expected: Sequence[int]
) -> None:
    assert numbered(numbers, places) == expected


lines: st.SearchStrategy[list[object]] = st.lists(
    st.builds(dict, sku=st.sampled_from("abc"), quantity=st.integers(1, 2)), max_size=5
)


@given(
    before=lines, more=lines, start=st.integers(-3, 10**9), steps=st.lists(st.integers(1, 9), min_size=5, max_size=5)
)
def test_lines_that_are_only_added_to_stay_as_they_are(
    before: list[object], more: list[object], start: int, steps: list[int]
) -> None:
    numbers = [start + sum(steps[:place]) for place in range(len(before))]
    places = continued(before, before + more, ("sku",))
    assert places == [*range(len(before)), *[None] * len(more)]
    assert numbered(numbers, places)[: len(before)] == numbers


def test_of_two_lines_alike_the_one_at_its_place_continues() -> None:
    changed, tea, pot = {"sku": "pot", "quantity": 7}, {"sku": "tea", "quantity": 1}, {"sku": "pot", "quantity": 4}
    assert continued([changed, tea, pot], [pot, tea, pot], ("sku",)) == [0, 1, 2]
    assert continued([tea, pot], [pot], ("sku",)) == [1]


@given(
    before=lines, after=lines, numbers=st.lists(st.integers(-9, 99), min_size=5, max_size=5, unique=True).map(sorted)
)
def test_numbers_grow_with_the_lines_and_none_continues_twice(
    before: list[object], after: list[object], numbers: list[int]
) -> None:
    places = continued(before, after, ("sku",))
    gone_on = [place for place in places if place is not None]
    assert len(set(gone_on)) == len(gone_on)
    assert all(low < high for low, high in pairwise(numbered(numbers[: len(before)], places)))


def test_without_an_identity_the_line_at_the_same_place_continues() -> None:
    assert continued(["a", "b"], ["b", "c", "d"], ()) == [1, None, None]
    assert continued(["a", "b"], ["a", "c", "d"], ()) == [0, 1, None]


class Line(BaseModel):
    sku: str


class Order(BaseModel):
    lines: list[Line] = []
    notes: list[Line] = []


def test_only_lines_of_a_numbered_table_get_numbers() -> None:
    after = Order(lines=[Line(sku="a"), Line(sku="b")], notes=[Line(sku="n")])
    stored = '{"lines": [{"no": 0, "sku": "a"}], "notes": []}'
    content = written_content({"lines": Lines(number="no")}, Order(lines=[Line(sku="a")]), stored, after)
    assert json.loads(content) == {
        "lines": [{"sku": "a", "no": 0}, {"sku": "b", "no": 1}],
        "notes": [{"sku": "n"}],
    }


def test_text_that_reads_the_same_is_written_as_it_was_stored() -> None:
    stored = '{"lines": [{"no": 4, "sku": "Zoe\\u0308"}], "notes": [{"sku": "x"}]}'
    before = Order(lines=[Line(sku="Zo\u00eb")], notes=[Line(sku="y")])
    after = Order(lines=[Line(sku="Zo\u00eb"), Line(sku="b")], notes=[Line(sku="z")])
    lines = {"lines": Lines(number="no"), "notes": Lines()}
    assert json.loads(written_content(lines, before, stored, after)) == {
        "lines": [{"sku": "Zoe\u0308", "no": 4}, {"sku": "b", "no": 5}],
        "notes": [{"sku": "z"}],
    }
