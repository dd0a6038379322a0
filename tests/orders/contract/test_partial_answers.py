"""A batch of which the service does only a part at a time is asked for again, until all of it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from tests.orders.support.legacies import OnDynamoDB, order, row
from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine
from tests.support.ledger import REGISTRY, account, deposits
from tests.support.projections import Ledger
from tests.support.wire import half_done

from banyan.adapters.dynamodb.views import DynamoDBGenerationRows
from banyan.adapters.work_queue import SqsWorkQueue
from banyan.documents import Key
from banyan.errors import StoreUnavailable
from banyan.projections.rebuild.builds import Build, Segment, Work
from banyan.projections.state import ProjectionState
from banyan.projections.views import Generation

MANY = [account(f"a{number}") for number in range(9)]
BALANCES, TURNOVER = Generation("balances"), Generation("turnover")
BUILD = Build(Generation("balances", 2), base=1, segments=9, write_rate=1, switch_when_equal=False, started_at=START)


@pytest.fixture
def ledger(dynamodb: DynamoDBEngine) -> Ledger:
    """Nine accounts, projected; from now on the service does half of each batch."""
    ledger = Ledger(dynamodb.views(), dynamodb.table(), projection_states=dynamodb.projection_states())
    for stream in MANY:
        ledger.runner.project(ledger.append(stream, *deposits(1)))
    dynamodb.wire.around = half_done
    dynamodb.wire.clear()
    return ledger


Read = Callable[[DynamoDBEngine, Ledger], Iterable[object]]


def existing(engine: DynamoDBEngine, ledger: Ledger) -> Iterable[object]:
    del engine
    return ledger.store.existing(MANY)


def states(engine: DynamoDBEngine, ledger: Ledger) -> Iterable[object]:
    del engine
    return ledger.views.states(BALANCES, MANY)


def checkpoints(engine: DynamoDBEngine, ledger: Ledger) -> Iterable[object]:
    del engine
    return ledger.views.checkpoints(TURNOVER, MANY)


def projection_states(engine: DynamoDBEngine, ledger: Ledger) -> Iterable[object]:
    del ledger
    names = [f"p{number}" for number in range(9)]
    for name in names:
        engine.projection_states().put(ProjectionState(name).noted(7))
    found = engine.projection_states().get(names)
    return [name for name in names if found[name].outdated(1)]


def log_checkpoints(engine: DynamoDBEngine, ledger: Ledger) -> Iterable[object]:
    del ledger
    for bucket in range(9):
        engine.checkpoints().put(BALANCES, bucket, START)
    return engine.checkpoints().get(BALANCES, range(9))


def rebuild_checkpoints(engine: DynamoDBEngine, ledger: Ledger) -> Iterable[object]:
    del ledger
    builds = engine.builds()
    for number in range(9):
        builds.put(BUILD.generation, Segment(number, streams=7))
    return [segment for segment in builds.segments(BUILD) if segment.streams == 7]


def shared_rows(engine: DynamoDBEngine, ledger: Ledger) -> Iterable[object]:
    keys = [key for key in ledger.expected_turnover() if key.partition == "growing"]
    rows = DynamoDBGenerationRows(engine.gateway, engine.tables.views, engine.tables.cursors)
    assert rows.rows(TURNOVER, keys).keys() == set(keys)
    return engine.row_repair().read_rows(TURNOVER, keys)


def digests(engine: DynamoDBEngine, ledger: Ledger) -> Iterable[object]:
    del ledger
    documents = {Key("part", f"{number:02}"): str(number) for number in range(9)}
    engine.documents().put_many(documents)
    assert len(engine.documents().page("part", 100)) == len(documents)
    return engine.documents().get_many(list(documents))


@pytest.mark.parametrize(
    "read",
    [existing, states, checkpoints, projection_states, log_checkpoints, rebuild_checkpoints, shared_rows, digests],
)
def test_nothing_is_taken_for_missing(dynamodb: DynamoDBEngine, ledger: Ledger, read: Read) -> None:
    assert len(list(read(dynamodb, ledger))) == 9
    assert dynamodb.wire.sent.count("BatchGetItem") >= 4


def test_a_legacy_systems_rows_are_all_read(dynamodb: DynamoDBEngine) -> None:
    legacy = OnDynamoDB(dynamodb)
    streams = [order(number) for number in range(9)]
    for stream in streams:
        legacy.write_directly(stream, row(stream))
    dynamodb.wire.around = half_done
    assert legacy.repository.rows(streams).keys() == set(streams)


def test_a_generation_is_dropped_to_its_last_row_and_cursor(dynamodb: DynamoDBEngine, ledger: Ledger) -> None:
    rows = DynamoDBGenerationRows(dynamodb.gateway, dynamodb.tables.views, dynamodb.tables.cursors)
    position = rows.drop(TURNOVER, 0, 1, None, 500)
    while position is not None:
        position = rows.drop(TURNOVER, 0, 1, position, 500)

    assert ledger.views.checkpoints(TURNOVER, MANY) == {}
    assert rows.keys([TURNOVER], 0, 1, None)[0] == {}


def test_what_stays_undone_is_an_outage_and_no_answer(dynamodb: DynamoDBEngine) -> None:
    """Half of a hundred keys, and half of those that are left, do not become all within the attempts."""
    views, store, documents = dynamodb.views(), dynamodb.store(REGISTRY), dynamodb.documents()
    many = [account(f"a{number}") for number in range(100)]
    dynamodb.wire.around = half_done
    with pytest.raises(StoreUnavailable):
        views.states(BALANCES, many)
    with pytest.raises(StoreUnavailable):
        store.existing(many)
    with pytest.raises(StoreUnavailable):
        documents.get_many([Key("part", str(number)) for number in range(100)])


class HalfTaken:
    """A queue that refuses the second half of each batch."""

    def send_message_batch(self, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: ARG002, N803
        half = len(Entries) // 2
        failed = [{"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"} for entry in Entries[half:]]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries[:half]], "Failed": failed}


def test_work_that_the_queue_did_not_take_is_an_outage() -> None:
    queue: Any = HalfTaken()
    with pytest.raises(StoreUnavailable, match="2 of 3 messages were not taken"):
        SqsWorkQueue(lambda: queue, "url").send([Work(BALANCES, number) for number in range(3)])
