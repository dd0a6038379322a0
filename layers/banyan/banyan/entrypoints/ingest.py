"""Batches of a Kinesis stream, as Lambda hands them over, and what becomes of each record."""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from banyan.adapters.observability import log_failure
from banyan.adapters.parked_records import ParkedRecord, ParkedRecords, StreamRecord
from banyan.commands.handler import HandlesCommands, Outcome
from banyan.commands.ingestor import TRIED_AGAIN, Arrival, Guesses, IngestedStream, Ingestor, by_stream, delivery_id
from banyan.errors import (
    CommandRejected,
    CommitTooLarge,
    ConfigurationError,
    EventError,
    InvalidStreamId,
    StoreRejected,
    StoreUnavailable,
    StreamCorrupted,
)
from banyan.events import Metadata
from banyan.gzipped import gunzip, is_gzipped
from banyan.spread import Spread, in_threads, in_turn
from banyan.store.eventstore import Clock
from banyan.streams import StreamId, caller_tenant
from banyan.telemetry import Telemetry

if TYPE_CHECKING:
    from banyan.bootstrap import Application

MAX_RECORD_BYTES: Final = 8 * 1024 * 1024
"""Once it is decompressed."""
ACTOR: Final = "ingest"
AT_ONCE: Final = 8
"""Streams of events that are written at a time: a process waits for the store most of the while."""
MOST: Final = 3
"""So many streams that the store does not take, or senders whose records fail unexpectedly, are not their own fault."""
RESERVE_SECONDS: Final = 10.0

CODES: Final[Mapping[type[Exception], str]] = {
    InvalidStreamId: "invalid_id",
    CommitTooLarge: "commit_too_large",
    StoreRejected: "store_rejected",
    StreamCorrupted: "stream_corrupted",
    EventError: "stream_unreadable",
}
UNEXPECTED: Final = "unexpected_error"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """Why a record became no commit, of a stream where it is known which one."""

    record: str
    error: Exception
    stream: StreamId | None = None

    @property
    def code(self) -> str:
        """Machine-readable."""
        if isinstance(self.error, CommandRejected):
            return self.error.code
        return next((code for kind, code in CODES.items() if isinstance(self.error, kind)), UNEXPECTED)

    @property
    def reason(self) -> str:
        """For a person; what an unexpected error says may be anything."""
        return type(self.error).__name__ if self.code == UNEXPECTED else str(self.error)


