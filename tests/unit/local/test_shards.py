"""Reading a stream whose shards end and whose iterators expire, which no local engine does within a test."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from banyan_tools.local import shards
from banyan_tools.local.checkpoints import Checkpoints
from banyan_tools.local.shards import ShardReader
from banyan_tools.local.table_streams import TableStream


class Stream:
    """A stream in a dictionary, with the answers of DynamoDB Streams.

    Iterators are ``shard:place``; a closed shard ends with its last record.
    """

    def __init__(self) -> None:
        self.parents: dict[str, str | None] = {}
        self.records: dict[str, list[str]] = {}
        self.closed: set[str] = set()
        self.refusals: list[str] = []
        self.asked_for: list[tuple[str, str]] = []

    def add(self, shard: str, *numbers: str, parent: str | None = None) -> None:
        self.parents.setdefault(shard, parent)
        self.records.setdefault(shard, []).extend(numbers)

    def describe_stream(self, **asked: str) -> Any:
        names = sorted(name for name in self.parents if name > asked.get("ExclusiveStartShardId", ""))
        page: dict[str, Any] = {"Shards": [self._shard(name) for name in names[:1]]}
        if len(names) > 1:
            page["LastEvaluatedShardId"] = names[0]
        return {"StreamDescription": page}

    def _shard(self, name: str) -> dict[str, str]:
        parent = self.parents[name]
        return {"ShardId": name} | ({"ParentShardId": parent} if parent else {})

    def get_shard_iterator(self, **asked: str) -> Any:
        shard, kind = asked["ShardId"], asked["ShardIteratorType"]
        self.asked_for.append((shard, kind))
        have = self.records[shard]
        place = {"LATEST": len(have), "TRIM_HORIZON": 0}.get(kind)
        return {"ShardIterator": f"{shard}:{have.index(asked['SequenceNumber']) + 1 if place is None else place}"}

    def get_records(self, **asked: str) -> Any:
        if self.refusals:
            raise ClientError({"Error": {"Code": self.refusals.pop()}}, "GetRecords")
        shard, _, place = asked["ShardIterator"].partition(":")
        found = [{"dynamodb": {"SequenceNumber": number}} for number in self.records[shard][int(place) :]]
        following = {} if shard in self.closed else {"NextShardIterator": f"{shard}:{len(self.records[shard])}"}
        return {"Records": found, **following}


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    monkeypatch.setattr(shards, "SHARDS_SECONDS", 0.0)
    return Stream()


def reader(stream: Stream, start: str = "TRIM_HORIZON", checkpoints: Checkpoints | None = None) -> ShardReader:
    source = TableStream(cast("Any", stream), "arn:stream", "arn:source")
    return ShardReader(source, {"ShardIteratorType": start}, checkpoints or Checkpoints())


def after(shard: str, number: str) -> Checkpoints:
    """Checkpoints that stand behind a record."""
    checkpoints = Checkpoints()
    checkpoints.read(shard, [number])
    checkpoints.done(shard, number)
    return checkpoints


def read(reader: ShardReader) -> list[tuple[str, list[str]]]:
    return [(shard, [record.number for record in records]) for shard, records in reader.read()]


def test_every_shard_is_read_on_where_it_ended(stream: Stream) -> None:
    stream.add("a", "1", "2")
    stream.add("b", "1")
    reading = reader(stream)

    assert read(reading) == [("a", ["1", "2"]), ("b", ["1"])]
    stream.add("b", "2")
    assert read(reading) == [("b", ["2"])]


def test_a_child_waits_for_the_end_of_its_parent(stream: Stream) -> None:
    stream.add("b-parent", "1")
    stream.add("a-child", "2", parent="b-parent")
    reading = reader(stream)

    assert read(reading) == [("b-parent", ["1"])]
    stream.closed.add("b-parent")
    assert [*read(reading), *read(reading)] == [("a-child", ["2"])]


def test_latest_holds_for_the_shards_of_the_beginning_only(stream: Stream) -> None:
    stream.add("a", "1")
    reading = reader(stream, "LATEST")

    assert read(reading) == []
    stream.add("a", "2")
    stream.add("b", "3", parent="a")
    stream.closed.add("a")
    assert [*read(reading), *read(reading)] == [("a", ["2"]), ("b", ["3"])]


def test_reading_continues_behind_a_checkpoint(stream: Stream) -> None:
    stream.add("a", "1", "2", "3")

    assert read(reader(stream, checkpoints=after("a", "2"))) == [("a", ["3"])]


def test_an_expired_iterator_is_asked_for_again(stream: Stream) -> None:
    stream.add("a", "1", "2")
    reading = reader(stream)
    read(reading)
    stream.refusals.append("ExpiredIteratorException")
    stream.add("a", "3")

    assert [*read(reading), *read(reading)] == [("a", ["3"])]
    assert stream.asked_for == [("a", "TRIM_HORIZON"), ("a", "AFTER_SEQUENCE_NUMBER")]


def test_a_trimmed_checkpoint_starts_at_what_is_left(stream: Stream) -> None:
    stream.add("a", "1", "2")
    reading = reader(stream, checkpoints=after("a", "1"))
    stream.refusals.append("TrimmedDataAccessException")

    assert [*read(reading), *read(reading)] == [("a", ["1", "2"])]


def test_another_error_is_not_hidden(stream: Stream) -> None:
    stream.add("a", "1")
    stream.refusals.append("ResourceNotFoundException")

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        read(reader(stream))
