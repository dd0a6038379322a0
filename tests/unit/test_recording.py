"""Commits made of events, and events made of commits."""

from __future__ import annotations

import random
from bisect import bisect_left
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.clocks import START
from tests.support.ledger import REGISTRY, account, bulk, deposits, noise

from banyan.errors import CommitTooLarge, InvalidEvent, StreamCorrupted
from banyan.events import DomainEvent, Event, Metadata
from banyan.store import Commit
from banyan.store.base import follow
from banyan.store.items import (
    MAX_ITEM_BYTES,
    MAX_TRANSACTION_ITEMS,
    check_transaction,
    commit_item,
    decode,
    item_size,
    record,
)
from banyan.streams import StreamHead

A = account("a")
EMPTY = StreamHead.empty(A)
EVENT_IDS = UUID("6a2f41a3-c54c-fce8-32d2-0324e1c32e22")


def recorded(events: list[DomainEvent], head: StreamHead = EMPTY, now: datetime = START) -> tuple[Commit, ...]:
    return record(head, events, "commit-1", Metadata(actor="ann"), now).parts


def events_of(commits: tuple[Commit, ...]) -> list[Event]:
    return [event for commit in commits for event in decode(commit, REGISTRY)]


def test_a_commit_holds_its_events_in_canonical_json() -> None:
    (commit,) = recorded(deposits(1, 2))

    assert (commit.position, commit.count, commit.last, commit.types) == (1, 2, 2, ("Deposited", "Deposited"))
    stored = orjson.loads(commit.events)
    assert orjson.dumps(stored, option=orjson.OPT_SORT_KEYS).decode() == commit.events
    assert stored[0] == {
        "id": events_of((commit,))[0].event_id,
        "type": "Deposited",
        "timestamp": "2026-01-05T09:00:00.000000Z",
        "data": {"amount": 1, "note": ""},
        "metadata": {"actor": "ann", "schemaVersion": 1},
    }


def test_the_events_of_a_draft_are_those_that_are_read_back() -> None:
    """Split or not: a state that is kept after an append must be the one that is folded from the table."""
    metadata = Metadata(actor="ann", occurred_at=START - timedelta(days=1))
    for events in (deposits(1, 2), bulk(3, 300_000)):
        draft = record(EMPTY, events, "commit-1", metadata, START)

        assert list(draft.events) == events_of(draft.parts)


def test_event_ids_follow_from_stream_commit_and_index() -> None:
    later = replace(EMPTY, version=5, recorded_at=START)
    first, again = recorded(deposits(1, 2)), recorded(deposits(8, 9), later, START + timedelta(days=1))
    other = recorded(deposits(1, 2), StreamHead.empty(account("b")))

    assert [event.event_id for event in events_of(first)] == [event.event_id for event in events_of(again)]
    assert len({event.event_id for event in events_of(first) + events_of(other)}) == 4


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_an_event_id_is_the_uuid5_of_its_place_in_the_commit(commit_id: str) -> None:
    draft = record(EMPTY, deposits(1, 2), commit_id, Metadata(), START)

    names = [f"{A}/{commit_id}/{index}" for index in range(2)]
    assert [event.event_id for event in draft.events] == [str(uuid5(EVENT_IDS, name)) for name in names]


@pytest.mark.parametrize(("ahead", "expected"), [(timedelta(hours=1), 1), (timedelta(hours=-1), 0)])
def test_a_commit_is_never_older_than_the_one_before(ahead: timedelta, expected: int) -> None:
    head = replace(EMPTY, recorded_at=START)
    (commit,) = recorded(deposits(1), head, START + ahead)

    assert commit.recorded_at == START + timedelta(hours=expected)


