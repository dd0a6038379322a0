"""Ingesting: what arrived for a stream of events becomes one command, and one commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5
from zlib import crc32

from banyan.commands.handler import Aggregates, Outcome
from banyan.errors import ConcurrencyError, ConfigurationError, EventError, StoreUnavailable, StreamCorrupted
from banyan.ingest import Ingest, Ingested
from banyan.store.eventstore import Clock
from banyan.streams import StreamId

MAX_REFERENCE_AGE: Final = timedelta(seconds=60)
AGES: Final = 32
"""Parts of the second half of that age: what was read at once is not read again at once."""
TRACKED_REFERENCES: Final = 10_000
"""And, beyond that, twice those of a minute."""
TRACKED_STREAMS: Final = 100_000
REMEMBERED_GUESSES: Final = 32
WRONG_GUESSES: Final = 0.2
"""Share of the guesses above which it is cheaper to read first."""

TRIED_AGAIN: Final = (StoreUnavailable, ConcurrencyError)
"""Errors after which the same records may be recorded later."""
OF_THE_STREAM: Final = (*TRIED_AGAIN, StreamCorrupted, EventError, ConfigurationError)
"""Errors that no record alone would be spared."""

_IDS: Final = UUID("8d6c1f0b-5b0e-5c55-9a39-0d1c7c7b3a52")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one record says for one stream.

    Parameters
    ----------
    record : str
        Identifies the record, the same in each delivery of it; of an HTTP request all arrivals have the same.
    """

    stream: StreamId
    content: Any
    record: str = ""


@dataclass(frozen=True, slots=True)
class IngestedStream:
    """What became of what arrived for one stream.

    Parameters
    ----------
    records : Sequence[str]
        Those that the command was made of, each once, in order of arrival.
    outcome : Outcome, optional
        Of the one command; without events when all of it had been recorded before.
    error : Exception, optional
        In place of an outcome: ``CommandRejected`` when the domain refuses what arrived.
    """

    stream: StreamId
    records: Sequence[str]
    outcome: Outcome[Any] | None = None
    error: Exception | None = None


HandleOne = Callable[[StreamId, Any, Sequence[str]], Outcome[Any]]
"""Handles the command of one stream; the texts are the records that it was made of."""


def delivery_id(stream: StreamId, records: Sequence[str]) -> str:
    """The commit id of what some records say for a stream: the same whenever just these are delivered together."""
    return str(uuid5(_IDS, f"{stream} {' '.join(records)}"))


class References:
    """The states that commands are given: as this process knows them, read again once they are a minute old at most.

    How old differs from stream to stream, from half of that on: a process that starts reads those of all its senders at
    once, and would stand still for that once a minute otherwise.

    A stream without events is asked for each time, so that what was just registered is known at once.

    Parameters
    ----------
    aggregates : Aggregates
        Shared with the handler of that entity: what this process records itself, it knows.
    """

    def __init__(self, aggregates: Aggregates[Any], clock: Clock) -> None:
        self._aggregates = aggregates
        self._clock = clock
        self._read_at: dict[StreamId, datetime] = {}
        self._room = TRACKED_REFERENCES

    def state(self, stream: StreamId) -> Any:
        """The state of a stream, or ``None`` when it has no events. Raises as ``EventStore.load``."""
        now = self._clock()
        kept = self._aggregates.kept(stream)
        if kept is None or not kept.head.version or not self._is_fresh(stream, now):
            kept = self._aggregates.load(stream)
            self._remember(stream, now)
        return kept.state if kept.head.version else None

    def _is_fresh(self, stream: StreamId, now: datetime) -> bool:
        read_at = self._read_at.get(stream)
        return read_at is not None and now - read_at < max_age(stream)

    def _remember(self, stream: StreamId, now: datetime) -> None:
        if len(self._read_at) >= self._room:
            self._read_at = {each: at for each, at in [*self._read_at.items()] if now - at < MAX_REFERENCE_AGE}
            self._room = max(TRACKED_REFERENCES, 2 * len(self._read_at))
        self._read_at[stream] = now


def max_age(stream: StreamId) -> timedelta:
    """How old the state of a stream may be, the same in every process."""
    return MAX_REFERENCE_AGE * (AGES + 1 + crc32(str(stream).encode()) % AGES) / (2 * AGES)


