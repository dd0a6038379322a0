"""A difference is spoken of when looks in a row saw it, and saw the same one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat

import pytest

from banyan.confirm import LOOKS, MAX_LOOKS, Confirmed, confirm

MOVING = ""
EQUAL = None


def looked(seen: Iterator[str | None]) -> tuple[Confirmed[str, str], int]:
    """What looks came to that say this of one entity in turn, and how many there were."""
    looks = 0

    def look(keys: Sequence[str]) -> Mapping[str, str]:
        nonlocal looks
        looks += 1
        return {key: each for key in keys if (each := next(seen)) is not EQUAL}

    return confirm(look, ["a"], lambda: None, lambda each: each or None), looks


def test_the_same_difference_stands_after_three_looks() -> None:
    confirmed, looks = looked(repeat("total"))
    assert (confirmed, looks) == (Confirmed({"a": "total"}, {}), LOOKS)


def test_a_difference_that_is_another_one_each_time_is_on_its_way() -> None:
    confirmed, looks = looked(f"total {number}" for number in range(MAX_LOOKS))
    assert (confirmed, looks) == (Confirmed({}, {"a": f"total {MAX_LOOKS - 1}"}), MAX_LOOKS)


@pytest.mark.parametrize("settled", range(1, MAX_LOOKS))
def test_what_settles_is_no_difference_and_no_longer_looked_at(settled: int) -> None:
    unsteady: list[str | None] = ["total", MOVING, "total", MOVING]
    confirmed, looks = looked(iter([*unsteady[:settled], EQUAL]))
    assert (confirmed, looks) == (Confirmed({}, {}), settled + 1)


def test_a_difference_is_counted_from_when_it_was_last_another_one() -> None:
    confirmed, looks = looked(iter(["old", MOVING, "new", "new", "new"]))
    assert (confirmed, looks) == (Confirmed({"a": "new"}, {}), MAX_LOOKS)
    confirmed, _ = looked(iter(["old", "old", MOVING, "old", "old"]))
    assert confirmed == Confirmed({}, {"a": "old"})


def test_only_what_is_not_equal_is_looked_at_again_and_what_stands_is_in_order() -> None:
    asked: list[list[str]] = []

    def look(keys: Sequence[str]) -> Mapping[str, str]:
        asked.append(list(keys))
        return {key: "total" for key in keys if key != "b"}

    confirmed = confirm(look, ["c", "b", "a"], lambda: None)
    assert asked == [["c", "b", "a"], ["c", "a"], ["c", "a"]]
    assert list(confirmed.standing) == ["a", "c"]


def test_whoever_wants_fewer_looks_says_less() -> None:
    confirmed, looks = looked_at_most(iter(["old", "new", "new"]))
    assert (confirmed, looks) == (Confirmed({}, {"a": "new"}), LOOKS)


def looked_at_most(seen: Iterator[str]) -> tuple[Confirmed[str, str], int]:
    """The same with no more looks than must agree."""
    given = list(seen)
    left = iter(given)
    confirmed = confirm(lambda keys: {key: next(left) for key in keys}, ["a"], lambda: None, most=LOOKS)
    return confirmed, len(given) - len(list(left))