@given(
    st.lists(st.integers(0, 330_000), min_size=1, max_size=12),
    st.integers(0, 10**6),
)
@settings(max_examples=25)
def test_however_it_is_split_every_part_fits_and_all_follow(sizes: list[int], version: int) -> None:
    head = replace(EMPTY, version=version, recorded_at=START)
    events = [event for seed, size in enumerate(sizes) for event in deposits(seed, note=noise(size, seed))]

    commits = recorded(events, head)

    assert [event.payload for event in events_of(commits)] == events
    assert [event.version for event in events_of(commits)] == list(range(version + 1, version + 1 + len(sizes)))
    assert [(commit.part, commit.parts) for commit in commits] == [
        (part, len(commits)) for part in range(1, len(commits) + 1)
    ]
    assert all(item_size(commit_item(commit, 8)) <= MAX_ITEM_BYTES for commit in commits)
    assert tuple(follow(head, commits)) == commits


def test_what_fits_into_one_item_is_not_split() -> None:
    assert len(recorded(bulk(1000, 100))) == 1


def test_a_piece_has_room_for_its_number() -> None:
    """Of a commit whose first half fills an item to within a few bytes: its number is not written yet."""
    fits = bisect_left(range(500_000, 560_000), True, key=lambda size: not recordable(size))
    for size in range(500_000 + fits - 12, 500_000 + fits, 4):
        pieces = recorded([*deposits(1, note=noise(size)), *deposits(2, note=noise(100_000))])
        assert len(pieces) == 2
        assert all(item_size(commit_item(piece, 8)) <= MAX_ITEM_BYTES for piece in pieces)


def recordable(size: int) -> bool:
    try:
        return bool(recorded(deposits(1, note=noise(size))))
    except CommitTooLarge:
        return False


def test_characters_of_four_bytes_count_as_four() -> None:
    """Of 20 bits each, so that compressed they still take three."""
    chosen = random.Random(0)
    note = "".join(chr(0x10000 + chosen.getrandbits(20)) for _ in range(MAX_ITEM_BYTES // 2 - 1000))
    with pytest.raises(CommitTooLarge):
        recorded(deposits(1, note=note))


def test_one_event_too_large_says_where_to_keep_its_content() -> None:
    with pytest.raises(CommitTooLarge, match=r"one Deposited of .* keep large content in S3"):
        recorded(bulk(1, 600_000))


@pytest.mark.parametrize(
    ("count", "size", "fits"), [(100, 1, True), (101, 1, False), (10, 520_000, True), (11, 520_000, False)]
)
def test_a_transaction_has_bounds(count: int, size: int, fits: bool) -> None:
    assert count <= MAX_TRANSACTION_ITEMS + 1
    (commit,) = recorded(bulk(1, size))

    if fits:
        check_transaction([commit] * count)
    else:
        with pytest.raises(CommitTooLarge, match="append in steps"):
            check_transaction([commit] * count)


def test_a_commit_with_another_number_of_events_is_damaged() -> None:
    (commit,) = recorded(deposits(1, 2))

    with pytest.raises(StreamCorrupted, match="2 events instead of 3"):
        decode(replace(commit, count=3), REGISTRY)


@pytest.mark.parametrize(
    ("found", "stored", "message"),
    [
        ('"amount":1', '"amount":"much"', "stored Deposited does not fit its class: amount"),
        ('"amount":1', '"amount":1,"owner":"ann"', "stored Deposited does not fit its class: owner"),
        ('"actor":"ann"', '"actor":"ann","mood":"good"', "metadata of a stored Deposited does not fit"),
    ],
)
def test_an_event_that_cannot_be_read_says_why_without_its_content(found: str, stored: str, message: str) -> None:
    (commit,) = recorded(deposits(1))

    with pytest.raises(InvalidEvent, match=message) as error:
        decode(replace(commit, events=commit.events.replace(found, stored)), REGISTRY)
    assert "much" not in str(error.value)


def test_times_are_read_back_to_the_microsecond_in_utc() -> None:
    now = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=UTC)
    (event,) = events_of(recorded(deposits(1), now=now))

    assert event.timestamp == now
    assert event.timestamp.utcoffset() == timedelta(0)
