"""The log as one list: followed while writers are at work, and listed by streams, the newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random

import pytest
from tests.support.clocks import EVERYTHING, START, ManualClock
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import REGISTRY, account, deposits, fill

from banyan.store import EventStore, LogEntry
from banyan.store import log as module
from banyan.store.base import CommitTable
from banyan.store.items import log_key
from banyan.store.log import FIRST, MARGIN, FollowedTo, ListPlace, LogFollower, last_commits, newest_streams
from banyan.store.memory import MemoryTable
from banyan.streams import StreamHead, StreamId

Seen = Counter[str]


def everything(_: StreamId) -> bool:
    return True


def acme(stream: StreamId) -> bool:
    return stream.tenant == "acme"


class LateIndex(MemoryTable):
    """Shows some commits later than others."""

    def __init__(self) -> None:
        super().__init__(1)
        self.hidden: dict[StreamId, datetime] = {}
        self.now = START

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        return (e for e in super().log(bucket, after) if self.hidden.get(e.stream, self.now) <= self.now)


def page(
    table: CommitTable,
    place: FollowedTo,
    now: datetime,
    limit: int,
    wanted: Callable[[StreamId], bool] = everything,
) -> tuple[list[str], FollowedTo, bool]:
    """Up to so many commits behind a place, and where to continue."""
    follower, given = LogFollower(table, wanted, place, now), list[str]()
    for entry in follower.entries(limit):
        if len(given) == limit:
            break
        given.append(log_key(entry))
        follower.pass_by(entry)
    assert given == sorted(given)
    return given, follower.place, follower.at_end


@pytest.mark.parametrize("seed", range(60 if EVERYTHING else 12))
def test_each_commit_is_given_once_while_clocks_differ_the_index_lags_and_buckets_grow(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, table = Random(seed), LateIndex()
    monkeypatch.setattr(module, "MOST_ENTRIES", chance.choice([9, 30, 1000]))
    monkeypatch.setattr(module, "MOST_AHEAD", chance.choice([3, 8, 300]))
    given, written, place, streams = Seen(), Seen(), FollowedTo(FIRST), 0
    while streams < 60:
        for _ in range(chance.randrange(6)):
            streams += 1
            stream = account(f"a{streams}", chance.choice(["acme", "other"]))
            slow = timedelta(seconds=chance.choice([0, 0, 0, 20, 50, -40]))
            store = EventStore(table, REGISTRY, lambda slow=slow: table.now - slow)  # type: ignore[misc]
            table.hidden[stream] = table.now + timedelta(seconds=chance.choice([0, 0, 5, 60]))
            head = store.append(stream, StreamHead.empty(stream), deposits(1)).head
            if chance.random() < 0.3:
                store.append(stream, head, deposits(2, 3))
            written.update(log_key(each) for each in store.commits(stream) if stream.tenant == "acme")
        table.buckets = max(table.buckets, chance.choice([1, 2, 8, 20]))
        for _ in range(chance.randrange(4)):
            found, place, _ = page(table, place, table.now, chance.randrange(1, 8), acme)
            given.update(found)
        table.now += timedelta(seconds=chance.choice([0, 0, 1, 30, 200]))
    table.now += 2 * MARGIN
    at_end = False
    while not at_end:
        found, place, at_end = page(table, place, table.now, chance.randrange(1, 8), acme)
        given.update(found)
    assert given == written
    assert not place.ahead, "all of it is settled"


def test_the_log_is_followed_in_pages(engine: Engine, store: EventStore, clock: ManualClock) -> None:
    heads = [fill(store, account(f"a{number}"), commits=3, size=2) for number in range(5)]
    table, keys, place = engine.table(), list[str](), FollowedTo(FIRST)
    while found := page(table, place, clock.now, 4):
        keys, place = keys + found[0], found[1]
        if found[2]:
            break
    assert keys == sorted(log_key(commit) for head in heads for commit in store.commits(head.stream))
    last, _, _ = page(table, last_commits(table, everything, 4), clock.now, 100)
    assert last == keys[-4:]


def test_when_many_commits_are_younger_than_the_margin_the_rest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AHEAD", 5)
    clock = ManualClock()
    store = EventStore(MemoryTable(), REGISTRY, clock)
    fill(store, account("a"), commits=9)
    found, place, at_end = page(store.table, FollowedTo(FIRST), clock.now, 100)
    assert (len(found), at_end) == (5, False)
    rest, place, at_end = page(store.table, place, clock.now + 2 * MARGIN, 100)
    assert (len(rest), at_end, place.ahead) == (4, True, frozenset())


def listed(table: CommitTable, limit: int, meanwhile: Callable[[], object] = lambda: None) -> list[tuple[str, int]]:
    """Every stream, over pages, with the version that is shown."""
    found, place = list[tuple[str, int]](), ListPlace()
    while True:
        some = newest_streams(table, acme, limit, place)
        found += [(each.stream.id, each.version) for each in some.streams]
        meanwhile()
        if some.place is None:
            return found
        assert len(some.streams) == limit or some.early
        place = some.place


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_streams_are_listed_once_by_their_last_commit(engine: Engine, store: EventStore, limit: int) -> None:
    heads = [fill(store, account(f"a{number}"), commits=2) for number in range(4)]
    fill(store, account("x", "other"), commits=3)
    store.append(heads[1].stream, heads[1], deposits(1, 2))
    assert listed(engine.table(), limit) == [("a1", 4), ("a3", 2), ("a2", 2), ("a0", 2)]


def test_a_stream_that_moves_while_it_is_listed_is_listed_once(dynamodb: DynamoDBEngine) -> None:
    store = dynamodb.store(REGISTRY)
    oldest = fill(store, account("a0"), commits=1)
    for number in range(1, 4):
        fill(store, account(f"a{number}"), commits=1)
    heads = [oldest]

    def meanwhile() -> None:
        heads.append(store.append(oldest.stream, heads[-1], deposits(1)).head)

    assert listed(dynamodb.table(), 2, meanwhile) == [("a3", 1), ("a2", 1), ("a1", 1), ("a0", 1)]


def test_a_page_ends_early_when_it_has_looked_at_enough(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, account("a0"), commits=2)
    fill(store, account("x", "other"), commits=30)
    monkeypatch.setattr(module, "MOST_ENTRIES", 7)
    first = newest_streams(store.table, acme, 5, ListPlace())
    assert (first.streams, first.early, first.place is None) == ([], True, False)
    assert listed(store.table, 5) == [("a0", 2)]
    monkeypatch.setattr(module, "MOST_LOOKS", 1)
    assert listed(store.table, 5) == [("a0", 2)]
