"""The event table's DynamoDB stream, as Lambda hands it to its readers."""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

from banyan.adapters.dynamodb.commit_items import Item, read_commit
from banyan.errors import BatchFailed
from banyan.projections.catchup import CaughtUp
from banyan.store import Commit
from banyan.store.eventstore import Clock
from banyan.streams import StreamId
from banyan.telemetry import Telemetry

INSERT: Final = "INSERT"
CATCH_UP_RESERVE: Final = timedelta(seconds=20)

_logger = logging.getLogger(__name__)


class Runner(Protocol):
    """What takes commits in: the projections or the reactor."""

    def project(self, commits: Iterable[Commit], from_table: Collection[StreamId] = ()) -> frozenset[StreamId]:
        """Take in a batch; the streams to deliver again."""


class CatchingUp(Protocol):
    """What makes up for records that never came."""

    def everything(self, deadline: datetime) -> list[CaughtUp]:
        """Take in what should have been delivered by now, until a moment."""


@dataclass(slots=True)
class StreamRecords:
    """What a batch of stream records says.

    Parameters
    ----------
    commits : list[Commit]
        New commits.
    from_table : set[StreamId]
        Streams with a new commit whose record cannot be read.
    tampered : list[tuple[str, str]]
        Stream and position of commits that were changed or removed.
    unnamed : int
        New records that do not even name their stream.
    first : dict[StreamId, str]
        Lowest sequence number of each stream.
    """

    commits: list[Commit] = field(default_factory=list)
    from_table: set[StreamId] = field(default_factory=set)
    tampered: list[tuple[str, str]] = field(default_factory=list)
    unnamed: int = 0
    first: dict[StreamId, str] = field(default_factory=dict)


def project_records(event: Mapping[str, Any], runner: Runner, telemetry: Telemetry) -> dict[str, Any]:
    """Take in a batch of stream records.

    Returns
    -------
    dict
        ``batchItemFailures``: the lowest sequence number of each stream to deliver again. When most streams
        failed these are all of them: Lambda then delivers the batch as it is, where it would halve one that
        raised until its halves are too small to tell a bad deployment from a bad event.

    Raises
    ------
    StoreUnavailable
        The whole batch is to be delivered again.
    """
    records = read_records(event["Records"])
    _report(records, telemetry)
    try:
        again = runner.project(records.commits, records.from_table)
    except BatchFailed as error:
        _logger.error("the batch is to be delivered again: %s", error)
        again = frozenset(records.first)
    return {"batchItemFailures": [{"itemIdentifier": records.first[stream]} for stream in sorted(again)]}


class Reporting(Protocol):
    """What tells what stands still."""

    def report(self) -> None:
        """Report everything as it stands now."""


def catch_up(reader: CatchingUp, standstill: Reporting, clock: Clock, context: Any) -> dict[str, Any]:
    """Heal what was not delivered, until shortly before this invocation ends; then tell what still stands.

    Returns
    -------
    dict
        ``caughtUp``: by generation, how many streams were healed, whether the end of the log was reached, and what
        went wrong if something did.
    """
    remaining = timedelta(milliseconds=context.get_remaining_time_in_millis())
    reports = reader.everything(clock() + remaining - CATCH_UP_RESERVE)
    standstill.report()
    return {
        "caughtUp": {
            str(report.generation): {"healed": report.healed, "complete": report.complete, "error": report.error}
            for report in reports
        }
    }


def read_records(batch: Sequence[Mapping[str, Any]]) -> StreamRecords:
    """Sort stream records into new commits and tampering; snapshots are neither."""
    records = StreamRecords()
    for record in batch:
        change = record["dynamodb"]
        if not _is_commit(change["Keys"]):
            continue
        if record["eventName"] == INSERT:
            _take_new(records, change)
        else:
            records.tampered.append((change["Keys"]["stream"]["S"], change["Keys"]["position"]["N"]))
    return records


def _take_new(records: StreamRecords, change: Mapping[str, Any]) -> None:
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


def _is_commit(keys: Mapping[str, Any]) -> bool:
    position = Decimal(keys["position"]["N"])
    return position == position.to_integral_value()


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
