"""Batches of a stream: what cannot be ingested is parked alone, what the store does not take comes again."""

from __future__ import annotations

import gzip
import json
import logging
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, repeat
from threading import Barrier
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from tests.support.clocks import PATIENCE, START, ManualClock, no_sleep
from tests.support.interruptions import Interruption, Killed, Outside, killed_after, killed_before
from tests.support.meters import DOMAIN, INGEST, METERS, SHOWN, UNREADABLE, Register, Shown, encoded, shows

from banyan.adapters.parked_records import MAX_REQUEST_BYTES, ParkedRecord, SqsParkedRecords, StreamRecord
from banyan.commands.handler import CommandHandler, ConflictRetries
from banyan.commands.ingestor import Ingestor, References
from banyan.entrypoints.ingest import (
    MAX_RECORD_BYTES,
    MOST,
    RESERVE_SECONDS,
    FailedRecord,
    RecordIngestion,
    build_ingestion,
)
from banyan.errors import (
    CommandRejected,
    CommitTooLarge,
    ConcurrencyError,
    ConfigurationError,
    InvalidStreamId,
    StoreRejected,
    StoreUnavailable,
    StreamCorrupted,
    UnknownEventType,
)
from banyan.spread import Spread, in_threads, in_turn
from banyan.store import Commit, EventStore, Snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry
from banyan_tools.local.engine import moto_engine
from banyan_tools.samples.kinesis_records import SHARD, STREAM_ARN, kinesis_records, sequence_number

NO_HURRY = repeat(60.0)
"""Seconds that are left, each time that is asked."""


class Down(MemoryTable):
    """Takes no commit of some streams, and finds some damaged."""

    def __init__(self) -> None:
        super().__init__()
        self.down: set[str] = set()
        self.damaged: set[str] = set()
        self.contended: set[str] = set()
        self.tried: list[str] = []
        self.reads = 0

    def forward(self, *arguments: Any, **more: Any) -> Iterator[Commit | Snapshot]:
        self.reads += 1
        return super().forward(*arguments, **more)

    def insert(self, commits: Sequence[Commit], **checks: Any) -> None:
        id = commits[0].stream.id
        self.tried.append(id)
        if id in self.down:
            raise StoreUnavailable("throttled")
        if id in self.contended:
            raise ConcurrencyError(commits[0].stream, 0, 1)
        if id in self.damaged:
            raise StreamCorrupted(commits[0].stream, 1, "its digest is another")
        super().insert(commits, **checks)


class Parked:
    """Keeps what is parked."""

    def __init__(self) -> None:
        self.records: list[ParkedRecord] = []
        self.full = False

    def park(self, records: Sequence[ParkedRecord]) -> None:
        if self.full:
            raise StoreUnavailable("no queue")
        self.records += records

    @property
    def codes(self) -> list[tuple[str, str]]:
        return [(each.code, each.stream) for each in self.records]


class Counts(NoTelemetry):
    """Adds up what is reported."""

    def __init__(self) -> None:
        self.counted: dict[str, int] = {}
        self.lasted: dict[str, float] = {}

    def count(self, name: str, value: int = 1) -> None:
        self.counted[name] = self.counted.get(name, 0) + value

    def duration(self, name: str, milliseconds: float) -> None:
        self.lasted[name] = milliseconds


class Process:
    """A process of the function, over what outlives it."""

    def __init__(
        self, table: MemoryTable, parked: Parked, outside: Outside | None = None, spread: Spread = in_turn
    ) -> None:
        self.outside = outside or Outside()
        self.clock = ManualClock()
        self.telemetry = Counts()
        self.store = EventStore(self.outside.tap(table), DOMAIN.registry, self.clock, no_sleep)
        retries = ConflictRetries(sleep=no_sleep)
        handlers = {each.entity: CommandHandler(self.store, each, retries=retries) for each in (METERS, SHOWN)}
        self.handlers: Mapping[str, CommandHandler[Any, Any]] = handlers
        ingestor = Ingestor(INGEST, References(handlers["meter"].aggregates, self.clock))
        self.ingestion = RecordIngestion(
            ingestor, handlers, self.outside.tap(parked), "acme", self.telemetry, self.clock, spread
        )

    def register(self, *meters: str) -> None:
        for meter in meters:
            self.handlers["meter"].handle(StreamId("acme", "meter", meter), Register(99))

    def ingest(self, *data: bytes, start: int = 0, seconds: Iterator[float] = NO_HURRY) -> int | None:
        """The place of the first record that comes again."""
        return self.deliver(kinesis_records(*data, start=start), seconds)

    def deliver(self, records: Sequence[Mapping[str, Any]], seconds: Iterator[float] = NO_HURRY) -> int | None:
        answer = self.ingestion.ingest(records, seconds.__next__)
        places = {sequence_number(place): place for place in range(100)}
        found = [places[failure["itemIdentifier"]] for failure in answer["batchItemFailures"]]
        assert len(found) <= 1, "one is enough: all behind it come again"
        return found[0] if found else None

    def values(self, meter: str) -> Mapping[int, int]:
        shown: Shown = self.handlers["shown"].load(StreamId("acme", "shown", meter)).state
        return shown.values


