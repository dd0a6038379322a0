"""A difference is spoken of when looks in a row saw it, and saw the same one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat

import pytest

from banyan.reconciliation.looks import LOOKS, MAX_LOOKS, Judgement, look
from banyan.reconciliation.report import Finding
from banyan.reconciliation.sides import Verdict

FINDING = Finding(where="a", kind="different_row")
EQUAL, MOVING = Verdict(), Verdict(moving=True)


def differs(evidence: str) -> Verdict:
    """A difference, and what was seen of it."""
    return Verdict(FINDING, evidence=evidence)


def looked(verdicts: Iterator[Verdict]) -> tuple[Judgement, int]:
    """What looks came to that say this of one entity in turn, and how many there were."""
    looks = 0

    def judge(ids: Sequence[str]) -> Mapping[str, Verdict]:
        nonlocal looks
        looks += 1
        return {id: next(verdicts) for id in ids}

    return look(judge, ["a"], lambda: None), looks


def test_the_same_difference_stands_after_three_looks() -> None:
    judgement, looks = looked(repeat(differs("total")))
    assert (judgement.standing, dict(judgement.moving), looks) == ((FINDING,), {}, LOOKS)


def test_a_difference_that_is_another_one_each_time_is_on_its_way() -> None:
    judgement, looks = looked(differs(f"total {number}") for number in range(MAX_LOOKS))
    assert (judgement.standing, list(judgement.moving), looks) == ((), ["a"], MAX_LOOKS)


@pytest.mark.parametrize("settled", range(1, MAX_LOOKS))
def test_what_settles_is_no_difference_and_no_longer_looked_at(settled: int) -> None:
    unsteady = [differs("total"), MOVING, differs("total"), MOVING][:settled]
    judgement, looks = looked(iter([*unsteady, EQUAL]))
    assert (judgement.standing, dict(judgement.moving), looks) == ((), {}, settled + 1)


def test_a_difference_is_counted_from_when_it_was_last_another_one() -> None:
    judgement, looks = looked(iter([differs("old"), MOVING, differs("new"), differs("new"), differs("new")]))
    assert (judgement.standing, looks) == ((FINDING,), MAX_LOOKS)
    judgement, _ = looked(iter([differs("old"), differs("old"), MOVING, differs("old"), differs("old")]))
    assert (judgement.standing, list(judgement.moving)) == ((), ["a"])
