"""Streams as people look at them, on every engine: in both orders, page by page, as they were, and damaged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest
from tests.support.clocks import ManualClock
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import ACCOUNTS, REGISTRY, Account, account, bulk, deposits, fill, noise

from banyan.store import EventStore, Snapshot
from banyan.store.eventstore import write_snapshot
from banyan.store.past import state_at, version_at
from banyan.store.raw import UNREADABLE, history
from banyan.streams import StreamHead

A = account("a")
BROKEN = {"recorded_at": {"S": "never"}, "commit_id": {"S": "x"}}


@pytest.fixture
def filled(store: EventStore, clock: ManualClock) -> EventStore:
    """Versions 1 | 2-4 | 5-7 in three parts | snapshot | 8-9 | 10, an hour apart."""
    head = StreamHead.empty(A)
    for events in (deposits(1), deposits(2, 3, 4), bulk(3, 300_000), deposits(8, 9), deposits(10)):
        clock.move(timedelta(hours=1))
        head = store.append(A, head, events).head
        if head.version == 7:
            write_snapshot(store, ACCOUNTS, A)
    return store


def shown(store: EventStore, after: int | None = None, limit: int = 100, *, newest_first: bool = False) -> list[int]:
    events = islice(history(store, A, after, newest_first=newest_first), limit)
    return [event.version if event.error is None else -event.version for event in events]


def test_pages_join_in_either_order_wherever_they_are_cut(filled: EventStore) -> None:
    for after in range(11):
        assert shown(filled, after) == list(range(after + 1, 11))
        assert shown(filled, after, newest_first=True) == list(range(after - 1, 0, -1))
    assert shown(filled, newest_first=True) == list(range(10, 0, -1))
    assert shown(filled, 3, 2) == [4, 5]


def test_the_state_at_each_version_is_the_fold_of_the_events_up_to_it(filled: EventStore) -> None:
    events = [event.payload for event in filled.read(A)]
    for version in range(1, 11):
        assert state_at(filled, ACCOUNTS, A, version) == ACCOUNTS.fold(events[:version])


def test_a_stream_has_the_version_that_was_recorded_by_a_moment(filled: EventStore, clock: ManualClock) -> None:
    found = [version_at(filled, A, clock.now - timedelta(minutes=60 * hours + 30)) for hours in range(6)]
    assert found == [9, 7, 4, 1, 0, 0]
    assert version_at(filled, A, clock.now) == 10
    assert version_at(filled, account("none"), clock.now) == 0


def test_a_state_continues_from_a_snapshot_unless_that_does_not_fit(engine: Engine, store: EventStore) -> None:
    head = fill(store, A, commits=5)
    forged = Account(balance=1_000_000, movements=5)
    snapshot = Snapshot(A, 5, head.digest, 1, forged.model_dump_json(), ACCOUNTS.fingerprint)
    engine.put(snapshot)
    for amount in (6, 7):
        head = store.append(A, head, deposits(amount)).head
    assert [state_at(store, ACCOUNTS, A, version).balance for version in (5, 7)] == [15, 1_000_013]
    for unfit in (
        replace(snapshot, fingerprint="another"),
        replace(snapshot, state="{}x"),
        replace(snapshot, digest="f" * 64),
    ):
        engine.put(unfit)
        assert state_at(store, ACCOUNTS, A, 7).balance == 28


def test_a_snapshot_in_parts_is_passed_over(dynamodb: DynamoDBEngine) -> None:
    store = dynamodb.store(REGISTRY)
    head = fill(store, A, commits=3)
    state = ACCOUNTS.fold(event.payload for event in store.read(A))
    text = state.model_dump_json()[:-1] + f', "padding": "{noise(900_000)}"' + "}"
    store.save_snapshot(Snapshot(A, 3, head.digest, 1, text, ACCOUNTS.fingerprint))
    store.append(A, head, deposits(4, 5))
    assert shown(store, newest_first=True) == [5, 4, 3, 2, 1]
    assert shown(store, 2) == [3, 4, 5]
    assert state_at(store, ACCOUNTS, A, 4).balance == 10


@pytest.mark.parametrize("position", ["1", "2", "3.5", "4", "5"])
def test_an_item_that_cannot_be_read_hides_nothing_else(dynamodb: DynamoDBEngine, position: str) -> None:
    """Versions 1 | 2 | 3, snapshot | 4 | 5, one of which is no longer an item of the engine's."""
    store = dynamodb.store(REGISTRY)
    head = fill(store, A, commits=3)
    write_snapshot(store, ACCOUNTS, A)
    for amount in (4, 5):
        head = store.append(A, head, deposits(amount)).head
    key = {"stream": {"S": str(A)}, "position": {"N": position}}
    dynamodb.client.put_item(TableName=dynamodb.events, Item={**key, **BROKEN} if position != "3.5" else key)
    expected = [-version if str(version) == position else version for version in range(1, 6)]
    assert shown(store) == expected
    assert shown(store, newest_first=True) == expected[::-1]
    assert shown(store, 2) == expected[2:]
    assert shown(store, 4, newest_first=True) == expected[2::-1]
    types = {event.event_type for event in history(store, A, None, newest_first=False)}
    assert (UNREADABLE in types) is (position != "3.5")