@pytest.fixture
def table() -> Down:
    return Down()


@pytest.fixture
def parked() -> Parked:
    return Parked()


@pytest.fixture
def process(table: Down, parked: Parked) -> Process:
    process = Process(table, parked)
    process.register("a", "b", "c", "d")
    table.tried.clear()
    return process


def test_a_batch_becomes_one_commit_for_each_stream(process: Process, table: Down) -> None:
    records = [encoded(shows("a", 1, 1)), gzip.compress(encoded(shows("b", 1, 1), shows("a", 2, 2)))]

    assert process.ingest(*records, encoded(shows("a", 3, 3))) is None

    assert table.tried == ["a", "b"]
    assert (process.values("a"), process.values("b")) == ({1: 1, 2: 2, 3: 3}, {1: 1})
    (commit,) = process.store.commits(StreamId("acme", "shown", "a"))
    (event,) = process.store.recorded([commit])
    assert (event.metadata.actor, event.metadata.correlation_id) == ("ingest", commit.commit_id)
    assert event.metadata.causation_id == f"{SHARD}:{sequence_number(0)}"
    assert process.telemetry.counted["RecordsIngested"] == 3


def test_the_lag_is_the_age_of_the_oldest_record(process: Process) -> None:
    late = kinesis_records(encoded(shows("a", 1, 1)), at=START - timedelta(seconds=5))
    process.deliver([*kinesis_records(encoded(shows("b", 1, 1)), start=1), *late])

    assert 5000 <= process.telemetry.lasted["IngestLag"] < 6000


@pytest.mark.parametrize(
    ("data", "code", "stream"),
    [
        (UNREADABLE, "unreadable", ""),
        (b"\x1f\x8b damaged", "record_damaged", ""),
        pytest.param(gzip.compress(bytes(MAX_RECORD_BYTES + 1)), "record_too_long", "", id="too long"),
        (encoded(shows("a meter", 1, 1)), "invalid_id", ""),
        (encoded(shows("x", 1, 1)), "unknown_meter", "acme:shown:x"),
        (encoded(shows("a", 2, 13)), "unlucky", "acme:shown:a"),
        (encoded(shows("a", 2, 666)), "unexpected_error", "acme:shown:a"),
        (b"[[]]", "unreadable", ""),
        (encoded(shows("a", 2, 13), shows("x", 1, 1)), "unlucky", "acme:shown:a"),
    ],
)
def test_a_record_that_cannot_be_ingested_is_parked_alone(
    process: Process, parked: Parked, data: bytes, code: str, stream: str
) -> None:
    good = [encoded(shows("a", number, number)) for number in (1, 3)]

    assert process.ingest(good[0], data, good[1]) is None

    assert process.values("a") == {1: 1, 3: 3}
    assert [(each.code, each.stream, each.record.data) for each in parked.records] == [(code, stream, data)]
    assert parked.records[0].record.sequence_number == sequence_number(1)
    assert process.telemetry.counted["RecordsParked"] == 1


def test_a_record_that_is_too_long_says_of_what_its_limit_is(process: Process, parked: Parked) -> None:
    process.ingest(gzip.compress(bytes(MAX_RECORD_BYTES + 1)))
    assert [each.reason for each in parked.records] == [
        f"the record is longer than {MAX_RECORD_BYTES} bytes once decompressed"
    ]


