"""Doing the same to many things, in turn or several at a time."""

from __future__ import annotations

from threading import Barrier, Event, current_thread, get_ident

import pytest
from tests.support.clocks import PATIENCE

from banyan.spread import Spread, in_threads, in_turn

AT_ONCE = 4


@pytest.mark.parametrize("spread", [in_turn, in_threads(1), in_threads(AT_ONCE)])
def test_answers_come_in_the_order_of_the_things(spread: Spread) -> None:
    assert spread(lambda number: number * 2, range(20)) == [number * 2 for number in range(20)]
    assert spread(str, ()) == []


@pytest.mark.parametrize("spread", [in_turn, in_threads(1)])
def test_one_at_a_time_needs_no_other_thread(spread: Spread) -> None:
    assert set(spread(lambda _: get_ident(), range(5))) == {get_ident()}


def test_so_many_are_done_at_a_time() -> None:
    meeting = Barrier(AT_ONCE)
    threads = in_threads(AT_ONCE)(lambda _: (meeting.wait(PATIENCE), current_thread().name)[1], range(AT_ONCE))
    assert len(set(threads)) == AT_ONCE


@pytest.mark.parametrize("spread", [in_turn, in_threads(AT_ONCE)])
def test_an_error_is_raised_once_whatever_was_begun_has_ended(spread: Spread) -> None:
    begun, ended, failed = set[int](), set[int](), Event()

    def act(number: int) -> None:
        begun.add(number)
        if number == 0:
            failed.set()
            raise KeyError("the first")
        assert failed.wait(PATIENCE)
        ended.add(number)

    with pytest.raises(KeyError, match="the first"):
        spread(act, range(100))
    assert begun == {0} | ended
