"""How far projections lag behind the log of all streams, at a cost that does not grow with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Final, Protocol

from banyan.projections.catchup import LogCheckpoints
from banyan.projections.projector import AnyProjector
from banyan.projections.views import Generation
from banyan.store import EventStore, LogEntry
from banyan.store.log import LAST
from banyan.streams import StreamId

ENTRIES_A_BUCKET: Final = 1000
STREAMS_LOOKED_AT: Final = 1000
"""Of a projection, those whose commits are the oldest since its last catch-up."""
NEWEST: Final = 2400
"""Of the newest commits, so many are looked at."""
FIRST_LOOK: Final = 320
"""So many of them are read at first; 40 a bucket, whose keys take one read unit."""
ASKED_STREAMS: Final = 100
"""So many keys one batch read takes."""
MINUTE: Final = timedelta(minutes=1)
SECOND: Final = timedelta(seconds=1)
"""What a rate is at least of: clocks differ, and a commit may be of a later moment than this."""
MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the live generation lags, parked streams left out.

    Parameters
    ----------
    events : int
        Events that are not applied; of the newest commit of each stream only the first is counted.
    milliseconds : int
        Age of the oldest commit that is not applied, 0 when there is none.
    complete : bool
        Whether all commits since the last catch-up were looked at; if not, both numbers are lower bounds.
    """

    events: int
    milliseconds: int
    complete: bool


class LookAtLog(Protocol):
    """What one look at the log shows, and how far projections have come."""

    def recent(self, live: AnyProjector) -> tuple[Sequence[LogEntry], bool]:
        """Entries that a live generation may lack, the oldest first, and whether these are all."""

    def reached(self, live: AnyProjector, entries: Sequence[LogEntry]) -> Mapping[StreamId, int]:
        """Up to which version the streams of entries are applied; only of as many as a look is for."""


def lag_of(live: AnyProjector, log: LookAtLog, wanted: Callable[[StreamId], bool], now: datetime) -> Lag:
    """How far a live generation lags in some streams."""
    entries, complete = log.recent(live)
    own = [each for each in entries if wanted(each.stream)]
    reached = log.reached(live, own)
    missing = [entry for entry in own if entry.position > reached.get(entry.stream, entry.position)]
    newest = {entry.stream: entry.position for entry in missing}
    events = sum(position - reached[stream] for stream, position in newest.items())
    age = max(0, round((now - missing[0].recorded_at) / MILLISECOND)) if missing else 0
    return Lag(events, age, complete and all(entry.stream in reached for entry in own))


class CommitsSinceCatchUp:
    """The oldest commits since each projection's last catch-up.

    A look costs one query for the number of buckets; for each projection, one query of each bucket, which is shared by
    projections that caught up together, and one batch read for 100 streams that moved, up to ``STREAMS_LOOKED_AT``.
    """

    def __init__(self, store: EventStore, checkpoints: LogCheckpoints) -> None:
        self._buckets = store.log_buckets()
        self._checkpoints = checkpoints
        self._first = cache(lambda bucket, after: list(islice(store.log(bucket, after), ENTRIES_A_BUCKET)))

    def recent(self, live: AnyProjector) -> tuple[Sequence[LogEntry], bool]:
        moments = self._checkpoints.get(live.generation, self._buckets)
        looks = [self._first(bucket, moments.get(bucket, live.since)) for bucket in self._buckets]
        return _merged(looks), all(len(found) < ENTRIES_A_BUCKET for found in looks)

    def reached(self, live: AnyProjector, entries: Sequence[LogEntry]) -> Mapping[StreamId, int]:
        streams = list(dict.fromkeys(entry.stream for entry in entries))[:STREAMS_LOOKED_AT]
        return {**dict.fromkeys(streams, 0), **live.checkpoints(streams)}


@dataclass(frozen=True, slots=True)
class Throughput:
    """What was recorded of late.

    Parameters
    ----------
    seconds : float
        Up to now; fewer than ``MINUTE`` when more was recorded than one look at the log shows.
    events : int
        Of each stream's newest commit only the first is counted until something has applied it.
    """

    seconds: float
    commits: int
    events: int

    @property
    def whole_minute(self) -> bool:
        """Whether it is of a whole ``MINUTE``."""
        return self.seconds >= MINUTE.total_seconds()