def test_no_log_holds_what_a_record_says(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        process.ingest(
            b"secret", encoded(shows("secret", 1, 1)), encoded(shows("a", 1, 666)), encoded(shows("b", 1, 1))
        )

    assert caplog.records
    assert [each for each in caplog.records if "secret" in json.dumps(vars(each), default=str)] == []


def test_a_damaged_stream_stops_itself_alone(process: Process, table: Down, parked: Parked) -> None:
    table.damaged = {"a"}

    assert process.ingest(encoded(shows("a", 1, 1)), encoded(shows("b", 1, 1)), encoded(shows("a", 2, 2))) is None

    assert parked.codes == [("stream_corrupted", "acme:shown:a")] * 2
    assert process.values("b") == {1: 1}
    assert table.tried == ["a", "b"], "it is not asked once for each record"


def test_what_the_store_does_not_take_comes_again_with_all_behind_it(
    process: Process, table: Down, parked: Parked
) -> None:
    table.down = {"b"}
    records = [encoded(shows(meter, 1, 1)) for meter in ("a", "b", "c")]

    assert process.ingest(*records) == 1
    table.down = set()
    assert process.ingest(*records[1:], start=1) is None

    assert [process.values(meter) for meter in ("a", "b", "c")] == [{1: 1}] * 3
    assert table.tried == ["a", "b", "c", "b"]
    assert [len(list(process.store.commits(StreamId("acme", "shown", each)))) for each in ("a", "b", "c")] == [1] * 3
    assert parked.records == []


class Stumbling(Down):
    """Takes each commit but those whose turn is named."""

    stumbles: frozenset[int] = frozenset()

    def insert(self, commits: Sequence[Commit], **checks: Any) -> None:
        self.down = {commits[0].stream.id} if len(self.tried) in self.stumbles else set()
        super().insert(commits, **checks)


def test_no_record_of_a_stream_overtakes_one_that_comes_again(parked: Parked) -> None:
    table = Stumbling()
    process = Process(table, parked)
    process.register("a", "b")
    table.tried.clear()
    records = [encoded(shows("a", number, value)) for number, value in ((1, 1), (2, 2), (3, 13), (4, 4))]
    table.stumbles = frozenset({1})

    assert process.ingest(*records, encoded(shows("b", 1, 1))) == 1
    assert (process.values("a"), process.values("b")) == ({1: 1}, {1: 1})
    assert process.ingest(*records[1:], encoded(shows("b", 1, 1)), start=1) is None

    assert list(process.values("a")) == [1, 2, 4]
    assert parked.codes == [("unlucky", "acme:shown:a")]


def test_a_stream_that_others_write_all_the_time_comes_again(process: Process, table: Down, parked: Parked) -> None:
    table.contended = {"a"}

    assert process.ingest(encoded(shows("a", 1, 1)), encoded(shows("b", 1, 1))) == 0
    tries = table.tried.count("a")
    assert process.ingest(encoded(shows("a", 1, 1)), encoded(shows("a", 2, 2))) == 0

    assert table.tried.count("a") <= 2 * tries, "not once more for each record"
    assert (process.values("b"), parked.records) == ({1: 1}, [])


def test_sequence_numbers_are_compared_as_numbers(process: Process, table: Down) -> None:
    table.down = {"a", "b"}
    assert len(sequence_number(50)) < len(sequence_number(51))

    assert process.ingest(*(encoded(shows(meter, 1, 1)) for meter in ("a", "b")), start=50) == 50


def test_a_store_that_takes_nothing_is_not_asked_for_every_stream(process: Process, table: Down) -> None:
    table.down = {"a", "b", "c", "d"}

    assert process.ingest(*(encoded(shows(meter, 1, 1)) for meter in ("a", "b", "c", "d"))) == 0

    assert table.tried == ["a", "b", "c"]


def test_a_process_among_others_reads_before_it_writes_and_alone_it_guesses_again(table: Down, parked: Parked) -> None:
    one, other = Process(table, parked), Process(table, parked)
    one.register("a")

    def refused(rounds: int, *processes: Process, start: int) -> int:
        """Writes that were refused in rounds in which each of some processes writes once."""
        table.tried.clear()
        for number in range(start, start + rounds):
            for turn, process in enumerate(processes):
                assert process.ingest(encoded(shows("a", 2 * number + turn, 1)), start=2 * number + turn) is None
        return len(table.tried) - rounds * len(processes)

    assert refused(10, one, start=0) == 0
    assert 0 < refused(20, one, other, start=10) <= 20
    assert refused(5, one, other, start=30) == 0, "both read first by now"
    assert refused(60, one, start=35) == 0
    before = table.reads
    assert refused(5, one, start=95) == 0
    assert table.reads == before, "alone, it writes without a read again"


class Crowded(MemoryTable):
    """Takes no commit of a meter before another stream is being written, too."""

    def __init__(self) -> None:
        super().__init__()
        self.meeting = Barrier(2)

    def insert(self, commits: Sequence[Commit], **checks: Any) -> None:
        if commits[0].stream.entity == "shown":
            self.meeting.wait(PATIENCE)
        super().insert(commits, **checks)


def test_streams_are_written_several_at_a_time_each_in_its_order(parked: Parked) -> None:
    process = Process(Crowded(), parked, spread=in_threads(2))
    process.register(*"abcd")
    records = [encoded(shows(meter, number, number)) for number in (1, 2) for meter in "abcd"]

    assert process.ingest(*records, encoded(shows("x", 1, 1))) is None

    assert [process.values(meter) for meter in "abcd"] == [{1: 1, 2: 2}] * 4
    assert parked.codes == [("unknown_meter", "acme:shown:x")]


def test_streams_for_which_there_is_no_time_come_again(process: Process, table: Down) -> None:
    records = [encoded(shows(meter, 1, 1)) for meter in ("a", "b", "c")]

    assert process.ingest(*records, seconds=iter([RESERVE_SECONDS, *[RESERVE_SECONDS - 1] * 3])) == 1
    assert table.tried == ["a"]


def test_records_of_one_stream_that_are_tried_alone_have_no_more_time_than_others(process: Process) -> None:
    records = [encoded(shows("a", number, number)) for number in range(11, 16)]

    assert process.ingest(*records, seconds=iter([RESERVE_SECONDS] * 2 + [RESERVE_SECONDS - 1])) == 2
    assert process.values("a") == {11: 11, 12: 12}
    assert process.ingest(*records[2:], start=2) is None
    assert list(process.values("a")) == [11, 12, 14, 15]


def test_a_record_of_which_a_part_comes_again_is_parked_only_then(
    process: Process, table: Down, parked: Parked
) -> None:
    table.down = {"b"}
    record = encoded(shows("a", 1, 13), shows("b", 1, 1))

    assert process.ingest(record) == 0
    assert parked.records == []
    table.down = set()
    assert process.ingest(record) is None
    assert parked.codes == [("unlucky", "acme:shown:a")]
    assert process.values("b") == {1: 1}


def test_when_nothing_can_be_parked_the_batch_comes_again(process: Process, parked: Parked) -> None:
    records = [encoded(shows("a", 1, 1)), UNREADABLE, encoded(shows("b", 1, 1))]
    parked.full = True

    assert process.ingest(*records) == 1
    parked.full = False
    assert process.ingest(*records[1:], start=1) is None

    assert parked.codes == [("unreadable", "")]
    assert (process.values("a"), process.values("b")) == ({1: 1}, {1: 1})


@pytest.mark.parametrize(("failing", "good", "again"), [(MOST, 1, True), (MOST, 2, False), (MOST - 1, 0, False)])
def test_when_records_of_most_senders_fail_unexpectedly_it_is_not_their_fault(
    process: Process, parked: Parked, failing: int, good: int, again: bool
) -> None:
    sent = [*(("a", number, 666) for number in range(failing)), *(("b", number, 1) for number in range(good))]
    records = [
        *kinesis_records(UNREADABLE),
        *(
            record
            for place, each in enumerate(sent, start=1)
            for record in kinesis_records(encoded(shows(*each)), start=place, key=f"sender {place}")
        ),
    ]

    first = process.deliver(records[1:] if failing < MOST else records)

    refused = [each.code for each in parked.records]
    assert first == (1 if again else None)
    assert refused.count("unexpected_error") == (0 if again else failing)
    assert ("BatchFailures" in process.telemetry.counted) == again
    assert process.telemetry.counted.get("RecordsParked", 0) == len(refused)
    assert refused.count("unreadable") == (failing >= MOST), "it is before those that come again, so it does not"
    assert len(process.values("b")) == good


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (CommandRejected("unlucky", "not 13"), "unlucky", "not 13"),
        (InvalidStreamId("no name"), "invalid_id", "no name"),
        (CommitTooLarge("too many"), "commit_too_large", "too many"),
        (StoreRejected("an empty key"), "store_rejected", "an empty key"),
        (UnknownEventType("Gone"), "stream_unreadable", "Gone"),
        (ZeroDivisionError("secret"), "unexpected_error", "ZeroDivisionError"),
    ],
)
def test_a_record_is_parked_with_a_code_for_its_error(error: Exception, code: str, reason: str) -> None:
    failed = FailedRecord("record", error)

    assert failed.code == code
    assert reason in failed.reason
    assert "secret" not in failed.reason


