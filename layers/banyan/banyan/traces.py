"""Traces: what one request set off, over all streams."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final, Protocol

from banyan.events import CamelModel, Event, Metadata
from banyan.store import Commit
from banyan.store.raw import RawEvent, raw_events
from banyan.store.reader import StreamReader
from banyan.streams import StreamId

MAX_COMMITS: Final = 1000

LONGEST_ID: Final = 128
"""Longest correlation id that a request may bring; the key of the index would not hold any length."""


PAGE: Final = 4  # a commit, and the snapshot and other parts that may lie beside it


class TimelineEntry(CamelModel):
    """One event of a trace.

    Parameters
    ----------
    causation_id : str
        The request or event that directly caused it.
    parent : str, optional
        Event id of its cause, when that is part of the trace.
    compensation : bool
        It takes back what an earlier event did, as its domain declares.
    """

    event_id: str
    event_type: str
    stream_id: StreamId
    version: int
    timestamp: datetime
    actor: str
    causation_id: str
    parent: str | None = None
    compensation: bool = False


class Trace(CamelModel):
    """A whole trace.

    Parameters
    ----------
    entries : tuple[TimelineEntry, ...]
        In the order of time, and never an effect before its cause.
    complete : bool
        False when it has more commits than one answer holds.
    """

    correlation_id: str
    entries: tuple[TimelineEntry, ...]
    complete: bool = True


class Timeline:
    """Reads traces: the index says where, the event table says what.

    Parameters
    ----------
    compensations : Collection[str]
        Types of events that take something back.
    """

    def __init__(self, index: TraceIndex, store: StreamReader, compensations: Collection[str] = ()) -> None:
        self._index = index
        self._store = store
        self._compensations = compensations

    def trace(self, tenant: str, correlation_id: str, limit: int = MAX_COMMITS) -> Trace:
        """The trace of a correlation id among a tenant's streams, without entries when there is none.

        Parameters
        ----------
        tenant : str
            The verified caller's, or the one that an operator names.
        limit : int
            Most commits that are read.

        Raises
        ------
        StreamCorrupted, StoreUnavailable
        """
        rows = self._index.rows(tenant, correlation_id, limit + 1) if len(correlation_id) <= LONGEST_ID else ()
        entries = [entry for row in rows[:limit] for entry in self._entries(row)]
        return Trace(
            correlation_id=correlation_id,
            entries=tuple(_causes_first(_linked(entries))),
            complete=len(rows) <= limit,
        )

    def _entries(self, row: TraceRow) -> Iterator[TimelineEntry]:
        """The events of one commit that belong to the trace, still without their parents."""
        found = self._store.table.backward(row.stream, row.last, PAGE)
        commits = takewhile(lambda commit: commit.last >= row.first, (c for c in found if isinstance(c, Commit)))
        for commit in reversed(list(commits)):
            for event in self._events(commit):
                if (_metadata(event).correlation_id or event.event_id) == row.correlation_id:
                    yield self._entry(event, commit)

    def _events(self, commit: Commit) -> Sequence[Event | RawEvent]:
        """Events as they were recorded, or as they are stored where one of them cannot be read."""
        try:
            return self._store.decode(commit)
        except Exception:
            return list(raw_events(commit, self._store.registry))

    def _entry(self, event: Event | RawEvent, commit: Commit) -> TimelineEntry:
        metadata = _metadata(event)
        return TimelineEntry(
            event_id=event.event_id,
            event_type=event.event_type,
            stream_id=commit.stream,
            version=event.version,
            timestamp=commit.recorded_at,
            actor=metadata.actor,
            causation_id=metadata.causation_id,
            compensation=event.event_type in self._compensations,
        )


def _metadata(event: Event | RawEvent) -> Metadata:
    """What is known of an event; of one that is damaged, members that are text."""
    if isinstance(event, Event):
        return event.metadata
    found = {name: event.metadata.get(name) for name in ("correlationId", "causationId", "actor")}
    return Metadata.model_validate({name: value for name, value in found.items() if isinstance(value, str)})


def _linked(entries: Sequence[TimelineEntry]) -> Sequence[TimelineEntry]:
    """Entries with their causes, as far as these are part of the trace."""
    known = {entry.event_id for entry in entries if entry.event_id}
    return [
        entry.model_copy(update={"parent": entry.causation_id}) if entry.causation_id in known else entry
        for entry in entries
    ]


def _causes_first(entries: Sequence[TimelineEntry]) -> Iterator[TimelineEntry]:
    """The entries in their order, but for effects that another machine's clock put before their cause."""
    waiting: dict[str, TimelineEntry] = {entry.event_id: entry for entry in entries}
    for entry in entries:
        for cause in reversed(list(_chain(entry, waiting))):
            yield waiting.pop(cause.event_id)


def _chain(entry: TimelineEntry, waiting: Mapping[str, TimelineEntry]) -> Iterator[TimelineEntry]:
    """An entry and its causes, as far as they wait."""
    seen: set[str] = set()
    current: TimelineEntry | None = waiting.get(entry.event_id)
    while current and current.event_id not in seen:
        yield current
        seen.add(current.event_id)
        current = waiting.get(current.parent or "")


@dataclass(frozen=True, slots=True)
class TraceRow:
    """Where one commit of a trace stands.

    Parameters
    ----------
    recorded_at : datetime
        UTC.
    stream : StreamId
        Its tenant is the trace's.
    first, last : int
        Versions of its events.
    expires_at : datetime
        When it may be forgotten.
    """

    correlation_id: str
    recorded_at: datetime
    stream: StreamId
    first: int
    last: int
    expires_at: datetime


class TraceIndex(Protocol):
    """Where trace rows are kept. Both methods may raise ``StoreUnavailable``."""

    def put(self, row: TraceRow) -> None:
        """Keep a row; the same commit again changes nothing."""

    def rows(self, tenant: str, correlation_id: str, limit: int) -> Sequence[TraceRow]:
        """The first ``limit`` rows of a trace, in the order of time."""


class MemoryTraces:
    """Keeps trace rows in a dictionary."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, datetime, StreamId, int], TraceRow] = {}

    def put(self, row: TraceRow) -> None:
        self._rows[row.correlation_id, row.recorded_at, row.stream, row.first] = row

    def rows(self, tenant: str, correlation_id: str, limit: int) -> Sequence[TraceRow]:
        found = [r for r in self._rows.values() if (r.stream.tenant, r.correlation_id) == (tenant, correlation_id)]
        return sorted(found, key=lambda row: (row.recorded_at, str(row.stream), row.first))[:limit]


class Traces:
    """The effect that writes one row for each commit.

    An event without a correlation id begins a trace of its own, under its event id: policies pass that on.

    Parameters
    ----------
    days : int
        How long a row is kept.
    """

    def __init__(self, index: TraceIndex, days: int) -> None:
        self._index = index
        self._kept = timedelta(days=days)

    def act(self, commit: Commit, events: Sequence[Event]) -> None:
        for correlation_id in dict.fromkeys(event.metadata.correlation_id or event.event_id for event in events):
            self._index.put(
                TraceRow(
                    correlation_id=correlation_id,
                    recorded_at=commit.recorded_at,
                    stream=commit.stream,
                    first=events[0].version,
                    last=events[-1].version,
                    expires_at=commit.recorded_at + self._kept,
                )
            )
