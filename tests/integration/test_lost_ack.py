"""Faults between the client and the table: no answer is believed twice, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine
from tests.support.ledger import REGISTRY, account, bulk, deposits
from tests.support.wire import Fault, late_answer, lost_answer, lost_request, refused

from banyan.adapters.clients import CONFIG
from banyan.adapters.dynamodb.gateway import ATTEMPTS, ATTEMPTS_PER_ITEM
from banyan.errors import ConcurrencyError, StoreMisconfigured, StoreUnavailable
from banyan.events import Metadata
from banyan.store import Appended, EventStore, Expected, Write
from banyan.store.base import Collision, CompanionWriteRejected
from banyan.store.items import record
from banyan.store.verify import verify_stream
from banyan.streams import StreamHead

A, B = account("a"), account("b")
SDK_ATTEMPTS = CONFIG.retries["total_max_attempts"]  # type: ignore[attr-defined]

Append = Callable[[EventStore, StreamHead], tuple[Appended, ...]]


def one(store: EventStore, head: StreamHead) -> tuple[Appended, ...]:
    return (store.append(A, head, deposits(1, 2), commit_id="x"),)


def split(store: EventStore, head: StreamHead) -> tuple[Appended, ...]:
    return (store.append(A, head, bulk(3, 300_000), commit_id="x"),)


def many(store: EventStore, head: StreamHead) -> tuple[Appended, ...]:
    writes = [Write(A, head, deposits(1)), Write(B, Expected.NO_STREAM, deposits(2, 3))]
    return store.append_many(writes, commit_id="x")


def many_and_split(store: EventStore, head: StreamHead) -> tuple[Appended, ...]:
    writes = [Write(A, head, bulk(3, 300_000)), Write(B, Expected.NO_STREAM, deposits(2, 3))]
    return store.append_many(writes, commit_id="x")


APPENDS = pytest.mark.parametrize(
    ("append", "operation"),
    [
        (one, "PutItem"),
        (split, "TransactWriteItems"),
        (many, "TransactWriteItems"),
        (many_and_split, "TransactWriteItems"),
    ],
)


def begin(engine: DynamoDBEngine) -> tuple[EventStore, StreamHead]:
    store = engine.store(REGISTRY)
    head = store.append(A, 0, deposits(10)).head
    engine.wire.clear()
    return store, head


def told(appended: tuple[Appended, ...]) -> list[object]:
    return [(a.head, a.events) for a in appended]


def stored(store: EventStore, appended: tuple[Appended, ...]) -> list[object]:
    return [
        (store.head(a.head.stream), tuple(store.read(a.head.stream, after=a.events[0].version - 1))) for a in appended
    ]


@APPENDS
@pytest.mark.parametrize("fault", [lost_answer, late_answer])
def test_the_sdk_s_retry_returns_the_first_result(
    dynamodb: DynamoDBEngine, append: Append, operation: str, fault: Fault
) -> None:
    store, head = begin(dynamodb)
    dynamodb.wire.inject(fault, on=operation)

    appended = append(store, head)

    assert dynamodb.wire.sent == [operation] * 2
    assert told(appended) == stored(store, appended)


@APPENDS
def test_the_caller_s_retry_returns_the_first_result(dynamodb: DynamoDBEngine, append: Append, operation: str) -> None:
    store, head = begin(dynamodb)
    dynamodb.wire.inject(*[lost_answer] * SDK_ATTEMPTS, on=operation)
    with pytest.raises(StoreUnavailable):
        append(store, head)
    assert dynamodb.wire.sent == [operation] * SDK_ATTEMPTS
    dynamodb.wire.clear()

    again = append(store, head)

    assert dynamodb.wire.sent == [operation]
    assert all(appended.repeated for appended in again)
    assert told(again) == stored(store, again)


@APPENDS
def test_the_caller_s_retry_finds_it_behind_the_commits_of_others(
    dynamodb: DynamoDBEngine, append: Append, operation: str
) -> None:
    store, head = begin(dynamodb)
    first = append(store, head)
    store.append(A, first[0].head, deposits(99))
    dynamodb.wire.clear()

    again = append(store, head)

    assert dynamodb.wire.sent == [operation]
    assert told(again) == told(first)


@APPENDS
def test_a_request_that_never_arrived_is_sent_again(dynamodb: DynamoDBEngine, append: Append, operation: str) -> None:
    store, head = begin(dynamodb)
    dynamodb.wire.inject(lost_request, lost_request, on=operation)

    appended = append(store, head)

    assert not any(a.repeated for a in appended)
    assert told(appended) == stored(store, appended)


def test_a_lost_conflict_stays_a_conflict(dynamodb: DynamoDBEngine) -> None:
    store, head = begin(dynamodb)
    store.append(A, head, deposits(5), commit_id="other")
    dynamodb.wire.inject(lost_answer, on="PutItem")

    with pytest.raises(ConcurrencyError):
        one(store, head)
    assert store.get_stream_version(A) == 2


@pytest.mark.parametrize("answers", [1, SDK_ATTEMPTS])
def test_the_first_result_comes_back_at_any_expected_version(dynamodb: DynamoDBEngine, answers: int) -> None:
    store, _ = begin(dynamodb)
    dynamodb.wire.inject(*[lost_answer] * answers, on="PutItem")
    for _attempt in range(2):
        try:
            appended = store.append(A, Expected.ANY, deposits(1, 2), commit_id="x")
        except StoreUnavailable:
            continue

    assert appended.head == store.head(A)
    assert appended.head.version == 3


BUSY = {
    "transaction in progress": refused("TransactionInProgressException"),
    "conflict": refused("TransactionCanceledException", reasons=["None", "TransactionConflict"]),
    "throttled transaction": refused("TransactionCanceledException", reasons=["ThrottlingError", "None"]),
    "capacity": refused("TransactionCanceledException", reasons=["ProvisionedThroughputExceeded", "None"]),
    "throttled": refused("ThrottlingException"),
    "server": refused("InternalServerError", status=500),
}


@pytest.mark.parametrize("fault", BUSY.values(), ids=BUSY)
def test_a_busy_table_is_asked_again(dynamodb: DynamoDBEngine, fault: Fault) -> None:
    store, head = begin(dynamodb)
    dynamodb.wire.inject(fault, fault, on="TransactWriteItems")

    appended = many(store, head)

    assert dynamodb.wire.sent == ["TransactWriteItems"] * 3
    assert told(appended) == stored(store, appended)


def test_a_put_that_meets_a_transaction_is_sent_again(dynamodb: DynamoDBEngine) -> None:
    store, head = begin(dynamodb)
    dynamodb.wire.inject(*[refused("TransactionConflictException")] * 2, on="PutItem")

    assert one(store, head)[0].head == store.head(A)


CANCELLED = ("conflict", "throttled transaction", "capacity")
PATIENCE = [(fault, ATTEMPTS if name in CANCELLED else SDK_ATTEMPTS) for name, fault in BUSY.items()]


@pytest.mark.parametrize(("fault", "attempts"), [*PATIENCE, (lost_request, SDK_ATTEMPTS)], ids=[*BUSY, "no connection"])
def test_patience_with_a_busy_table_ends(dynamodb: DynamoDBEngine, fault: Fault, attempts: int) -> None:
    store, head = begin(dynamodb)
    dynamodb.wire.inject(*[fault] * 100, on="TransactWriteItems")

    with pytest.raises(StoreUnavailable):
        many(store, head)

    assert len(dynamodb.wire.sent) == attempts
    dynamodb.wire.clear()
    assert (store.head(A), store.get_stream_version(B)) == (head, 0)


def test_a_transaction_over_many_streams_is_tried_more_often(dynamodb: DynamoDBEngine) -> None:
    """The more streams it has, the more likely one of them is busy at any moment."""
    store, conflict = dynamodb.store(REGISTRY), BUSY["conflict"]
    writes = [Write(account(f"shard-{n}"), Expected.NO_STREAM, deposits(n)) for n in range(1, 17)]
    dynamodb.wire.inject(*[conflict] * (len(writes) * ATTEMPTS_PER_ITEM - 1), on="TransactWriteItems")

    store.append_many(writes)

    dynamodb.wire.inject(*[conflict] * 100, on="TransactWriteItems")
    dynamodb.wire.sent.clear()
    with pytest.raises(StoreUnavailable):
        store.append_many([replace(write, expected=store.head(write.stream)) for write in writes])
    assert dynamodb.wire.sent.count("TransactWriteItems") == len(writes) * ATTEMPTS_PER_ITEM


@pytest.mark.parametrize("read", [EventStore.load, EventStore.head, lambda store, stream: list(store.read(stream))])
def test_reading_asks_again_and_gives_up(dynamodb: DynamoDBEngine, read: Callable[..., object]) -> None:
    store, _ = begin(dynamodb)
    dynamodb.wire.inject(lost_answer, refused("ThrottlingException"))
    read(store, A)
    dynamodb.wire.inject(*[refused("InternalServerError", status=500)] * 100)

    with pytest.raises(StoreUnavailable):
        read(store, A)


def test_a_commit_cancelled_for_good_says_why(dynamodb: DynamoDBEngine) -> None:
    store, head = begin(dynamodb)
    dynamodb.wire.inject(refused("AccessDeniedException"))

    with pytest.raises(StoreMisconfigured, match="AccessDeniedException"):
        one(store, head)
    assert not verify_stream(store, A).problems


def put_beside(engine: DynamoDBEngine, sort: str, condition: str = "attribute_not_exists") -> dict[str, Any]:
    """A write of another table that holds together with a commit."""
    item = {"row": {"S": "beside"}, "sort": {"S": sort}}
    put: dict[str, Any] = {
        "TableName": engine.named("views"),
        "Item": item,
        "ConditionExpression": f"{condition}(#row)",
    }
    return {"Put": put | {"ExpressionAttributeNames": {"#row": "row"}}}


def test_what_stands_beside_a_commit_refuses_it_by_its_own_place(dynamodb: DynamoDBEngine) -> None:
    commits = record(StreamHead.empty(A), deposits(1), "x", Metadata(), START).parts
    beside = [put_beside(dynamodb, "a"), put_beside(dynamodb, "b", "attribute_exists")]
    with pytest.raises(CompanionWriteRejected) as refusal:
        dynamodb.table().insert(commits, beside)
    assert refusal.value.indexes == {1}
    dynamodb.table().insert(commits, beside[:1])
    with pytest.raises(Collision) as collision:
        dynamodb.table().insert(commits, beside)
    assert collision.value.found.keys() == {0}


def test_a_commit_with_other_writes_beside_it_is_another_request(dynamodb: DynamoDBEngine) -> None:
    tokens: list[str] = []
    dynamodb.client.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: tokens.append(params["ClientRequestToken"]),
    )
    commits = record(StreamHead.empty(A), deposits(1), "x", Metadata(), START).parts
    for sort in ("a", "b", "a"):
        with pytest.raises(CompanionWriteRejected):
            dynamodb.table().insert(commits, [put_beside(dynamodb, sort, "attribute_exists")])
    assert tokens[0] == tokens[2] != tokens[1]