def test_one_sender_whose_records_all_fail_unexpectedly_holds_up_no_other(process: Process, parked: Parked) -> None:
    loud = kinesis_records(*(encoded(shows("a", number, 666)) for number in range(9)), key="a")

    assert process.deliver([*loud, *kinesis_records(encoded(shows("b", 1, 1)), start=9, key="b")]) is None

    assert len(parked.records) == 9
    assert process.values("b") == {1: 1}


def test_a_record_behind_one_that_comes_again_is_parked_once_when_that_is_done(
    process: Process, table: Down, parked: Parked
) -> None:
    records = [UNREADABLE, encoded(shows("a", 1, 1)), UNREADABLE, encoded(shows("b", 1, 13))]
    table.down = {"a"}

    assert [process.ingest(*records), process.ingest(*records[1:], start=1)] == [1, 1]
    assert len(parked.records) == 1
    table.down = set()
    assert process.ingest(*records[1:], start=1) is None

    assert [each.record.sequence_number for each in parked.records] == [sequence_number(place) for place in (0, 2, 3)]


@pytest.mark.parametrize("killed", [killed_before, killed_after])
def test_a_process_that_is_killed_between_any_two_steps_loses_and_doubles_nothing(killed: Interruption) -> None:
    records = [
        encoded(shows("a", 1, 1)),
        encoded(shows("b", 1, 1), shows("a", 2, 2)),
        UNREADABLE,
        encoded(shows("a", 3, 13)),
        encoded(shows("a", 4, 4)),
        encoded(shows("x", 1, 1)),
    ]
    for step in count(1):
        table, parked = MemoryTable(), Parked()
        Process(table, parked).register("a", "b")
        outside = Outside({step: killed})
        try:
            Process(table, parked, outside).ingest(*records)
            died = False
        except Killed:
            died = True
        survivor = Process(table, parked)
        if died:
            assert survivor.ingest(*records) is None
        assert (survivor.values("a"), survivor.values("b")) == ({1: 1, 2: 2, 4: 4}, {1: 1}), step
        assert {(each.code, each.record.sequence_number) for each in parked.records} == {
            ("unreadable", sequence_number(2)),
            ("unlucky", sequence_number(3)),
            ("unknown_meter", sequence_number(5)),
        }, step
        sizes = [sum(len(each.values) for each in _recorded(survivor, meter)) for meter in ("a", "b")]
        assert sizes == [3, 1], step
        if not died:
            break
    assert outside.requests > 6