class Guesses:
    """Whether states that this process keeps are worth a guess: a refused write costs five times what a read does.

    Where several processes write the same streams in turn most states are old. That shows in every outcome, guessed or
    not: whether the stream stood where it was left.
    """

    def __init__(self) -> None:
        self._heads: dict[StreamId, int] = {}
        self._wrong = 0.0

    @property
    def pay(self) -> bool:
        """Whether few of the last guesses would have been wrong."""
        return self._wrong < WRONG_GUESSES

    def learn(self, outcome: Outcome[Any]) -> None:
        """Compare where a stream stood with where it was left."""
        stream, left = outcome.head.stream, self._heads.get(outcome.head.stream)
        if outcome.events and left is not None:
            self._wrong += (float(outcome.events[0].version != left + 1) - self._wrong) / REMEMBERED_GUESSES
        if len(self._heads) >= TRACKED_STREAMS:
            self._heads.clear()
        self._heads[stream] = outcome.head.version


class Ingestor:
    """Groups what arrived by stream and lets each stream decide on it once.

    Warm, a stream costs one write and no read. Cold, it costs one read more, and one of its reference.

    Parameters
    ----------
    ingest : Ingest
        What the domain declares.
    references : References, optional
        Given where it declares a reference.
    """

    def __init__(self, ingest: Ingest[Any], references: References | None) -> None:
        self._ingest = ingest
        self._references = references

    def read(self, tenant: str, data: bytes, record: str) -> Sequence[Arrival]:
        """What a record says, for each stream. Raises ``CommandRejected``, ``InvalidStreamId``."""
        return arrivals(tenant, self._ingest.read(data), record)

    def ingest(self, arrived: Sequence[Arrival], handle: HandleOne) -> Iterator[IngestedStream]:
        """Let ``handle`` decide on what arrived for each stream, one stream after the other, as results are asked for.

        Raises nothing: what fails is in the results.
        """
        for stream, found in by_stream(arrived).items():
            yield from self.ingest_stream(stream, found, handle)

    def ingest_stream(
        self, stream: StreamId, arrived: Sequence[Arrival], handle: HandleOne
    ) -> Iterator[IngestedStream]:
        """Let ``handle`` decide on what arrived for one stream; several may be decided on at a time.

        What fails as a whole is handled record by record, so that only those records stay behind that fail alone. When
        the store does not take one of them, none after it is handled: records of a stream are recorded in their order.
        """
        try:
            state = self._reference(stream)
        except Exception as error:
            yield IngestedStream(stream, _records(arrived), error=error)
            return
        whole = self._ingest_together(stream, arrived, state, handle)
        if whole.error is None or len(whole.records) == 1 or isinstance(whole.error, OF_THE_STREAM):
            yield whole
            return
        for record in whole.records:
            alone = [arrival for arrival in arrived if arrival.record == record]
            result = self._ingest_together(stream, alone, state, handle)
            yield result
            if isinstance(result.error, TRIED_AGAIN):
                return

    def _ingest_together(
        self, stream: StreamId, arrived: Sequence[Arrival], state: Any, handle: HandleOne
    ) -> IngestedStream:
        records = _records(arrived)
        try:
            command = self._ingest.command([arrival.content for arrival in arrived], state)
            return IngestedStream(stream, records, handle(stream, command, records))
        except Exception as error:
            return IngestedStream(stream, records, error=error)

    def _reference(self, stream: StreamId) -> Any:
        reference = self._ingest.reference
        if reference is None or self._references is None:
            return None
        return self._references.state(StreamId(stream.tenant, reference.entity, reference.id(stream.id)))


def arrivals(tenant: str, found: Sequence[Ingested[Any]], record: str = "") -> Sequence[Arrival]:
    """What was read, with the streams of a tenant that it is for. Raises ``InvalidStreamId``."""
    return [Arrival(StreamId(tenant, each.entity, each.id), each.content, record) for each in found]


def by_stream(arrived: Sequence[Arrival]) -> Mapping[StreamId, Sequence[Arrival]]:
    """What arrived, by stream, each in order of arrival."""
    streams: dict[StreamId, list[Arrival]] = defaultdict(list)
    for arrival in arrived:
        streams[arrival.stream].append(arrival)
    return streams


def _records(arrived: Sequence[Arrival]) -> Sequence[str]:
    return list(dict.fromkeys(arrival.record for arrival in arrived))
