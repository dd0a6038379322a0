"""Snapshots at work: commands on top of them, and verification against a fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import ACCOUNTS, REGISTRY, Account, Deposit, Withdraw, account, deposits

from banyan.commands.handler import CommandHandler
from banyan.decider import Decider
from banyan.errors import CommandRejected
from banyan.events import CamelModel, DomainEvent
from banyan.projections.snapshotter import Snapshotter
from banyan.store import EventStore, Snapshot
from banyan.store.eventstore import write_snapshot
from banyan.store.verify import verify_stream
from banyan.streams import StreamHead
from banyan.telemetry import NoTelemetry

A = account("a")


def filled(engine: Engine, commits: int) -> EventStore:
    store = engine.store(REGISTRY)
    head = StreamHead.empty(A)
    for number in range(commits):
        head = store.append(A, head, deposits(number)).head
    return store


def test_a_command_builds_on_a_snapshot(engine: Engine) -> None:
    store = filled(engine, 5)
    written = write_snapshot(store, ACCOUNTS, A)
    assert written is not None
    assert (written.version, Account.model_validate_json(written.state).balance) == (5, 10)

    handler = CommandHandler(store, ACCOUNTS)
    outcome = handler.handle(A, Withdraw(10))

    assert (outcome.state.balance, outcome.head.version) == (0, 6)
    with pytest.raises(CommandRejected):
        handler.handle(A, Withdraw(1))
    assert not verify_stream(store, A, ACCOUNTS).problems


def test_the_next_snapshot_builds_on_the_last(engine: Engine) -> None:
    store = filled(engine, 3)
    write_snapshot(store, ACCOUNTS, A)
    assert write_snapshot(store, ACCOUNTS, A) is None

    store.append(A, 3, deposits(30, 40))
    second = write_snapshot(store, ACCOUNTS, A)

    assert second is not None
    assert second.version == 5
    assert verify_stream(store, A, ACCOUNTS).problems == ()
    assert write_snapshot(store, ACCOUNTS, account("none")) is None


def test_a_new_state_version_starts_from_the_events(engine: Engine) -> None:
    store = filled(engine, 5)
    write_snapshot(store, ACCOUNTS, A)
    store.save_snapshot(replace(store_snapshot(store), state='{"balance":-1,"movements":-1}'))
    newer = replace(ACCOUNTS, state_version=2)

    assert CommandHandler(store, newer).load(A).state == Account(balance=10, movements=5)
    rewritten = write_snapshot(store, newer, A)
    assert rewritten is not None
    assert (rewritten.state_version, Account.model_validate_json(rewritten.state).balance) == (2, 10)


@pytest.mark.parametrize("state", ['{"balance":"much"}', "no JSON", '{"balance":1,"owner":"x"}'])
def test_a_state_that_no_longer_fits_is_passed_over(engine: Engine, state: str) -> None:
    store = filled(engine, 5)
    write_snapshot(store, ACCOUNTS, A)
    store.save_snapshot(replace(store_snapshot(store), state=state))

    assert CommandHandler(store, ACCOUNTS).load(A).state == Account(balance=10, movements=5)


def store_snapshot(store: EventStore) -> Snapshot:
    snapshot = store.load(A, state_version=ACCOUNTS.state_version).snapshot
    assert snapshot is not None
    return snapshot


class Empty(CamelModel):
    """A state that counts as false."""

    events: int = 0

    def __len__(self) -> int:
        return 0


def test_a_state_that_counts_as_false_is_still_a_state(engine: Engine) -> None:
    store = filled(engine, 5)

    def nothing(command: Deposit, state: Empty) -> Sequence[DomainEvent]:  # noqa: ARG001
        return []

    counting: Decider[Empty, Deposit] = Decider(
        "account",
        Empty,
        nothing,
        lambda state, _: Empty(events=state.events + 1),
        Empty,
    )
    write_snapshot(store, counting, A)

    assert CommandHandler(store, counting).load(A).state.events == 5
    store.append(A, 5, deposits(1))
    again = write_snapshot(store, counting, A)
    assert again is not None
    assert Empty.model_validate_json(again.state).events == 6


def test_a_snapshot_never_takes_the_place_of_a_commit(dynamodb: DynamoDBEngine) -> None:
    store = filled(dynamodb, 3)
    write_snapshot(store, ACCOUNTS, A)
    head = store.append(A, store.head(A), deposits(1)).head

    assert head.version == 4
    assert [event.version for event in store.read(A)] == [1, 2, 3, 4]
    assert store.find(A, "none") is None


def test_a_snapshot_is_written_from_one_load_and_none_where_it_is_not_due(dynamodb: DynamoDBEngine) -> None:
    store = filled(dynamodb, 5)
    snapshotter = Snapshotter(store, [ACCOUNTS], 4, NoTelemetry())
    dynamodb.wire.clear()

    snapshotter.renew([(A, 5)])
    assert dynamodb.wire.sent == ["Query", "PutItem"]
    dynamodb.wire.clear()

    store.append(A, store.head(A), deposits(1))
    dynamodb.wire.clear()
    snapshotter.renew([(A, 6)])
    assert dynamodb.wire.sent == ["Query"]
    assert store_snapshot(store).version == 5