def _recorded(process: Process, meter: str) -> list[Any]:
    commits = list(process.store.commits(StreamId("acme", "shown", meter)))
    return [event.payload for event in process.store.recorded(commits)]


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_deliveries_that_overlap_and_come_in_another_order_change_nothing(
    table: Down, parked: Parked, process: Process, cut: int
) -> None:
    records = kinesis_records(*(encoded(shows("a", number, number)) for number in range(4)))
    for batch in (records[cut:], records[: cut + 1], records[::-1], records):
        if batch:
            Process(table, parked).deliver(batch)

    assert process.values("a") == {number: number for number in range(4)}
    assert sum(len(each.values) for each in _recorded(process, "a")) == 4


RECORD = StreamRecord(STREAM_ARN, SHARD, sequence_number(0), "a", START, b"\xff\x00")


def test_a_message_names_the_record_and_holds_its_bytes() -> None:
    message = json.loads(ParkedRecord(RECORD, "unreadable", "is not JSON", "acme", "acme:shown:a").message)

    assert b64decode(message.pop("data")) == RECORD.data
    assert datetime.fromisoformat(message.pop("arrivedAt")) == START.astimezone(UTC)
    assert message == {
        "code": "unreadable",
        "reason": "is not JSON",
        "tenant": "acme",
        "stream": "acme:shown:a",
        "source": STREAM_ARN,
        "shard": SHARD,
        "sequenceNumber": sequence_number(0),
        "partitionKey": "a",
        "bytes": 2,
    }


