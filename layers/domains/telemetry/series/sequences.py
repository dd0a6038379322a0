"""Which sequence numbers were seen: few runs stand for many numbers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Run(NamedTuple):
    """The numbers ``start``, ``start + step`` and so on, ``size`` of them; a single one has the step 1."""

    start: int
    step: int
    size: int

    @property
    def last(self) -> int:
        """Its greatest number."""
        return self.start + self.step * (self.size - 1)


@dataclass(frozen=True, slots=True)
class Sequences:
    """A set of numbers as runs, each of which ends before the next one starts.

    Two neighbours never add up to one run. So numbers without gaps, or at regular distances, are one run in whatever
    order they came, and a stretch of them between gaps is at most two.

    Parameters
    ----------
    starts, steps, counts : tuple[int, ...]
        The runs, in ascending order.
    """

    starts: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.starts, number) - 1
        if place < 0:
            return False
        which, rest = divmod(number - self.starts[place], self.steps[place])
        return rest == 0 and which < self.counts[place]

    def __len__(self) -> int:
        return sum(self.counts)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.starts)

    def including(self, numbers: Iterable[int]) -> Sequences:
        """These and more; only the runs around the new numbers are looked at."""
        new = sorted(set(numbers))
        if not new:
            return self
        first = max(0, bisect_right(self.starts, new[0]) - 2)
        end = bisect_right(self.starts, new[-1]) + 1
        starts, steps, counts = zip(*_joined(_pieces(self._between(first, end), new)), strict=True)
        return Sequences(
            self.starts[:first] + starts + self.starts[end:],
            self.steps[:first] + steps + self.steps[end:],
            self.counts[:first] + counts + self.counts[end:],
        )

    def _between(self, first: int, end: int) -> Iterator[Run]:
        return map(Run, self.starts[first:end], self.steps[first:end], self.counts[first:end])

    def flat(self) -> list[int]:
        """For each run: its distance from the number before it, its step, its count."""
        found: list[int] = []
        before = 0
        for run in self._between(0, self.runs):
            found += run.start - before, run.step, run.size
            before = run.last
        return found

    @classmethod
    def read(cls, flat: Any) -> Sequences:
        """The set that ``flat`` describes; one is taken as it is."""
        if isinstance(flat, cls):
            return flat
        starts: list[int] = []
        before = 0
        for distance, step, count in zip(flat[::3], flat[1::3], flat[2::3], strict=True):
            starts.append(before + distance)
            before = starts[-1] + step * (count - 1)
        return cls(tuple(starts), tuple(flat[1::3]), tuple(flat[2::3]))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        numbers = core_schema.list_schema(core_schema.int_schema())
        return core_schema.no_info_plain_validator_function(
            cls.read,
            json_schema_input_schema=numbers,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.flat, return_schema=numbers),
        )


NONE_SEEN: Final = Sequences()


def _pieces(runs: Iterable[Run], new: Sequence[int]) -> Iterator[Run]:
    """The runs, cut where new numbers lie between their own, and runs of the new numbers, in ascending order."""
    place = 0
    for run in runs:
        rest = run
        before = bisect_left(new, rest.start, place)
        yield from _runs_of(new[place:before])
        place = bisect_right(new, rest.last, before)
        for number in new[before:place]:
            size = -(-(number - rest.start) // rest.step)
            if size > 0 and number != rest.start + rest.step * size:
                yield _run(rest.start, rest.step, size)
                rest = _run(rest.start + rest.step * size, rest.step, rest.size - size)
            if number < rest.start:
                yield Run(number, 1, 1)
        yield rest
    yield from _runs_of(new[place:])


def _run(start: int, step: int, size: int) -> Run:
    return Run(start, step if size > 1 else 1, size)


def _runs_of(numbers: Sequence[int]) -> Iterator[Run]:
    """The fewest runs of ascending numbers, or nearly so."""
    begun = 0
    while begun < len(numbers):
        start = numbers[begun]
        step = numbers[begun + 1] - start if begun + 1 < len(numbers) else 1
        end = begun + 1
        awaited = start + step
        while end < len(numbers) and numbers[end] == awaited:
            awaited += step
            end += 1
        yield _run(start, step, end - begun)
        begun = end


def _joined(runs: Iterable[Run]) -> list[Run]:
    found: list[Run] = []
    for run in runs:
        both = _join(found[-1], run) if found else None
        if both:
            found[-1] = both
        else:
            found.append(run)
    return found


def _join(one: Run, next: Run) -> Run | None:
    distance = next.start - one.last
    step = one.step if one.size > 1 else next.step if next.size > 1 else distance
    if distance != step or (next.size > 1 and next.step != step):
        return None
    return Run(one.start, step, one.size + next.size)
