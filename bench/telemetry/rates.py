"""Readings a second that hold, twice as many, and a device that sends more than all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Final

from tests.support.engines import DynamoDBEngine

from banyan.bootstrap import Application
from bench.results import Figure, at_most
from bench.telemetry.fleet import Fleet, stream_of
from bench.telemetry.pipeline import application, environment, readings_in_windows
from bench.telemetry.side_by_side import SIZES
from bench.telemetry.sustained import Phase, Place, Run, run

DEVICES: Final = 100
TRIED_SECONDS: Final = 10.0
"""Of a run without a rate, and of each one that looks for a rate that holds."""
TRIALS: Final = 3
HOLDS_BELOW: Final = 1.0
"""Seconds that the lag of 99 of 100 records is below at a rate that holds."""
TRIED_BELOW: Final = 0.5
"""The same of a run that is too short to show that its lag grows slowly."""
CAUTION: Final = 0.6
"""Of the highest rate that held for a short time, and of each one that did not hold for long."""
HOT: Final = 80
"""Records of a hundred."""
OF_WHAT_HOLDS: Final = 0.5
"""The rate at which a hot device sends beside others, and at which a fleet sends after it sent too much."""
MS: Final = 1000

Step = Callable[[str], None]


@dataclass(frozen=True)
class Seconds:
    """How long runs take.

    Parameters
    ----------
    held : float
        At a rate that holds, and at twice that rate.
    recovering : float
        After twice the rate.
    beside : float
        With a hot device, and without.
    """

    held: float
    recovering: float
    beside: float


class Rates:
    """Runs of fleets on one engine."""

    def __init__(self, engine: DynamoDBEngine, seconds: Seconds, step: Step) -> None:
        self._place = Place(engine.client.meta.endpoint_url, environment(engine))
        self._application: Application = application(self._place.endpoint, self._place.environ)
        self._seconds = seconds
        self._step = step
        self._runs = 0
        self.holding: dict[int, float] = {}
        """Records a second, by the readings in each."""

    def sustained(self) -> Iterator[Figure]:
        """The same of each number of readings in a record."""
        for size in SIZES:
            yield from self.sustained_of(size)

    def sustained_of(self, size: int) -> Iterator[Figure]:
        """What is seen without a rate, and the lag at a rate that was found to hold."""
        self._step(f"records of {size}: as many as can be seen")
        most = self._run(size, Phase(inf, TRIED_SECONDS)).readings_a_second()
        highest = highest_rate(partial(self._holds_shortly, size), most / size)
        held = self._held(size, CAUTION * highest)
        who = f"{size} a record"
        yield Figure("readings/s, as many as can be seen", [most], "", who=who)
        yield Figure(f"readings/s that held for {TRIED_SECONDS:.0f} s", [highest * size], "", who=who)
        yield Figure("readings/s that hold", [held.readings_a_second()], "", who=who)
        for share in (50, 99):
            yield Figure(f"lag until the window shows: p{share}", [held.lag(share) * MS], "ms", who=who)

    def twice(self) -> Iterator[Figure]:
        """Twice the rate that holds, then less than that rate."""
        size, held = SIZES[-1], self._seconds.held
        rate = self.holding[size]
        self._step(f"records of {size}: twice the rate that holds, then half of it")
        found = self._run(size, Phase(2 * rate, held), Phase(OF_WHAT_HOLDS * rate, self._seconds.recovering))
        what = f"{2 * rate * size:,.0f} readings/s for {held:.0f} s"
        yield Figure(f"{what}: readings that are lost", [found.lost], "", at_most(0))
        yield Figure(f"{what}: largest lag", [found.largest_lag * MS], "ms")
        back = max(found.last_lag_above(1.0) - held, 0)
        yield Figure("seconds until the lag is below one again, at half of the rate that holds", [back], "s")

    def hot(self) -> Iterator[Figure]:
        """The lag of others with a hot device and without, while as many records come in all."""
        size = SIZES[1]
        beside, rate = self._seconds.beside, OF_WHAT_HOLDS * self.holding[size]
        self._step("a hot device beside others, and as many records without one")
        without = self._run(size, Phase(rate, beside))
        found = self._run(size, Phase(rate, beside), hot=HOT)
        but = str(stream_of(found.fleet.hot_device))
        for share in (50, 99):
            what = f"lag, p{share}, of as many records"
            yield Figure(what, [without.lag(share) * MS], "ms", who="of 100 devices")
            yield Figure(what, [found.lag(share, but) * MS], "ms", who=f"of others, with {HOT} % of one device")
        ratio = found.lag(99, but) / without.lag(99)
        yield Figure("lag of others, p99, beside a hot device against as many records without", [ratio], "×")

    def _holds_shortly(self, size: int, rate: float) -> bool:
        lag = self._run(size, Phase(rate, TRIED_SECONDS)).lag(99)
        self._step(f"records of {size}: {rate * size:,.0f} readings/s, p99 {lag * MS:,.0f} ms")
        return lag < TRIED_BELOW

    def _held(self, size: int, rate: float) -> Run:
        """A long run at the highest rate, from one on downwards, that holds all the time."""
        found = self._run(size, Phase(rate, self._seconds.held))
        lag = found.lag(99)
        self._step(f"records of {size}: {rate * size:,.0f} readings/s for long, p99 {lag * MS:,.0f} ms")
        if lag >= HOLDS_BELOW:
            return self._held(size, CAUTION * rate)
        self.holding[size] = rate
        return found

    def _run(self, size: int, *phases: Phase, hot: int = 0) -> Run:
        self._runs += 1
        fleet = Fleet(f"run-{self._runs}", DEVICES, size, hot=hot)
        fleet.register(self._application)
        found = run(self._place, fleet, phases)
        found.lost = found.sent * size - readings_in_windows(self._application, fleet)
        return found


def highest_rate(holds: Callable[[float], bool], most: float, trials: int = TRIALS) -> float:
    """The highest rate below one that was found to hold, by halving what is left between yes and no; else the next."""
    yes, no = 0.0, most
    for _ in range(trials):
        rate = (yes + no) / 2
        yes, no = (rate, no) if holds(rate) else (yes, rate)
    return yes or no / 2