def test_a_message_holds_no_character_that_a_queue_refuses_whatever_a_reason_quotes() -> None:
    message = ParkedRecord(RECORD, "unreadable", "\ud800 \uffff \x00 é", "acme").message

    assert message.isascii()
    assert min(message) >= ord(" ")
    assert json.loads(message)["reason"] == "? \uffff \x00 é"
    assert len(ParkedRecord(RECORD, "unreadable", "é" * MAX_REQUEST_BYTES, "acme").message) < MAX_REQUEST_BYTES / 10


def test_a_record_that_is_too_large_for_a_message_is_named_and_can_be_read_from_the_stream() -> None:
    with moto_engine():
        client = boto3.client("kinesis", region_name="eu-central-1")
        client.create_stream(StreamName="readings", ShardCount=1)
        arn = client.describe_stream(StreamName="readings")["StreamDescription"]["StreamARN"]
        put = client.put_record(StreamName="readings", PartitionKey="a", Data=bytes(MAX_REQUEST_BYTES))
        record = StreamRecord(arn, put["ShardId"], put["SequenceNumber"], "a", START, bytes(MAX_REQUEST_BYTES))
        message = ParkedRecord(record, "unreadable", "", "acme").message
        assert len(message) < 2000
        found = json.loads(message)
        assert "data" not in found
        iterator = client.get_shard_iterator(StreamName="readings", **found["getShardIterator"])["ShardIterator"]
        assert client.get_records(ShardIterator=iterator, Limit=1)["Records"][0]["Data"] == record.data


def test_the_queue_takes_as_many_messages_as_fit_in_a_request() -> None:
    many = [replace(RECORD, data=bytes(size)) for size in (*[10] * 25, 120_000, 120_000, 10, 400_000)]
    with moto_engine():
        client = boto3.client("sqs", region_name="eu-central-1")
        url = client.create_queue(QueueName="failures")["QueueUrl"]
        sent: list[int] = []
        client.meta.events.register(
            "provide-client-params.sqs.SendMessageBatch", lambda params, **_: sent.append(len(params["Entries"]))
        )
        SqsParkedRecords(lambda: client, url).park([ParkedRecord(each, "c", "r", "acme") for each in many])
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])

        assert sent == [10, 10, 6, 3]
        assert attributes["Attributes"]["ApproximateNumberOfMessages"] == str(len(many))
        with pytest.raises(StoreUnavailable):
            SqsParkedRecords(lambda: client, f"{url}-gone").park([ParkedRecord(RECORD, "c", "r", "acme")])


def test_a_record_that_the_queue_does_not_take_is_not_parked() -> None:
    half_taken: Any = SimpleNamespace(send_message_batch=lambda **_: {"Successful": [], "Failed": [{"Id": "0"}]})
    with pytest.raises(StoreUnavailable, match="1 of 1 records"):
        SqsParkedRecords(lambda: half_taken, "queue").park([ParkedRecord(RECORD, "c", "r", "acme")])


def test_a_queue_that_does_not_answer_is_an_outage() -> None:
    def silent(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="queue")

    with pytest.raises(StoreUnavailable):
        SqsParkedRecords(lambda: cast(Any, SimpleNamespace(send_message_batch=silent)), "queue").park(
            [ParkedRecord(RECORD, "c", "r", "acme")]
        )


@pytest.mark.parametrize("tenant", ["", "_system", "a b", "null"])
def test_a_stream_belongs_to_a_tenant_that_a_caller_could_have(tenant: str) -> None:
    application = cast(Any, type("Parts", (), {"settings": type("Chosen", (), {"ingest_tenant": tenant})}))
    with pytest.raises(ConfigurationError, match="BANYAN_INGEST_TENANT"):
        build_ingestion(application)
