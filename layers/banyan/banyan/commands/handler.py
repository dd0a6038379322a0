"""Handling commands: load, decide, append; again on conflict, and never twice."""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import uuid4

from pydantic import BaseModel

from banyan.decider import Decider
from banyan.errors import CommandRejected, ConcurrencyError
from banyan.events import DomainEvent, Event, Metadata
from banyan.store import Appended, Commit, EventStore, Loaded
from banyan.store.eventstore import restore
from banyan.streams import StreamHead, StreamId
from banyan.telemetry import NoTelemetry, Telemetry, span

REMEMBERED_COMMITS: Final = 128
SEARCHED_COMMITS: Final = 10_000
"""Kept of a stream that was searched: a megabyte or two, while its aggregate is kept."""

EVER: Final = datetime.min.replace(tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)

_Place = tuple[int, datetime]


@dataclass(frozen=True, slots=True)
class CommitIdCache:
    """Commits of one stream by id, each with its last version and the moment of its recording, oldest first.

    Parameters
    ----------
    since : datetime
        All that were recorded at this moment or later, up to some head, are among them.
    limit : int
        So many are kept at most.
    """

    places: Mapping[str, _Place] = field(default_factory=dict)
    since: datetime = EVER
    limit: int = REMEMBERED_COMMITS

    @classmethod
    def of(cls, loaded: Loaded) -> CommitIdCache:
        """What loading a stream shows: all of it, or what came after its snapshot."""
        if loaded.snapshot is None:
            return cls().followed_by(loaded.commits)
        oldest = loaded.commits[0].recorded_at if loaded.commits else loaded.head.recorded_at
        return cls(since=oldest + _TICK).followed_by(loaded.commits)

    @property
    def oldest(self) -> int | None:
        """Last version of the oldest one."""
        return next((version for version, _ in self.places.values()), None)

    def version(self, commit_id: str) -> int | None:
        """Last version of a commit, if it is among them."""
        place = self.places.get(commit_id)
        return place and place[0]

    def followed_by(self, commits: Iterable[Commit]) -> CommitIdCache:
        """Add what came after them, oldest first."""
        return self._bounded({**self.places, **_places(commits)}, self.since, self.limit)

    def and_own(self, commit_id: str, head: StreamHead) -> CommitIdCache:
        """Add a commit that was just appended after them."""
        return self._bounded({**self.places, commit_id: (head.version, head.recorded_at)}, self.since, self.limit)

    def preceded_by(self, places: dict[str, _Place], since: datetime) -> CommitIdCache:
        """Add what came before them, newest first: all since a moment, however many they are."""
        oldest_first = dict(reversed(places.items()))
        return CommitIdCache({**oldest_first, **self.places}, since, SEARCHED_COMMITS)

    def bounded(self) -> CommitIdCache:
        """Those of them that are worth keeping."""
        return self._bounded(self.places, self.since, self.limit)

    @staticmethod
    def _bounded(places: Mapping[str, _Place], since: datetime, limit: int) -> CommitIdCache:
        surplus = len(places) - limit
        if surplus <= 0:
            return CommitIdCache(places, since, limit)
        dropped = list(islice(places.values(), surplus))
        return CommitIdCache(dict(islice(places.items(), surplus, None)), dropped[-1][1] + _TICK, limit)


def _places(commits: Iterable[Commit]) -> dict[str, _Place]:
    return {commit.commit_id: (commit.last, commit.recorded_at) for commit in commits}


S = TypeVar("S", bound=BaseModel)
C = TypeVar("C")

CLOCK_SKEW: Final = timedelta(minutes=1)
"""Taken off a moment that another machine's clock gave before it serves as ``first_attempt``."""


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[S]):
    """A state, the head it stands for, and the commits it is known to hold."""

    head: StreamHead
    state: S
    commits: CommitIdCache


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S]):
    """What became of a command.

    Parameters
    ----------
    head : StreamHead
        Where its commit ended.
    state : State
        State at ``head``.
    events : Sequence[Event]
        Empty when the decider found nothing to do.
    repeated : bool
        True when the command had been handled before; the rest is then the first outcome.
    """

    head: StreamHead
    state: S
    events: Sequence[Event]
    repeated: bool = False