class LagMemory:
    """What looks at the newest commits leave to the next one of a process.

    Nothing that was applied is undone, nor does a catch-up go back: what is remembered may be old and is not wrong.
    """

    def __init__(self, checkpoints: LogCheckpoints) -> None:
        self._checkpoints = checkpoints
        self._moments: dict[Generation, tuple[datetime, Mapping[int, datetime]]] = {}
        self.applied: dict[Generation, Mapping[StreamId, int]] = {}

    def moments(self, generation: Generation, buckets: Sequence[int], now: datetime) -> Mapping[int, datetime]:
        """Up to when each bucket is applied, as it was known within the last minute."""
        read_at, found = self._moments.get(generation, (None, {}))
        if read_at is None or not timedelta(0) <= now - read_at < MINUTE:
            found = self._checkpoints.get(generation, buckets)
            self._moments[generation] = now, found
        return found


class _NewestOfBucket:
    """The newest commits of a bucket, read as far back as is asked for, and no further than ``most``."""

    def __init__(self, entries: Iterator[LogEntry], most: int) -> None:
        self._entries = islice(entries, most)
        self._found: list[LogEntry] = []
        self._most = most

    def since(self, moment: datetime) -> tuple[list[LogEntry], bool]:
        """Those since a moment, the newest first, and whether these are all."""
        while not self._found or self._found[-1].recorded_at >= moment:
            entry = next(self._entries, None)
            if entry is None:
                return list(self._found), len(self._found) < self._most
            self._found.append(entry)
        return [entry for entry in self._found if entry.recorded_at >= moment], True


class NewestCommits:
    """The newest commits of the log, read once.

    A look costs one query for the number of buckets, and one for each, or some more when much was recorded since a
    catch-up; for each projection, once a minute, one batch read for how far its catch-up has come, and one of
    ``ASKED_STREAMS`` that are not known to be applied.
    """

    def __init__(self, store: EventStore, memory: LagMemory, now: datetime) -> None:
        self._buckets = store.log_buckets()
        page, most = (max(number // len(self._buckets), 10) for number in (FIRST_LOOK, NEWEST))
        self._newest = {
            bucket: _NewestOfBucket(store.table.log_behind(bucket, LAST, page, newest_first=True), most)
            for bucket in self._buckets
        }
        self._memory = memory
        self._now = now
        self._ends: dict[StreamId, int] = {}

    def recent(self, live: AnyProjector) -> tuple[Sequence[LogEntry], bool]:
        moments = self._memory.moments(live.generation, self._buckets, self._now)
        looks = [newest.since(moments.get(bucket, live.since)) for bucket, newest in self._newest.items()]
        return _merged(found for found, _ in looks), all(complete for _, complete in looks)

    def reached(self, live: AnyProjector, entries: Sequence[LogEntry]) -> Mapping[StreamId, int]:
        known, newest = self._memory.applied.get(live.generation, {}), dict[StreamId, int]()
        for entry in reversed(entries):
            newest.setdefault(entry.stream, entry.position)
        applied = {stream: known[stream] for stream, end in newest.items() if known.get(stream, 0) >= end}
        asked = _both_ends([stream for stream in newest if stream not in applied], ASKED_STREAMS)
        found = {**dict.fromkeys(asked, 0), **live.checkpoints(asked)} if asked else {}
        reached = applied | found
        self._memory.applied[live.generation] = reached
        for stream, version in reached.items():
            self._ends[stream] = max(version, self._ends.get(stream, 0))
        return reached

    def throughput(self) -> Throughput:
        """What was recorded within the last minute, or for as long as all commits are known."""
        looks = [newest.since(self._now - MINUTE) for newest in self._newest.values()]
        known = max([self._now - MINUTE, *(found[-1].recorded_at for found, complete in looks if not complete)])
        since = min(known, self._now - SECOND)
        entries = [entry for entry in _merged(found for found, _ in looks) if entry.recorded_at >= since]
        first = {entry.stream: entry.position for entry in reversed(entries)}
        last = {entry.stream: max(entry.position, self._ends.get(entry.stream, 0)) for entry in entries}
        events = sum(last[stream] - first[stream] + 1 for stream in first)
        return Throughput((self._now - since).total_seconds(), len(entries), events)


def _both_ends(streams: Sequence[StreamId], most: int) -> Sequence[StreamId]:
    """As many as are wanted: the first ones are what is being applied, the last ones say how old a lag is."""
    return streams if len(streams) <= most else [*streams[: most // 2], *streams[-(most - most // 2) :]]


def _merged(looks: Iterable[Iterable[LogEntry]]) -> list[LogEntry]:
    return sorted((entry for found in looks for entry in found), key=lambda entry: entry.recorded_at)
