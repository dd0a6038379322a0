"""The event table's DynamoDB stream, as Lambda hands it to its readers."""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from banyan.errors import BatchFailed
from banyan.projections.catchup import CatchUp
from banyan.projections.operations import Standstill
from banyan.projections.processor import StreamProcessor
from banyan.store import Commit
from banyan.store.eventstore import Clock
from banyan.store.items import Item, read_commit
from banyan.streams import StreamId
from banyan.telemetry import Telemetry

INSERT: Final = "INSERT"
CATCH_UP_RESERVE: Final = timedelta(seconds=20)

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class StreamRecords:
    """What a batch of stream records says.

    Parameters
    ----------
    from_table : set[StreamId]
        Streams with a new commit whose record cannot be read.
    touched : set[str]
        Streams of which anything but a new commit was written: snapshots, and what was written over or removed.
    tampered : list[tuple[str, str]]
        Stream and position of commits that were changed or removed.
    unnamed : int
        New records that do not even name their stream.
    first : dict[StreamId, str]
        Lowest sequence number of each stream.
    """

    commits: list[Commit] = field(default_factory=list)
    from_table: set[StreamId] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    tampered: list[tuple[str, str]] = field(default_factory=list)
    unnamed: int = 0
    first: dict[StreamId, str] = field(default_factory=dict)


def project_records(records: StreamRecords, processor: StreamProcessor, telemetry: Telemetry) -> dict[str, Any]:
    """Apply a batch of stream records.

    Returns
    -------
    dict
        ``batchItemFailures``: the lowest sequence number of each stream to deliver again. When most streams
        failed these are all of them: Lambda then delivers the batch as it is, where it would halve one that
        raised until its halves are too small to distinguish a bad deployment from a bad event.

    Raises
    ------
    StoreUnavailable
        The whole batch is to be delivered again.
    """
    _report(records, telemetry)
    try:
        again = processor.project(records.commits, records.from_table)
    except BatchFailed as error:
        _logger.error("the batch is to be delivered again: %s", error)
        again = frozenset(records.first)
    return {"batchItemFailures": [{"itemIdentifier": records.first[stream]} for stream in sorted(again)]}


def catch_up(reader: CatchUp, standstill: Standstill, clock: Clock, context: Any) -> dict[str, Any]:
    """Catch up with what was not delivered, until shortly before this invocation ends; then report what stands still.

    Returns
    -------
    dict
        ``caughtUp``: by generation, how many streams moved, whether the end of the log was reached, and what
        went wrong if something did.
    """
    remaining = timedelta(milliseconds=context.get_remaining_time_in_millis())
    reports = reader.everything(clock() + remaining - CATCH_UP_RESERVE)
    standstill.report()
    return {
        "caughtUp": {
            str(report.generation): {"healed": report.moved, "complete": report.complete, "error": report.error}
            for report in reports
        }
    }


def read_records(batch: Sequence[Mapping[str, Any]]) -> StreamRecords:
    """Sort stream records into new commits, snapshots and tampering."""
    records = StreamRecords()
    for record in batch:
        change, keys = record["dynamodb"], record["dynamodb"]["Keys"]
        is_commit = float(keys["position"]["N"]).is_integer()
        if is_commit and record["eventName"] == INSERT:
            _read_new(records, change)
            continue
        records.touched.add(keys["stream"]["S"])
        if is_commit:
            records.tampered.append((keys["stream"]["S"], keys["position"]["N"]))
    return records


def _read_new(records: StreamRecords, change: Mapping[str, Any]) -> None:
    try:
        stream = StreamId.parse(change["Keys"]["stream"]["S"])
    except ValueError:
        records.unnamed += 1
        return
    records.first[stream] = min(records.first.get(stream, change["SequenceNumber"]), change["SequenceNumber"], key=int)
    try:
        records.commits.append(read_commit(_image(change["NewImage"])))
    except Exception:
        records.from_table.add(stream)


def _image(image: Mapping[str, Any]) -> Item:
    """The item of an image: in JSON, binary values are base64 text."""
    return {name: {"B": b64decode(value["B"])} if "B" in value else value for name, value in image.items()}


def _report(records: StreamRecords, telemetry: Telemetry) -> None:
    for stream, position in records.tampered:
        telemetry.count("EventTableTampered")
        _logger.error(
            "the commit at %s of %s was changed or removed: restore it from a backup and find who did it",
            position,
            stream,
            extra={"stream": stream, "position": position},
        )
    if records.unnamed:
        telemetry.count("UnreadableRecords", records.unnamed)
        _logger.error("records without a stream name were passed over", extra={"records": records.unnamed})