class AggregateCache(Generic[S]):
    """The aggregates a warm container used last, safe to share between threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[StreamId, Aggregate[S]] = OrderedDict()
        self._lock = Lock()

    def get(self, stream: StreamId) -> Aggregate[S] | None:
        """The aggregate as last seen, if still kept."""
        with self._lock:
            if stream in self._kept:
                self._kept.move_to_end(stream)
            return self._kept.get(stream)

    def put(self, aggregate: Aggregate[S]) -> None:
        """Keep an aggregate unless a newer one is kept; the one unused for longest makes room."""
        stream = aggregate.head.stream
        with self._lock:
            kept = self._kept.get(stream)
            if kept is None or kept.head.version <= aggregate.head.version:
                self._kept[stream] = aggregate
                self._kept.move_to_end(stream)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


class Aggregates(Generic[S]):
    """The aggregates of one entity: as a warm container keeps them, and as the store has them now.

    Parameters
    ----------
    size : int
        So many are kept between calls.
    """

    def __init__(self, store: EventStore, decider: Decider[S, Any], size: int = 256) -> None:
        self.decider = decider
        self._store = store
        self._cache: AggregateCache[S] = AggregateCache(size)

    def kept(self, stream: StreamId) -> Aggregate[S] | None:
        """An aggregate as it was last seen here; the stream may have gone on."""
        return self._cache.get(stream)

    def load(self, stream: StreamId) -> Aggregate[S]:
        """An aggregate as of now: all but what is new comes from the cache or a snapshot."""
        kept = self._cache.get(stream)
        aggregate = self._load_tail(kept) if kept else self._load_back(stream)[0]
        self._cache.put(aggregate)
        return aggregate

    def searched(self, aggregate: Aggregate[S], commit_id: str, first_attempt: datetime | None) -> Aggregate[S]:
        """Know a commit if it was made since a first attempt, and what came after it, or after that moment.

        One search serves all later commands of this process.
        """
        known = aggregate.commits
        if first_attempt is None or first_attempt >= known.since or commit_id in known.places:
            return aggregate
        places: dict[str, _Place] = {}
        since = first_attempt
        for commit in self._store.recorded_since(aggregate.head.stream, first_attempt, known.oldest):
            places.setdefault(commit.commit_id, (commit.last, commit.recorded_at))
            if commit.commit_id == commit_id:
                since = commit.recorded_at + _TICK
                break
        searched = replace(aggregate, commits=known.preceded_by(places, since))
        self._cache.put(replace(searched, commits=searched.commits.bounded()))
        return searched

    def find(self, stream: StreamId, commit_id: str, first_attempt: datetime) -> Outcome[S] | None:
        """What became of a command, if its commit stands."""
        aggregate = self.searched(self.load(stream), commit_id, first_attempt)
        version = aggregate.commits.version(commit_id)
        return None if version is None else self.outcome_at(stream, version, commit_id)

    def appended(self, aggregate: Aggregate[S], appended: Appended, commit_id: str) -> Outcome[S]:
        """What became of an aggregate by an append of this process."""
        state = self.decider.fold(appended.events.payloads, aggregate.state)
        self._cache.put(Aggregate(appended.head, state, aggregate.commits.and_own(commit_id, appended.head)))
        return Outcome(appended.head, state, appended.events, appended.repeated)

    def outcome_at(self, stream: StreamId, version: int, commit_id: str) -> Outcome[S]:
        """What became of a command by a commit that ends at a version."""
        aggregate, loaded = self._load_back(stream, version)
        own = [commit for commit in loaded.commits if commit.commit_id == commit_id]
        return Outcome(aggregate.head, aggregate.state, self._store.recorded(own), repeated=True)

    def around(self, stream: StreamId, commit_id: str, recorded_at: datetime) -> tuple[Aggregate[S], Outcome[S]]:
        """An aggregate before a commit, and what became of it by that; as it was then, if it has no such commit."""
        now = self.searched(self.load(stream), commit_id, recorded_at - CLOCK_SKEW)
        version = now.commits.version(commit_id)
        if version is None:
            then = self._as_of(now, recorded_at)
            return then, Outcome(then.head, then.state, ())
        outcome = self.outcome_at(stream, version, commit_id)
        return self._load_back(stream, outcome.events[0].version - 1)[0], outcome

    def _as_of(self, now: Aggregate[S], moment: datetime) -> Aggregate[S]:
        stream = now.head.stream
        later = [commit.position for commit in self._store.recorded_since(stream, moment + _TICK)]
        return self._load_back(stream, later[-1] - 1)[0] if later else now

    def _load_back(self, stream: StreamId, upto: int | None = None) -> tuple[Aggregate[S], Loaded]:
        loaded = self._store.load(stream, state_version=self.decider.state_version, upto=upto)
        state = restore(self.decider, loaded.snapshot)
        if loaded.snapshot and state is None:
            loaded = self._store.load(stream, upto=upto)
        base = self.decider.initial() if state is None else state
        return self._evolved(base, CommitIdCache.of(loaded), loaded), loaded

    def _load_tail(self, kept: Aggregate[S]) -> Aggregate[S]:
        loaded = self._store.load(kept.head.stream, since=kept.head)
        return self._evolved(kept.state, kept.commits.followed_by(loaded.commits), loaded)

    def _evolved(self, state: S, known: CommitIdCache, loaded: Loaded) -> Aggregate[S]:
        state = self.decider.fold(loaded.events.payloads, state)
        return Aggregate(loaded.head, state, known)


R = TypeVar("R")


class ConflictRetries:
    """Tries again what lost to another writer, a bounded number of times.

    Parameters
    ----------
    more : int
        Further attempts after a conflict.
    backoff_ms : int
        Upper bound of the first wait, ms; doubles with each attempt, fully jittered.
    sleep : Callable[[float], None]
        Seconds.
    """

    def __init__(
        self,
        more: int = 3,
        backoff_ms: int = 200,
        telemetry: Telemetry | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._more = more
        self._backoff = backoff_ms / 1000
        self._telemetry = telemetry or NoTelemetry()
        self._sleep = sleep

    def settle(self, attempt: Callable[[bool], R], trust: bool, final: StreamId | None) -> R:
        """Attempt, the first time with ``trust`` in what is kept; raises the last ``ConcurrencyError``.

        Trust that was misplaced says that the stream has gone on, not that others are writing it now: so the next
        attempt follows at once, and is the first of those that are counted.

        Parameters
        ----------
        final : StreamId, optional
            A conflict on this stream is not tried again.
        """
        if trust:
            try:
                return attempt(True)
            except ConcurrencyError as conflict:
                self._count(conflict, last=conflict.stream == final)
        for number in range(self._more + 1):
            try:
                return attempt(False)
            except ConcurrencyError as conflict:
                self._count(conflict, last=number == self._more or conflict.stream == final)
            self._sleep(random.uniform(0, self._backoff * 2**number))
        raise AssertionError("unreachable")

    def _count(self, conflict: ConcurrencyError, *, last: bool) -> None:
        """Raises the conflict when it is the last."""
        self._telemetry.count("Conflicts")
        if last:
            raise conflict


Finder = Callable[[StreamId, str, datetime], Outcome[Any] | None]
"""Finds what became of a command in its stream, by the id of its commit, made not before some moment; only reads."""


class HandlesCommands(Protocol):
    """Whatever handles the commands of an entity."""

    @property
    def finder(self) -> Finder | None:
        """Set where a commit in its stream shows all that became of a command."""

    def handle(
        self,
        stream: StreamId,
        command: Any,
        *,
        commit_id: str | None = None,
        metadata: Metadata | None = None,
        expected: int | None = None,
        first_attempt: datetime | None = None,
        optimistic: bool = False,
    ) -> Outcome[Any]: ...


class CommandHandler(Generic[S, C]):
    """Runs a decider's commands against the event store.

    Parameters
    ----------
    retries : ConflictRetries, optional
        After a conflict.
    cache_size : int
        Aggregates kept between calls.
    """

    def __init__(
        self,
        store: EventStore,
        decider: Decider[S, C],
        *,
        retries: ConflictRetries | None = None,
        cache_size: int = 256,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._store = store
        self.aggregates = Aggregates(store, decider, cache_size)
        self.finder: Finder | None = self.aggregates.find
        self._telemetry = telemetry or NoTelemetry()
        self._retries = retries or ConflictRetries(telemetry=telemetry)

    def handle(
        self,
        stream: StreamId,
        command: C,
        *,
        commit_id: str | None = None,
        metadata: Metadata | None = None,
        expected: int | None = None,
        optimistic: bool = False,
        first_attempt: datetime | None = None,
    ) -> Outcome[S]:
        """Decide on a command and append what follows.

        Parameters
        ----------
        commit_id : str, optional
            Idempotency id of the command.
        expected : int, optional
            Version the caller saw; any other is a conflict that is not tried again.
        optimistic : bool
            Trust a kept aggregate without reading; the append finds out.
        first_attempt : datetime, optional
            Given when an earlier attempt of the same command may have succeeded unseen, not before this
            moment: the stream is then searched back to it, as far as it is not known already.

        Raises
        ------
        CommandRejected
            The decider refused.
        ConcurrencyError
            Still conflicting after the last retry, or not at ``expected``.
        StoreUnavailable
            The outcome is unknown; repeat with the same ``commit_id``.
        """
        commit_id = commit_id or str(uuid4())
        trust = optimistic and first_attempt is None
        attributes = {"banyan.entity": stream.entity, "banyan.command": type(command).__name__}
        attempt = partial(self._attempt, stream, command, commit_id, metadata, expected, first_attempt)
        with span("command", metadata.traceparent if metadata else "", attributes):
            return self._retries.settle(attempt, trust, None if expected is None else stream)

    def load(self, stream: StreamId) -> Aggregate[S]:
        """The aggregate as of now: all but what is new comes from the cache or a snapshot."""
        return self.aggregates.load(stream)

    def _attempt(
        self,
        stream: StreamId,
        command: C,
        commit_id: str,
        metadata: Metadata | None,
        expected: int | None,
        first_attempt: datetime | None,
        trust: bool,
    ) -> Outcome[S]:
        kept = self._kept_decision(stream, command, commit_id, expected) if trust else None
        if kept:
            return self._append(*kept, commit_id, metadata)
        aggregate = self.aggregates.searched(self.load(stream), commit_id, first_attempt)
        version = aggregate.commits.version(commit_id)
        if version is not None:
            return self.aggregates.outcome_at(stream, version, commit_id)
        if expected is not None and expected != aggregate.head.version:
            raise ConcurrencyError(stream, expected, aggregate.head.version)
        events = self.aggregates.decider.decided(command, aggregate.state)
        if not events:
            return Outcome(aggregate.head, aggregate.state, ())
        return self._append(aggregate, events, commit_id, metadata)

    def _kept_decision(
        self, stream: StreamId, command: C, commit_id: str, expected: int | None
    ) -> tuple[Aggregate[S], Sequence[DomainEvent]] | None:
        """What follows from the kept aggregate, unless only a fresh one can show that.

        A state that may be old proves itself by an append, never by a refusal or by nothing to do.
        """
        kept = self.aggregates.kept(stream)
        if kept is None or commit_id in kept.commits.places or expected not in (None, kept.head.version):
            return None
        try:
            events = self.aggregates.decider.decided(command, kept.state)
        except CommandRejected:
            return None
        return (kept, events) if events else None

    def _append(
        self, aggregate: Aggregate[S], events: Sequence[DomainEvent], commit_id: str, metadata: Metadata | None
    ) -> Outcome[S]:
        started = time.perf_counter()
        appended = self._store.append(
            aggregate.head.stream, aggregate.head, events, commit_id=commit_id, metadata=metadata
        )
        self._telemetry.duration("AppendLatency", (time.perf_counter() - started) * 1000)
        return self.aggregates.appended(aggregate, appended, commit_id)
