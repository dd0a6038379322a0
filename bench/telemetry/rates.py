"""Readings a second that hold, twice as many, and a device that sends more than all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Final

from tests.support.engines import DynamoDBEngine

from banyan.bootstrap import Application
from bench.results import Figure, at_most
from bench.telemetry.fleet import Fleet, stream_of
from bench.telemetry.pipeline import application, environment, readings_in_windows
from bench.telemetry.side_by_side import SIZES
from bench.telemetry.sustained import Phase, Place, Run, percentile, run

DEVICES: Final = 100
SATURATED_SECONDS: Final = 10.0
HOLDS: Final = 0.6
"""Of what is seen of a fleet without a rate: what is left is for what else the machine does."""
HOT: Final = 80
"""Records of a hundred, while the others send as many as without it."""
OF_THE_OTHERS: Final = 0.2
"""Of the rate that holds."""
MS: Final = 1000

Step = Callable[[str], None]


class Rates:
    """Runs of fleets on one engine.

    Parameters
    ----------
    seconds : float
        Of each run at a rate.
    """

    def __init__(self, engine: DynamoDBEngine, seconds: float, step: Step) -> None:
        self._place = Place(engine.client.meta.endpoint_url, environment(engine))
        self._application: Application = application(self._place.endpoint, self._place.environ)
        self._seconds = seconds
        self._step = step
        self._runs = 0
        self.holding: dict[int, float] = {}
        """Records a second, by the readings in each."""

    def sustained(self) -> Iterator[Figure]:
        """What is seen without a rate; and the lag at a rate that holds."""
        for size in SIZES:
            self._step(f"records of {size}: as many as can be seen")
            most = self._run(size, Phase(inf, SATURATED_SECONDS)).readings_a_second()
            rate = self.holding[size] = HOLDS * most / size
            self._step(f"records of {size}: {rate * size:,.0f} readings/s for {self._seconds:.0f} s")
            held = self._run(size, Phase(rate, self._seconds))
            who, for_long = f"{size} a record", f"for {self._seconds:.0f} s"
            yield Figure("readings/s, as many as can be seen", [most], "", who=who)
            yield Figure(f"readings/s, sent and seen {for_long}", [held.readings_a_second()], "", who=who)
            yield Figure("lag until the window shows: p50", [percentile(held.lags(), 50) * MS], "ms", who=who)
            yield Figure("lag until the window shows: p99", [percentile(held.lags(), 99) * MS], "ms", who=who)

    def twice(self) -> Iterator[Figure]:
        """Twice the rate that holds, then half of it."""
        size, seconds = SIZES[-1], self._seconds
        rate = self.holding[size]
        self._step(f"records of {size}: twice the rate that holds, then half of it")
        found = self._run(size, Phase(2 * rate, seconds), Phase(rate / 2, seconds))
        what = f"{2 * rate * size:,.0f} readings/s for {seconds:.0f} s"
        yield Figure(f"{what}: readings that are lost", [found.lost], "", at_most(0))
        behind = found.lags_until(seconds)[-1]
        yield Figure(f"{what}: largest lag", [behind * MS], "ms")
        back = max(found.last_lag_above(1.0) - seconds, 0)
        yield Figure("seconds until the lag is below one again, at half of the rate that holds", [back], "s")

    def hot(self) -> Iterator[Figure]:
        """The lag of others with a hot device and without."""
        size = SIZES[1]
        rate = OF_THE_OTHERS * self.holding[size]
        self._step("a hot device beside others")
        alone = self._run(size, Phase(rate, self._seconds))
        beside = self._run(size, Phase(rate * 100 / (100 - HOT), self._seconds), hot=HOT)
        but, what = str(stream_of(beside.fleet.hot_device)), "beside a device that sends four times as much as they do"
        for share in (50, 99):
            ratio = percentile(beside.lags(but=but), share) / percentile(alone.lags(), share)
            yield Figure(f"lag of others, p{share}, {what}", [ratio], "×")

    def _run(self, size: int, *phases: Phase, hot: int = 0) -> Run:
        self._runs += 1
        fleet = Fleet(f"run-{self._runs}", DEVICES, size, hot=hot)
        fleet.register(self._application)
        found = run(self._place, fleet, phases)
        found.lost = found.sent * size - readings_in_windows(self._application, fleet)
        return found
