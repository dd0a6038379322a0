"""Readings at a rate: an ingest process and a projector process, and how long it takes until the window shows.

A record has a time at which the device sends it, whether or not the processes keep up; its lag is counted from then on.
"""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import inf
from multiprocessing import get_context
from multiprocessing.queues import Queue
from typing import Any, Final

from banyan.store.items import Item
from bench.telemetry.fleet import Fleet, stream_of
from bench.telemetry.pipeline import PROJECTED_AT_ONCE, IngestProcess, ProjectorProcess, application

RECORDS_OF_A_BATCH: Final = 500
"""``IngestBatchSize`` as it is deployed."""
AHEAD: Final = 2 * RECORDS_OF_A_BATCH
"""Records that a process which has no rate of its own may be ahead of the projector."""
WARM_SECONDS: Final = 3.0
"""At the beginning of each run, after every device has sent a record: left out."""

Sent = tuple[Item, Sequence[float]]
"""A commit, and when the records that it was made of were sent."""


@dataclass(frozen=True)
class Phase:
    """So many records a second for some time; without end as many as can be seen."""

    rate: float
    seconds: float


@dataclass(frozen=True)
class Place:
    """Where processes write to."""

    endpoint: str
    environ: Mapping[str, str]


@dataclass
class Run:
    """What became of the records of a run.

    Parameters
    ----------
    seen : Sequence[tuple[float, float, str]]
        When the window showed, in seconds since the run began, after how many seconds, and of which stream.
    lost : int
        Readings that were sent and that no window counts.
    """

    fleet: Fleet
    sent: int
    seen: Sequence[tuple[float, float, str]] = field(default_factory=list)
    lost: int = 0

    def readings_a_second(self) -> float:
        """Readings seen in a second, without the beginning."""
        last = self.seen[-1][0]
        return len([at for at, _, _ in self.seen if at > WARM_SECONDS]) * self.fleet.readings / (last - WARM_SECONDS)

    def lag(self, share: float, but: str = "") -> float:
        """The lag that so many of a hundred records stay below, without the beginning and without one stream."""
        return percentile(sorted(lag for at, lag, stream in self.seen if at > WARM_SECONDS and stream != but), share)

    @property
    def largest_lag(self) -> float:
        """Of all records."""
        return max(lag for _, lag, _ in self.seen)

    def last_lag_above(self, seconds: float) -> float:
        """When a lag was above so many seconds for the last time."""
        return max((at for at, lag, _ in self.seen if lag > seconds), default=0.0)


def percentile(ascending: Sequence[float], share: float) -> float:
    """The value below which so many of a hundred are."""
    return ascending[min(int(len(ascending) * share / 100), len(ascending) - 1)]


def run(place: Place, fleet: Fleet, phases: Sequence[Phase]) -> Run:
    """Let a fleet that is registered send, and wait until everything is seen."""
    spawn = get_context("spawn")
    commits: Any = spawn.Queue()
    found: Any = spawn.Queue()
    start, seen = spawn.Barrier(2), spawn.Value("q", 0)
    ingesting = spawn.Process(target=ingest, args=(place, fleet, phases, commits, found, start, seen))
    projecting = spawn.Process(target=project, args=(place, commits, found, start, seen))
    for process in (ingesting, projecting):
        process.start()
    answers = [found.get() for _ in range(2)]
    for process in (ingesting, projecting):
        process.join()
        assert process.exitcode == 0
    (sent,) = (each for each in answers if isinstance(each, int))
    (samples,) = (each for each in answers if isinstance(each, list))
    return Run(fleet, sent, samples)


def ingest(
    place: Place, fleet: Fleet, phases: Sequence[Phase], commits: Queue[Any], found: Queue[Any], start: Any, seen: Any
) -> None:
    """Ingest what is sent, batch by batch; main function of a process."""
    process, first = IngestProcess(application(place.endpoint, place.environ)), fleet.greeting
    sending = Sending(phases)
    commits.put((0.0, [(item, ()) for item in process.ingest([fleet.record(number) for number in range(first)])]))
    gc.freeze()  # as functions do
    start.wait()
    begun, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - begun) < sending.ends or sent < sending.due(inf):
        due = sending.due(elapsed) if sending.has_rate else sent + RECORDS_OF_A_BATCH
        if due == sent or (not sending.has_rate and sent - seen.value > AHEAD):
            time.sleep(0.002)
            continue
        numbers = range(sent, min(due, sent + RECORDS_OF_A_BATCH))
        items = process.ingest([fleet.record(first + number) for number in numbers])
        commits.put((begun, list(_sent(fleet, numbers, items, sending, elapsed))))
        sent = numbers.stop
    commits.put(None)
    found.put(first + sent)


def project(place: Place, commits: Queue[Any], found: Queue[Any], start: Any, seen: Any) -> None:
    """Project what was committed; main function of a process."""
    process = ProjectorProcess(application(place.endpoint, place.environ))
    samples: list[tuple[float, float, str]] = []
    process.project(item for item, _ in commits.get()[1])
    gc.freeze()  # as functions do
    start.wait()
    for begun, batch in _batches(commits):
        process.project(item for item, _ in batch)
        now = time.monotonic() - begun
        samples += [(now, now - due, item["stream"]["S"]) for item, times in batch for due in times]
        seen.value = len(samples)
    found.put(samples)


def _batches(commits: Queue[Any]) -> Iterator[tuple[float, Sequence[Sent]]]:
    """What waits, as much of it at a time as an invocation of the projector gets, until the end is announced."""
    waiting: list[Sent] = []
    begun, ended = 0.0, False
    while waiting or not ended:
        while not ended and len(waiting) < PROJECTED_AT_ONCE and not (waiting and commits.empty()):
            message = commits.get()
            ended = message is None
            begun, more = message or (begun, ())
            waiting += more
        if waiting:
            yield begun, waiting[:PROJECTED_AT_ONCE]
        waiting = waiting[PROJECTED_AT_ONCE:]


class Sending:
    """When records are sent."""

    def __init__(self, phases: Sequence[Phase]) -> None:
        self.has_rate = phases[0].rate < inf
        self._phases = phases
        self.ends = sum(phase.seconds for phase in phases)

    def due(self, elapsed: float) -> int:
        """How many were sent by a time."""
        if not self.has_rate:
            return 0
        left, count = elapsed, 0.0
        for phase in self._phases:
            count += phase.rate * min(max(left, 0), phase.seconds)
            left -= phase.seconds
        return int(count)

    def at(self, number: int) -> float:
        """When a record was sent."""
        ends = accumulate(phase.rate * phase.seconds for phase in self._phases)
        before, since = 0.0, 0.0
        for phase, end in zip(self._phases, ends, strict=True):
            if number + 1 <= end:
                break
            before, since = end, since + phase.seconds
        return since + (number + 1 - before) / phase.rate


def _sent(
    fleet: Fleet, numbers: Sequence[int], items: Sequence[Item], sending: Sending, elapsed: float
) -> Iterator[Sent]:
    times: dict[str, list[float]] = defaultdict(list)
    for number in numbers:
        device, _ = fleet.sender(fleet.greeting + number)
        times[str(stream_of(device))].append(sending.at(number) if sending.has_rate else elapsed)
    for item in items:
        yield item, times[item["stream"]["S"]]
