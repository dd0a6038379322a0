"""What a rebuild will cost, before it is begun."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, hypot, sqrt
from statistics import fmean, stdev
from typing import Any, Final

from banyan.events import CamelModel
from banyan.projections.base import Projection, ViewProjection
from banyan.projections.items import FIELD_PREFIX, owned_item, state_item, value_of, view_item_key
from banyan.projections.memory import MemoryViews
from banyan.projections.processor import make_projector
from banyan.projections.projector import CommitSource, StreamBatch
from banyan.projections.rebuild.filling import STREAMS_AT_ONCE, chunks
from banyan.projections.rows import merge
from banyan.projections.views import Generation, OwnedRow, OwnedUpdate, StateRow, ViewKey, ViewRow, ViewUpdate
from banyan.store import EventStore, LogEntry
from banyan.store.base import timestamp
from banyan.store.items import Item, commit_item, item_size, log_key
from banyan.streams import BEGINNING_OF_TIME, StreamId

SECONDS: Final = 16.0
"""Below what a caller waits for an answer."""
FEWEST_PARTS: Final = 2
ENTRIES_AT_ONCE: Final = 500
MOST_SAMPLES: Final = 8
WRITES_OF_A_SEGMENT: Final = 6
READS_OF_A_SEGMENT: Final = 30
"""Builds and states, whatever there is to do."""
MILLION: Final = 1_000_000
EVENTUALLY: Final = 0.5
TRIAL: Final = Generation("trial")
READ_UNIT_BYTES: Final = 4096
WRITE_UNIT_BYTES: Final = 1024
IN_TRANSACTION: Final = 2
READS_OF_A_STATE: Final = 2
READS_OF_A_ROW: Final = 3
"""To compare it: the old one, the new one, and for a shared row whether the new one is there at all."""


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
    """What a rebuild will cost by an estimate, comparing included and snapshots not.

    Parameters
    ----------
    streams, commits : int
        As counted in the parts of the log that were walked, for all parts.
    walked, parts : int
        Parts of the log that were walked in the time there was, and that there are; streams are spread over them
        evenly.
    complete : bool
        Whether the walked parts were walked to their ends; if not, all figures are lower bounds.
    sampled : int
        Streams that the rest is estimated from.
    margin : float
        Twice the standard error of the units, as a share of them: by how much parts and samples differ.
    price : float
        In the currency of the prices.
    seconds : float
        At the write rate, unless something else is slower.
    """

    projection: str
    streams: int
    commits: int
    walked: int
    parts: int
    complete: bool
    sampled: int
    margin: float
    events: int
    rows: int
    read_units: float
    write_units: float
    price: float
    seconds: float


def preview(
    projection: Projection,
    store: EventStore,
    write_rate: int,
    prices: Prices,
    seconds: float = SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
) -> Preview:
    """Count some parts of the log, take a sample of streams into rows in memory, and add up what that would consume.

    Writes nothing. Walks as many parts as half the time allows, two at least; takes samples for the other half.

    Parameters
    ----------
    write_rate : int
        Write units per second.
    seconds : float
        After which it answers with what it has.
    monotonic : Callable[[], float]
        Seconds.

    Raises
    ------
    StoreUnavailable
    """
    begun, parts = monotonic(), len(store.log_buckets())
    census = _Census(store, projection.entities, 2 if isinstance(projection, ViewProjection) else 3)
    complete = census.take(parts, lambda: monotonic() - begun > seconds / 2)
    trial = _Trial(projection, store)
    for streams in census.samples:
        if not trial.streams or monotonic() - begun <= seconds:
            trial.take(streams)
    known = census.total(parts)
    share = known.streams / trial.streams if trial.streams else 0.0
    reads = trial.read_units * share + known.read_units + READS_OF_A_SEGMENT * parts
    writes = trial.write_units * share + WRITES_OF_A_SEGMENT * parts
    return Preview(
        **known.rounded(),
        **trial.rounded(share),
        projection=projection.name,
        walked=len(census.counts),
        parts=parts,
        complete=complete,
        margin=hypot(census.margin(parts), trial.margin(known.streams)),
        read_units=reads,
        write_units=writes,
        price=(reads * prices.read + writes * prices.write) / MILLION,
        seconds=writes / write_rate,
    )


@dataclass(slots=True)
class _Counts:
    """What a part of the log holds, and the units of walking it."""

    streams: float = 0.0
    commits: float = 0.0
    read_units: float = 0.0

    def rounded(self) -> dict[str, Any]:
        return {"streams": round(self.streams), "commits": round(self.commits)}


class _Census:
    """Counts parts of the log, and keeps a few runs of streams spread evenly over them."""

    def __init__(self, store: EventStore, entities: Collection[str], walks: int) -> None:
        self.counts: list[_Counts] = []
        self.samples: list[list[StreamId]] = []
        self._store = store
        self._entities = entities
        self._walks = walks
        self._stride = 1
        self._runs = 0

    def take(self, parts: int, enough: Callable[[], bool]) -> bool:
        """Count part after part until it is enough; whether those counted are whole."""
        for part in range(parts):
            whole, counts = self._count(part, enough)
            if whole or part < FEWEST_PARTS:
                self.counts.append(counts)
            if not whole:
                return part >= FEWEST_PARTS
        return True

    def total(self, parts: int) -> _Counts:
        """What all parts hold, if the others are as those that were counted."""
        scale = parts / len(self.counts)
        return _Counts(
            scale * sum(each.streams for each in self.counts),
            scale * sum(each.commits for each in self.counts),
            scale * sum(each.read_units for each in self.counts),
        )

    def margin(self, parts: int) -> float:
        """Of the number of streams, by how much the counted parts differ; 0 when all were counted."""
        left = 1 - len(self.counts) / parts
        return sqrt(left) * _margin([each.streams for each in self.counts]) if left else 0.0

    def _count(self, part: int, enough: Callable[[], bool]) -> tuple[bool, _Counts]:
        counts, units_of_a_byte = _Counts(), self._walks * EVENTUALLY / READ_UNIT_BYTES
        for entries in chunks(self._store.log(part), ENTRIES_AT_ONCE):
            if enough() and (counts.read_units or part >= FEWEST_PARTS):
                return False, counts
            own = [entry for entry in entries if entry.stream.entity in self._entities]
            counts.commits += len(own)
            counts.read_units += units_of_a_byte * sum(item_size(_index_item(entry)) for entry in entries)
            counts.streams += self._sample([entry.stream for entry in own if entry.position == 1])
        return True, counts

    def _sample(self, streams: Sequence[StreamId]) -> int:
        for run in chunks(streams, STREAMS_AT_ONCE):
            if self._runs % self._stride == 0:
                self.samples.append(run)
            self._runs += 1
            if len(self.samples) > MOST_SAMPLES:
                self.samples, self._stride = self.samples[::2], self._stride * 2
        return len(streams)


class _Trial:
    """Takes streams into rows in memory, and adds up what the same would consume on DynamoDB."""

    def __init__(self, projection: Projection, store: EventStore) -> None:
        self.streams = 0
        self.events = 0
        self.costs = CostingViews()
        self._store = store
        self._event_units = 0
        self._chunks = 0
        self._units: list[float] = []
        source = CommitSource(store)
        self._projector = make_projector(projection, self.costs, lambda: BEGINNING_OF_TIME, TRIAL, source)

    @property
    def read_units(self) -> float:
        """Of events, checkpoints and rows to compare, and of one state for each chunk."""
        return self._event_units + self.costs.read_units + self.costs.units_to_compare + self._chunks

    @property
    def write_units(self) -> float:
        """Of rows and cursors, and of one checkpoint for each chunk."""
        return self.costs.write_units + self._chunks

    def rounded(self, share: float) -> dict[str, Any]:
        """What was sampled, and what all streams come to if they are as the samples."""
        events, rows = self.events * share, self.costs.rows_written * share
        return {"sampled": self.streams, "events": round(events), "rows": round(rows)}

    def margin(self, streams: float) -> float:
        """Of the units of a stream, by how much the samples differ; 0 when all streams are among them."""
        left = 1 - self.streams / streams if streams else 0.0
        return sqrt(left) * _margin(self._units) if left > 0 else 0.0

    def take(self, streams: Sequence[StreamId]) -> None:
        before = self.read_units + self.write_units
        batch = [StreamBatch(stream, tuple(self._store.commits(stream))) for stream in streams]
        self._event_units += sum(_stream_units(each) for each in batch)
        self.events += sum(outcome.version for outcome in self._projector.project(batch))
        self.streams += len(batch)
        self._chunks += 1
        self._units.append((self.read_units + self.write_units - before) / len(batch))


def _stream_units(batch: StreamBatch) -> int:
    return units(sum(item_size(commit_item(commit, buckets=1)) for commit in batch.commits), READ_UNIT_BYTES)


def _margin(values: Sequence[float]) -> float:
    """Twice the standard error of a mean, as a share of it; 1 when a single value says nothing."""
    if len(values) < 2:
        return 1.0
    mean = fmean(values)
    return 2 * stdev(values) / sqrt(len(values)) / mean if mean else 0.0


def _index_item(entry: LogEntry) -> Item:
    return {
        "stream": {"S": str(entry.stream)},
        "position": {"N": str(entry.position)},
        "log_bucket": {"N": "0"},
        "log_key": {"S": log_key(entry)},
    }


class CostingViews(MemoryViews):
    """Adds up the units of reading checkpoints, of writing rows and cursors, and of comparing each row once."""

    def __init__(self) -> None:
        super().__init__()
        self.read_units = 0.0
        self.write_units = 0.0
        self._sizes: dict[ViewKey | StreamId | tuple[StreamId, str], int] = {}

    @property
    def rows_written(self) -> int:
        """Number of rows there are."""
        return len(self._sizes)

    @property
    def units_to_compare(self) -> float:
        """Read units of reading every row of two generations."""
        return sum(_units_to_compare(key, size) for key, size in self._sizes.items())

    def states(self, generation: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, StateRow]:
        self.read_units += len(streams)
        return super().states(generation, streams)

    def put_state(self, generation: Generation, row: StateRow, from_version: int) -> None:
        """A write to the table and to each lookup."""
        super().put_state(generation, row, from_version)
        self._sizes[row.stream] = size = item_size(state_item(generation, row))
        self.write_units += units(size, WRITE_UNIT_BYTES) * (1 + len(row.lookups))

    def update_owned(self, generation: Generation, updates: Sequence[OwnedUpdate]) -> None:
        """Twice what each item costs, in the table and in each lookup, unless nothing but one state is written."""
        super().update_owned(generation, updates)
        price = IN_TRANSACTION if len(updates) > 1 or any(update.rows for update in updates) else 1
        for update in updates:
            self._sizes[update.after.stream] = size = item_size(state_item(generation, update.after))
            self.write_units += price * units(size, WRITE_UNIT_BYTES)
            for sort, row in update.rows.items():
                self.write_units += price * self._owned_units(generation, (update.after.stream, sort), row)

    def read_owned(self, generation: Generation, stream: StreamId, sorts: Sequence[str]) -> Sequence[OwnedRow]:
        self.read_units += len(sorts)
        return super().read_owned(generation, stream, sorts)

    def _owned_units(self, generation: Generation, key: tuple[StreamId, str], row: OwnedRow | None) -> int:
        if row is None:
            return units(self._sizes.pop(key, 1), WRITE_UNIT_BYTES)
        self._sizes[key] = size = item_size(owned_item(generation, row))
        return units(size, WRITE_UNIT_BYTES) * (1 + len(row.lookups))

    def checkpoints(self, generation: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        self.read_units += len(streams)
        return super().checkpoints(generation, streams)

    def update(self, generation: Generation, updates: Sequence[ViewUpdate], projected_at: datetime) -> None:
        """Two writes for each cursor and each row, as in any transaction."""
        super().update(generation, updates, projected_at)
        rows = self.all_rows(generation)
        written = merge(updates).keys()
        self._sizes |= {key: item_size(_item(generation, key, rows[key])) for key in written if key in rows}
        written_units = sum(units(self._sizes.get(key, 1), WRITE_UNIT_BYTES) for key in written)
        self.write_units += IN_TRANSACTION * (len(updates) + written_units)


def units(size: int, unit: int) -> int:
    """Whole units that an item of some bytes takes."""
    return max(ceil(size / unit), 1)


def _units_to_compare(key: ViewKey | StreamId | tuple[StreamId, str], size: int) -> float:
    """A query reads all rows that a stream owns; others are read one by one."""
    if isinstance(key, tuple):
        return READS_OF_A_STATE * size / READ_UNIT_BYTES
    return (READS_OF_A_ROW if isinstance(key, ViewKey) else READS_OF_A_STATE) * units(size, READ_UNIT_BYTES)


def _item(generation: Generation, key: ViewKey, row: ViewRow) -> Item:
    fields = {FIELD_PREFIX + name: value_of(value) for name, value in row.fields.items()}
    times = {"recorded_at": {"S": timestamp(row.recorded_at)}, "projected_at": {"S": timestamp(row.projected_at)}}
    return view_item_key(generation, key) | {"version": {"N": str(row.version)}} | times | fields
