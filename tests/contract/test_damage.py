"""Damage behind the store's back: readers refuse it, and verification reports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.clocks import only_on_the_exact_engine
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import ACCOUNTS, REGISTRY, Account, account, bulk, deposits

from banyan.errors import StreamCorrupted
from banyan.store import Commit, EventStore, Snapshot
from banyan.store.base import digest_of
from banyan.store.eventstore import write_snapshot
from banyan.store.verify import DamageKind, VerifiedStream, verify_stream
from banyan.streams import StreamHead

A = account("a")
FORGED = "f" * 64

GAP, OVERLAP, PARTS = DamageKind.GAP, DamageKind.OVERLAP, DamageKind.PARTS
TIME, DIGEST, EVENT = DamageKind.TIME, DamageKind.DIGEST, DamageKind.EVENT
PLACE, SNAPSHOT_DIGEST = DamageKind.SNAPSHOT_PLACE, DamageKind.SNAPSHOT_DIGEST
SNAPSHOT_STATE, UNREADABLE = DamageKind.SNAPSHOT_STATE, DamageKind.UNREADABLE

Damage = Callable[[Engine, list[Commit]], None]
Problems = list[tuple[DamageKind, int]]


def history(store: EventStore) -> list[Commit]:
    """Versions 1 | 2 | 3, snapshot | 4-6 | 7-8 | 9-11 in three parts | 12-13."""
    head = StreamHead.empty(A)
    for number in (1, 2, 3):
        head = store.append(A, head, deposits(number)).head
    write_snapshot(store, ACCOUNTS, A)
    for events in (deposits(1, 2, 3), deposits(4, 5), bulk(3, 300_000), deposits(6, 7)):
        head = store.append(A, head, events).head
    return list(store.commits(A))


def problems(store: EventStore) -> Problems:
    return [(problem.kind, problem.version) for problem in verify_stream(store, A, ACCOUNTS).problems]


def remove(*indexes: int) -> Damage:
    def damage(engine: Engine, commits: list[Commit]) -> None:
        for index in indexes:
            engine.remove(commits[index])

    return damage


def alter(index: int, **changes: Any) -> Damage:
    return lambda engine, commits: engine.put(replace(commits[index], **changes))


def reseal(index: int, **changes: Any) -> Damage:
    """Alter a commit and give it a digest that fits the commit before it."""

    def damage(engine: Engine, commits: list[Commit]) -> None:
        altered = replace(commits[index], **changes)
        engine.put(replace(altered, digest=digest_of(commits[index - 1].digest, altered)))

    return damage


def swap(engine: Engine, commits: list[Commit]) -> None:
    engine.put(replace(commits[2], position=2))
    engine.put(replace(commits[1], position=3))


def insert(engine: Engine, commits: list[Commit]) -> None:
    engine.put(replace(commits[1], position=5))


def turn_back(engine: Engine, commits: list[Commit]) -> None:
    reseal(2, recorded_at=commits[0].recorded_at - timedelta(seconds=1))(engine, commits)


DAMAGES: dict[str, tuple[Damage, int, Problems]] = {
    "removed": (remove(1), 2, [(GAP, 2)]),
    "first removed": (remove(0), 1, [(GAP, 1)]),
    "altered": (alter(3, events="[]"), 4, [(DIGEST, 4), (EVENT, 4)]),
    "altered and sealed": (reseal(3, commit_id="other"), 7, [(DIGEST, 7)]),
    "moved in time": (turn_back, 3, [(TIME, 3), (DIGEST, 4), (SNAPSHOT_DIGEST, 3)]),
    "digest": (alter(3, digest=FORGED), 4, [(DIGEST, 4), (DIGEST, 7)]),
    "last digest": (alter(-1, digest=FORGED), 12, [(DIGEST, 12)]),
    "reordered": (swap, 2, [(DIGEST, 2), (TIME, 3), (DIGEST, 3), (DIGEST, 4), (SNAPSHOT_DIGEST, 3)]),
    "inserted": (insert, 7, [(OVERLAP, 5), (GAP, 6)]),
    "shortened": (reseal(3, count=2), 4, [(EVENT, 4), (GAP, 6)]),
    "first part removed": (remove(5), 10, [(GAP, 9), (PARTS, 10)]),
    "middle part removed": (remove(6), 9, [(GAP, 10), (PARTS, 11)]),
    "end removed inside a commit": (remove(7, 8), 9, [(PARTS, 11)]),
}


def test_a_sound_stream_has_no_problems(store: EventStore) -> None:
    history(store)

    assert verify_stream(store, A, ACCOUNTS) == VerifiedStream(A, 13, ())
    assert verify_stream(store, account("none")) == VerifiedStream(account("none"), 0, ())


@pytest.mark.parametrize(("damage", "version", "found"), DAMAGES.values(), ids=DAMAGES)
def test_readers_refuse_it_and_verification_reports_it(
    engine: Engine, store: EventStore, damage: Damage, version: int, found: Problems
) -> None:
    only_on_the_exact_engine(engine.name)
    damage(engine, history(store))

    with pytest.raises(StreamCorrupted) as corrupted:
        list(store.read(A))
    assert (corrupted.value.stream, corrupted.value.version) == (A, version)
    with pytest.raises(StreamCorrupted):
        store.load(A)
    assert sorted(problems(store)) == sorted(found)


def test_verification_reports_all_of_it(engine: Engine, store: EventStore) -> None:
    commits = history(store)
    remove(0, 4)(engine, commits)
    alter(3, digest=FORGED)(engine, commits)
    engine.put(Snapshot(A, 3, FORGED, 1, "{}"))

    assert problems(store) == [(GAP, 1), (SNAPSHOT_DIGEST, 3), (DIGEST, 4), (GAP, 7)]


def test_the_head_of_half_a_commit_is_no_head(engine: Engine, store: EventStore) -> None:
    remove(7, 8)(engine, history(store))

    with pytest.raises(StreamCorrupted):
        store.head(A)


@pytest.mark.parametrize(
    ("version", "forged", "state_version", "state", "found"),
    [
        (3, False, 1, Account(balance=6, movements=3).model_dump_json(), []),
        (3, False, 1, Account(balance=7, movements=3).model_dump_json(), [(SNAPSHOT_STATE, 3)]),
        (3, False, 1, "no JSON", [(SNAPSHOT_STATE, 3)]),
        (3, False, 2, "{}", []),
        (3, True, 2, "{}", [(SNAPSHOT_DIGEST, 3)]),
        (5, False, 1, "{}", [(PLACE, 5)]),
        (10, False, 1, "{}", [(PLACE, 10)]),
    ],
)
def test_verification_compares_snapshots_with_the_fold(
    engine: Engine, store: EventStore, version: int, forged: bool, state_version: int, state: str, found: Problems
) -> None:
    commits = history(store)
    engine.put(Snapshot(A, version, FORGED if forged else commits[2].digest, state_version, state))

    assert problems(store) == found


def test_an_item_that_cannot_be_read_is_named(dynamodb: DynamoDBEngine) -> None:
    store = dynamodb.store(REGISTRY)
    history(store)
    dynamodb.client.update_item(
        TableName=dynamodb.events,
        Key={"stream": {"S": str(A)}, "position": {"N": "2"}},
        UpdateExpression="SET #events = :garbage",
        ExpressionAttributeNames={"#events": "events"},
        ExpressionAttributeValues={":garbage": {"B": b"garbage"}},
    )

    with pytest.raises(StreamCorrupted, match="damaged at version 2: the item cannot be read"):
        store.load(A)
    assert problems(store) == [(UNREADABLE, 2), (GAP, 2)]