class RecordIngestion:
    """Lets each stream of events decide on what a batch says for it, and parks what is refused.

    Nothing that one record or one stream is about holds up others. What the store does not take for now comes again,
    with all that is behind it; what was recorded before is then nothing new.

    Parameters
    ----------
    tenant : str
        Of all records: a stream belongs to one.
    spread : Spread
        Over the streams of events of a batch.
    """

    def __init__(
        self,
        ingestor: Ingestor,
        handlers: Mapping[str, HandlesCommands],
        parked: ParkedRecords,
        tenant: str,
        telemetry: Telemetry,
        clock: Clock,
        spread: Spread = in_turn,
    ) -> None:
        self._ingestor = ingestor
        self._handlers = handlers
        self._parked = parked
        self._tenant = tenant
        self._telemetry = telemetry
        self._clock = clock
        self._spread = spread
        self._guesses = Guesses()

    def ingest(self, batch: Sequence[Mapping[str, Any]], remaining: Callable[[], float]) -> dict[str, Any]:
        """Ingest a batch.

        Parameters
        ----------
        remaining : Callable[[], float]
            Seconds that are left; streams, and records of one, for which there is no time come again.

        Returns
        -------
        dict
            ``batchItemFailures``: the lowest sequence number that is not done, from where on Lambda delivers again.
        """
        records = {record.name: record for record in map(read_record, batch)}
        arrived, failures = self._read(records.values())
        again, failed = self._ingested(arrived, remaining)
        refused = {each.record: each for each in reversed([*failures, *failed]) if each.record not in again}
        again |= self._failed_together(refused, records)
        again |= self._park([refused[name] for name in _before(again, records) if name in refused], records)
        self._report(records.values())
        return {"batchItemFailures": [{"itemIdentifier": each} for each in _lowest(again, records)]}

    def _read(self, records: Iterable[StreamRecord]) -> tuple[Sequence[Arrival], Sequence[FailedRecord]]:
        arrived: list[Arrival] = []
        failed: list[FailedRecord] = []
        for record in records:
            try:
                arrived += self._ingestor.read(self._tenant, decompressed(record.data), record.name)
            except Exception as error:
                failed.append(FailedRecord(record.name, error))
        return arrived, failed

    def _ingested(
        self, arrived: Sequence[Arrival], remaining: Callable[[], float]
    ) -> tuple[set[str], Sequence[FailedRecord]]:
        """The records that are to come again, and those that are refused."""
        waiting = {(arrival.stream, arrival.record) for arrival in arrived}
        failed: list[FailedRecord] = []
        for result in self._results(arrived, remaining):
            if isinstance(result.error, TRIED_AGAIN):
                log_failure("a stream is to be delivered again", result.error)
                continue
            waiting -= {(result.stream, record) for record in result.records}
            failed += [FailedRecord(each, result.error, result.stream) for each in result.records if result.error]
        return {record for _, record in waiting}, failed

    def _results(self, arrived: Sequence[Arrival], remaining: Callable[[], float]) -> Iterable[IngestedStream]:
        """What became of each stream that there was time for, unless the store takes no more."""
        streams = by_stream(arrived)
        untaken: list[StreamId] = []

        def ingest(stream: StreamId) -> Sequence[IngestedStream]:
            if len(untaken) >= MOST or remaining() < RESERVE_SECONDS:
                return ()
            results = list[IngestedStream]()
            for result in self._ingestor.ingest_stream(stream, streams[stream], self._handle):
                results.append(result)
                if remaining() < RESERVE_SECONDS:
                    break
            untaken.extend(stream for result in results if isinstance(result.error, TRIED_AGAIN))
            return results

        spread = self._spread if len(streams) > 1 else in_turn
        return chain.from_iterable(spread(ingest, streams))

    def _handle(self, stream: StreamId, command: Any, records: Sequence[str]) -> Outcome[Any]:
        if stream.entity not in self._handlers:
            raise ConfigurationError(f"ingest reads records for entity {stream.entity!r}, which has no decider")
        commit_id = delivery_id(stream, records)
        metadata = Metadata(correlation_id=commit_id, causation_id=records[0], actor=ACTOR)
        outcome = self._handlers[stream.entity].handle(
            stream, command, commit_id=commit_id, metadata=metadata, optimistic=self._guesses.pay
        )
        self._guesses.learn(outcome)
        return outcome

    def _failed_together(
        self, refused: Mapping[str, FailedRecord], records: Mapping[str, StreamRecord]
    ) -> frozenset[str]:
        """The records that failed unexpectedly, when those of most senders did: these are not their fault."""
        unexpected = [each for each in refused.values() if each.code == UNEXPECTED]
        for each in unexpected:
            log_failure("a record failed", each.error)
        senders = {records[each.record].partition_key for each in unexpected}
        if len(senders) < MOST or 2 * len(senders) <= len({record.partition_key for record in records.values()}):
            return frozenset()
        self._telemetry.count("BatchFailures")
        return frozenset(each.record for each in unexpected)

    def _park(self, refused: Sequence[FailedRecord], records: Mapping[str, StreamRecord]) -> frozenset[str]:
        if not refused:
            return frozenset()
        found = [
            ParkedRecord(records[each.record], each.code, each.reason, self._tenant, str(each.stream or ""))
            for each in refused
        ]
        try:
            self._parked.park(found)
        except StoreUnavailable as error:
            log_failure("no record could be parked: the batch is to be delivered again", error)
            return frozenset(each.record for each in refused)
        self._telemetry.count("RecordsParked", len(found))
        for each in found:
            _logger.error("a record was parked", extra={"code": each.code, "record": each.record.name})
        return frozenset()

    def _report(self, records: Iterable[StreamRecord]) -> None:
        arrived = [record.arrived_at for record in records]
        self._telemetry.count("RecordsIngested", len(arrived))
        self._telemetry.duration("IngestLag", (self._clock() - min(arrived)).total_seconds() * 1000)


def _lowest(names: Collection[str], records: Mapping[str, StreamRecord]) -> Sequence[str]:
    """The lowest sequence number of some records, if there are any."""
    return sorted((records[name].sequence_number for name in names), key=int)[:1]


def _before(again: Collection[str], records: Mapping[str, StreamRecord]) -> Sequence[str]:
    """The records that do not come again, in order: all behind one that does are delivered with it."""
    end = next(iter(_lowest(again, records)), None)
    ordered = sorted(records, key=lambda name: int(records[name].sequence_number))
    return [name for name in ordered if end is None or int(records[name].sequence_number) < int(end)]


def build_ingestion(application: Application) -> RecordIngestion:
    """What ingests the records of a stream.

    Raises
    ------
    ConfigurationError
        The domain declares no ingest, or no tenant is named that the records belong to.
    """
    try:
        tenant = caller_tenant(application.settings.ingest_tenant)
    except InvalidStreamId as error:
        raise ConfigurationError(f"BANYAN_INGEST_TENANT does not name a tenant: {error}") from error
    chosen = {"cache_size": application.settings.ingest_cache_size}
    application = replace(application, settings=application.settings.model_copy(update=chosen))
    return RecordIngestion(
        application.ingestor,
        application.handlers,
        application.parked_records,
        tenant,
        application.telemetry,
        application.clock,
        in_threads(AT_ONCE),
    )


def read_record(record: Mapping[str, Any]) -> StreamRecord:
    """A record of an event source mapping."""
    kinesis = record["kinesis"]
    return StreamRecord(
        source=record["eventSourceARN"],
        shard=record["eventID"].partition(":")[0],
        sequence_number=kinesis["sequenceNumber"],
        partition_key=kinesis["partitionKey"],
        arrived_at=datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC),
        data=b64decode(kinesis["data"]),
    )


def decompressed(data: bytes) -> bytes:
    """What a record holds, which may be gzip. Raises ``CommandRejected``."""
    if not is_gzipped(data):
        return data
    try:
        found = gunzip(data, MAX_RECORD_BYTES)
    except ValueError as error:
        raise CommandRejected("record_damaged", "the record begins as gzip does, and is damaged") from error
    if len(found) > MAX_RECORD_BYTES:
        raise CommandRejected(
            "record_too_long", f"the record is longer than {MAX_RECORD_BYTES} bytes once decompressed"
        )
    return found
