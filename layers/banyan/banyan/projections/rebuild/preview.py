"""What a rebuild will cost, before it is begun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from banyan.events import CamelModel
from banyan.projections.base import Projection, ViewProjection
from banyan.projections.batch import Delivery
from banyan.projections.projecting import Everything, Source
from banyan.projections.projectors import make_projector
from banyan.projections.rebuild.base import Segment
from banyan.projections.rebuild.costing import READ_UNIT_BYTES, CostingViews, units
from banyan.projections.rebuild.healing import STREAMS_AT_ONCE
from banyan.projections.rebuild.walk import Walk, chunks
from banyan.projections.views import Generation
from banyan.store import EventStore, LogEntry
from banyan.store.items import Item, commit_item, item_size, log_key
from banyan.streams import BEGINNING_OF_TIME, StreamId

MOST_SAMPLES: Final = 8
WRITES_OF_A_SEGMENT: Final = 6
READS_OF_A_SEGMENT: Final = 30
"""Checkpoints and controls, whatever there is to do."""
MILLION: Final = 1_000_000
EVENTUALLY: Final = 0.5
TRIAL: Final = Generation("trial")


@dataclass(frozen=True, slots=True)
class Prices:
    """What on-demand capacity costs.

    Parameters
    ----------
    read, write : float
        Of a million request units, in whatever currency.
    """

    read: float
    write: float


class Preview(CamelModel):
    """What a rebuild will cost, comparing included and snapshots not.

    Parameters
    ----------
    projection : str
    streams, commits : int
        Counted in the log.
    sampled : int
        Streams that the rest is estimated from.
    events, rows : int
    read_units, write_units : float
    price : float
        In the currency of the prices.
    seconds : float
        At the write rate, unless something else is slower.
    """

    projection: str
    streams: int
    commits: int
    sampled: int
    events: int
    rows: int
    read_units: float
    write_units: float
    price: float
    seconds: float


def preview(projection: Projection, store: EventStore, write_rate: int, prices: Prices) -> Preview:
    """Count the log, take a sample of streams into rows in memory, and add up what that would have consumed.

    Reads the whole log of keys and the sample's events; writes nothing.

    Raises
    ------
    StoreUnavailable
    """
    walks = 2 if isinstance(projection, ViewProjection) else 3
    census = _Census(Walk(store, projection.entity), walks)
    for bucket in range(store.table.buckets):
        census.take(Segment(bucket))
    trial = _Trial(projection, store)
    for streams in census.samples:
        trial.take(streams)
    share = census.streams / trial.streams if trial.streams else 0.0
    reads = trial.read_units * share + census.read_units + READS_OF_A_SEGMENT * store.table.buckets
    writes = trial.write_units * share + WRITES_OF_A_SEGMENT * store.table.buckets
    return Preview(
        projection=projection.name,
        streams=census.streams,
        commits=census.commits,
        sampled=trial.streams,
        events=round(trial.events * share),
        rows=round(trial.costs.rows_written * share),
        read_units=reads,
        write_units=writes,
        price=(reads * prices.read + writes * prices.write) / MILLION,
        seconds=writes / write_rate,
    )


class _Census:
    """Counts the log, and keeps a few runs of streams spread evenly over it."""

    def __init__(self, walk: Walk, walks: int) -> None:
        self.streams = 0
        self.commits = 0
        self.read_units = 0.0
        self.samples: list[list[StreamId]] = []
        self._walk = walk
        self._walks = walks
        self._stride = 1
        self._runs = 0

    def take(self, segment: Segment) -> None:
        for firsts in chunks(self._firsts(segment), STREAMS_AT_ONCE):
            self.streams += len(firsts)
            if self._runs % self._stride == 0:
                self.samples.append([first.stream for first in firsts])
            self._runs += 1
            if len(self.samples) > MOST_SAMPLES:
                self.samples, self._stride = self.samples[::2], self._stride * 2

    def _firsts(self, segment: Segment) -> Iterator[LogEntry]:
        for entry in self._walk.commits(segment):
            self.commits += 1
            self.read_units += self._walks * EVENTUALLY * item_size(_index_item(entry)) / READ_UNIT_BYTES
            if entry.position == 1:
                yield entry


class _Trial:
    """Takes streams into rows in memory, and adds up what the same would consume on DynamoDB."""

    def __init__(self, projection: Projection, store: EventStore) -> None:
        self.streams = 0
        self.events = 0
        self.costs = CostingViews()
        self._store = store
        self._event_units = 0
        self._chunks = 0
        source = Source(store, Everything())
        self._projector = make_projector(projection, TRIAL, self.costs, source, lambda: BEGINNING_OF_TIME)

    @property
    def read_units(self) -> float:
        """Of events, watermarks and rows to compare, and of one control for each chunk."""
        return self._event_units + self.costs.read_units + self.costs.units_to_compare + self._chunks

    @property
    def write_units(self) -> float:
        """Of rows and cursors, and of one checkpoint for each chunk."""
        return self.costs.write_units + self._chunks

    def take(self, streams: Sequence[StreamId]) -> None:
        batch = [Delivery(stream, tuple(self._store.commits(stream))) for stream in streams]
        self._event_units += sum(_stream_units(delivery) for delivery in batch)
        self.events += sum(outcome.version for outcome in self._projector.project(batch))
        self.streams += len(batch)
        self._chunks += 1


def _stream_units(delivery: Delivery) -> int:
    return units(sum(item_size(commit_item(commit, buckets=1)) for commit in delivery.commits), READ_UNIT_BYTES)


def _index_item(entry: LogEntry) -> Item:
    return {
        "stream": {"S": str(entry.stream)},
        "position": {"N": str(entry.position)},
        "log_bucket": {"N": "0"},
        "log_key": {"S": log_key(entry)},
    }
