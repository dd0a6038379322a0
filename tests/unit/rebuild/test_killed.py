"""A rebuild that is killed at any of its requests, right before or right behind it, ends as if it never was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.interruptions import Killed
from tests.support.ledger import account, deposits
from tests.support.rebuild import Fuse, Rebuilding

ENOUGH_KILLS = 5
BOTH = ("balances", "turnover")
Act = Callable[[Rebuilding], object]


def filled(fuse: Fuse) -> Rebuilding:
    """Two accounts, each in a bucket of its own, with what the projector made of them."""
    rebuilding = Rebuilding(fuse, buckets=2)
    for name in "ad":
        rebuilding.ledger.runner.project([rebuilding.ledger.commit(account(name), *deposits(1, 2))])
    return rebuilding


def start(rebuilding: Rebuilding) -> None:
    """Begin, or continue."""
    for projection in BOTH:
        if rebuilding.live(projection) == 1:
            rebuilding.rebuild.start(projection, switch_when_equal=True)


def cancel(rebuilding: Rebuilding) -> None:
    """Begin, then give up; or continue giving up."""
    state = rebuilding.projection_states.get(["turnover"])["turnover"]
    if state.newest == 1:
        rebuilding.rebuild.start("turnover")
    elif len(state.generations) > 1:
        rebuilding.rebuild.cancel("turnover")


def in_spite_of(act: Act, rebuilding: Rebuilding) -> None:
    """Do it, and again when the process was killed."""
    for _ in range(ENOUGH_KILLS):
        try:
            act(rebuilding)
            return
        except Killed:
            continue
    raise AssertionError("killed too often")


def requests(act: Act) -> int:
    """How many requests it takes."""
    fuse = Fuse()
    act(filled(fuse))
    return fuse.requests


def rebuild(rebuilding: Rebuilding) -> None:
    """From the start to the switch."""
    start(rebuilding)
    rebuilding.run()


def give_up(rebuilding: Rebuilding) -> None:
    """From the start to a cancelled generation."""
    cancel(rebuilding)
    cancel(rebuilding)


def deleted(rebuilding: Rebuilding) -> None:
    """From the start to the end of a cancelled generation."""
    give_up(rebuilding)
    rebuilding.run()


@pytest.mark.parametrize(
    "answered", [pytest.param(False, id="before", marks=pytest.mark.slow), pytest.param(True, id="behind")]
)
def test_a_rebuild_that_is_killed_anywhere_ends_equal_to_a_fold(answered: bool) -> None:
    """Who is killed while starting it starts it again; behind that the message alone brings the worker back."""
    begun, total = requests(start), requests(rebuild)
    assert total > begun + 100
    for at in range(1, total + 1):
        rebuilding = filled(Fuse(at, answered))

        in_spite_of(start, rebuilding)
        in_spite_of(Rebuilding.run, rebuilding)

        assert rebuilding.complete(2), at
        assert [rebuilding.live(projection) for projection in BOTH] == [2, 2], at


@pytest.mark.parametrize("answered", [False, True], ids=["before", "behind"])
def test_a_generation_that_is_given_up_is_deleted_wherever_that_is_killed(answered: bool) -> None:
    begun, total = requests(give_up), requests(deleted)
    assert total > begun + 20
    for at in range(1, total + 1):
        rebuilding = filled(Fuse(at, answered))

        in_spite_of(give_up, rebuilding)
        in_spite_of(Rebuilding.run, rebuilding)

        state = rebuilding.projection_states.get(["turnover"])["turnover"]
        assert [info.number for info in state.generations] == [1], at
        assert rebuilding.turnover(2) == {}, at
        assert rebuilding.turnover(1) == rebuilding.ledger.expected_turnover(), at
