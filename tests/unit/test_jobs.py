"""A job continues from its place, whatever ended it before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from tests.support.interruptions import Killed

from banyan.jobs import Job

END = 7


class PlaceMoved(Exception):
    """Another process has gone on."""


@dataclass
class Counting:
    """Counts to seven, two at a time, and may be killed before any of its writes."""

    kept: int = 0
    kill_at: int = 0
    did: list[int] = field(default_factory=list)
    writes: int = 0

    @property
    def job(self) -> Job[int]:
        return Job(step=self.step, keep=self.keep, finished=lambda place: place >= END)

    def step(self, place: int) -> Iterator[int]:
        for reached in range(place + 1, min(place + 2, END) + 1):
            self.did.append(reached)
            yield reached

    def keep(self, place: int, /, *, instead_of: int) -> int:
        self.writes += 1
        if self.writes == self.kill_at:
            raise Killed
        if self.kept != instead_of:
            raise PlaceMoved
        self.kept = place
        return place


def stopping(answers: Sequence[bool]) -> tuple[Iterator[bool], list[bool]]:
    asked: list[bool] = []

    def ask() -> Iterator[bool]:
        for answer in answers:
            asked.append(answer)
            yield answer

    return ask(), asked


def test_a_job_keeps_every_place_in_order_and_ends_when_it_is_finished() -> None:
    counting = Counting()
    assert list(counting.job.places(0)) == [1, 2, 3, 4, 5, 6, 7]
    assert counting.kept == END
    assert list(counting.job.places(END)) == []


@pytest.mark.parametrize("kill_at", range(1, END + 1))
def test_a_killed_job_continues_from_the_last_place_that_was_kept(kill_at: int) -> None:
    counting = Counting(kill_at=kill_at)
    with pytest.raises(Killed):
        counting.job.run(0)
    assert counting.kept == kill_at - 1
    assert counting.job.run(counting.kept) == END
    assert counting.did == [*range(1, kill_at + 1), *range(kill_at, END + 1)]


def test_whoever_was_overtaken_stops_before_the_next_step() -> None:
    counting = Counting()
    places = counting.job.places(0)
    assert next(places) == 1
    counting.kept = 5
    with pytest.raises(PlaceMoved):
        next(places)
    assert (counting.kept, counting.did) == (5, [1, 2])


def test_time_is_asked_for_before_each_step_and_not_after_the_last() -> None:
    answers, asked = stopping([True, True, False])
    counting = Counting()
    assert counting.job.run(0, lambda: next(answers)) == 2
    assert len(asked) == 3
    assert counting.job.run(6, lambda: False) == 6
    answers, asked = stopping([True, False])
    assert Counting().job.run(0, lambda: next(answers)) == 1, "it stops between two places of one step, too"
    answers, asked = stopping([True])
    assert Counting(kept=6).job.run(6, lambda: next(answers)) == END
    assert asked == [True]


def test_a_finished_job_asks_nothing() -> None:
    answers, asked = stopping([])
    assert Counting().job.run(END, lambda: next(answers)) == END
    assert asked == []


def test_what_is_kept_is_what_the_next_step_begins_from() -> None:
    def keep(place: int, /, *, instead_of: int) -> int:
        return place + instead_of

    job = Job(step=lambda place: [place + 1], keep=keep, finished=lambda place: place > 100)
    assert list(job.places(1)) == [3, 7, 15, 31, 63, 127]


def test_a_step_that_yields_nothing_ends_the_job_for_now() -> None:
    counting = Counting()

    def step(place: int) -> Iterator[int]:
        return iter(()) if place == 4 else counting.step(place)

    waiting = Job(step=step, keep=counting.keep, finished=lambda place: place >= END)
    assert waiting.run(0) == 4
    assert waiting.run(4) == 4
    assert counting.job.run(4) == END
