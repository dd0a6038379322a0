"""Items as DynamoDB sees them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.clocks import START
from tests.support.ledger import account, bulk, deposits

from banyan.errors import StreamCorrupted
from banyan.events import Metadata
from banyan.store import Commit, LogEntry, Snapshot
from banyan.store.items import (
    bucket_of,
    commit_item,
    from_item,
    item_size,
    log_key,
    pack,
    read_log_entry,
    record,
    snapshot_item,
    unpack,
)
from banyan.streams import StreamHead

A = account("a")


def commits(count: int, size: int = 10, version: int = 0) -> tuple[Commit, ...]:
    head = StreamHead(A, version, "0" * 64, START)
    return record(head, bulk(count, size), "commit-1", Metadata(), START).parts


@pytest.mark.parametrize("commit", [*commits(1), *commits(50), *commits(3, 300_000)])
def test_a_commit_comes_back_whole(commit: Commit) -> None:
    assert from_item(commit_item(commit, 8)) == commit


@pytest.mark.parametrize("version", [1, 99, 10**9])
def test_a_snapshot_sorts_right_behind_the_commit_it_covers(version: int) -> None:
    snapshot = Snapshot(A, version, "0" * 64, 3, '{"balance":1}')
    item = snapshot_item(snapshot)

    assert version < float(item["position"]["N"]) < version + 1
    assert "commit_id" not in item
    assert "log_bucket" not in item
    assert from_item(item) == snapshot


def test_only_a_commit_is_in_the_log() -> None:
    (commit,) = commits(1, version=41)
    item = commit_item(commit, 8)

    assert read_log_entry(item) == LogEntry(START, A, 42)
    assert item["log_bucket"]["N"] == str(bucket_of(A, 8))


def test_the_log_sorts_one_moment_by_position() -> None:
    keys = [log_key(commits(1, version=version)[0]) for version in (0, 8, 9, 99, 100, 12345)]
    assert keys == sorted(keys)


@given(st.text())
def test_text_is_kept_in_the_shorter_form(text: str) -> None:
    packed = pack(text)

    assert unpack(packed) == text
    ((_, content),) = packed.items()
    assert len(content if isinstance(content, bytes) else content.encode()) <= len(text.encode())


def test_what_compresses_is_compressed() -> None:
    assert "B" in pack("again and " * 100)
    assert "S" in pack("once")


@given(st.integers(1, 64), st.from_regex(r"[A-Za-z0-9]{1,20}", fullmatch=True))
def test_a_stream_has_one_bucket(buckets: int, name: str) -> None:
    assert bucket_of(account(name), buckets) == bucket_of(account(name), buckets)
    assert 0 <= bucket_of(account(name), buckets) < buckets


def test_streams_spread_over_the_buckets() -> None:
    counts = [0] * 8
    for number in range(800):
        counts[bucket_of(account(str(number)), 8)] += 1
    assert 60 < min(counts) <= max(counts) < 140


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"ab": {"S": "äöü"}}, 2 + 6),
        ({"ab": {"B": b"12345"}}, 2 + 5),
        ({"ab": {"N": "12345"}}, 2 + 4),
        ({"ab": {"L": [{"S": "x"}, {"S": "yz"}]}}, 2 + 3 + 2 + 3),
    ],
)
def test_sizes_follow_the_published_rules(item: dict[str, dict[str, object]], size: int) -> None:
    assert item_size(item) == size


@pytest.mark.parametrize(
    "damage",
    [{"events": {"B": b"x"}}, {"count": {"N": "many"}}, {"position": {"N": "1.5"}}, {"recorded_at": {"S": ""}}],
)
def test_an_item_that_is_not_ours_is_damage(damage: dict[str, dict[str, object]]) -> None:
    (commit,) = record(StreamHead.empty(A), deposits(1), "commit-1", Metadata(), START).parts

    with pytest.raises(StreamCorrupted, match="damaged at version 1: the item cannot be read"):
        from_item(commit_item(commit, 8) | damage)
