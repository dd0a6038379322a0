"""Sequence numbers that were seen: exactly the set of them, in few runs."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from telemetry.series.sequences import Sequences

BATCHES = st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=12)
FAR = st.lists(st.integers(0, 2**62), max_size=12)


def seen_of(batches: list[list[int]]) -> Sequences:
    seen = Sequences()
    for batch in batches:
        seen = seen.including(batch)
    return seen


@given(BATCHES, FAR)
def test_whatever_comes_in_whatever_order_is_the_set_of_it(batches: list[list[int]], far: list[int]) -> None:
    seen, plain = seen_of([*batches, far]), {number for batch in [*batches, far] for number in batch}
    assert {number for number in range(-2, 63) if number in seen} == {number for number in plain if number < 63}
    assert all(number in seen for number in far)
    assert len(seen) == len(plain)


@given(BATCHES)
def test_runs_are_apart_and_as_few_as_stretches_without_gaps_allow(batches: list[list[int]]) -> None:
    seen = seen_of(batches)
    numbers = sorted({number for batch in batches for number in batch})
    stretches = sum(1 for one, next in pairwise([-2, *numbers]) if next != one + 1)
    assert seen.runs <= 2 * stretches
    assert list(seen.starts) == sorted(seen.starts)


@given(st.permutations(range(0, 600, 30)), st.integers(1, 7))
def test_regular_numbers_are_one_run_in_whatever_order_they_came(numbers: list[int], size: int) -> None:
    batches = [numbers[place : place + size] for place in range(0, len(numbers), size)]
    assert seen_of(batches) == Sequences((0,), (30,), (20,))


@given(BATCHES, FAR)
def test_what_is_written_is_read_again(batches: list[list[int]], far: list[int]) -> None:
    seen = seen_of([*batches, far])
    assert Sequences.read(seen.flat()) == seen
