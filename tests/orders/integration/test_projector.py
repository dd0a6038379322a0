"""The projector on DynamoDB: its requests, its answers lost, its rivals, and its function."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from tests.support.clocks import ManualClock
from tests.support.engines import DynamoDBEngine
from tests.support.ledger import account, deposits
from tests.support.projections import Balance, Ledger, same
from tests.support.stream_records import record
from tests.support.wire import Deliver, delivered, lost_answer, operation_of, refused

from banyan.bootstrap import bootstrap
from banyan.errors import StoreUnavailable
from banyan.projections.base import Lookup, StreamProjection
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.state import CachedStates
from banyan.projections.views import Generation
from banyan.store import Commit, Expected
from banyan.streams import StreamId
from orders import DOMAIN
from orders.events import Item, OrderCreated

APP = Path(__file__).parents[3] / "functions" / "projector" / "app.py"
CONTEXT = SimpleNamespace(
    function_name="projector", aws_request_id="request", get_remaining_time_in_millis=lambda: 60_000
)
STREAMS = [account(f"a{number}") for number in range(50)]


def ledger_on(engine: DynamoDBEngine) -> Ledger:
    return Ledger(engine.views(), engine.table())


def one_commit_each(ledger: Ledger, streams: Sequence[StreamId]) -> list[Commit]:
    return [ledger.commit(stream, *deposits(1, note=f"n{index % 3}")) for index, stream in enumerate(streams)]


def assert_folded(ledger: Ledger, streams: Sequence[StreamId]) -> None:
    assert ledger.turnover_rows() == ledger.expected_turnover()
    assert all(same(ledger.balance(stream), ledger.expected_balance(stream)) for stream in streams)


def assert_folded_upto(ledger: Ledger, streams: Sequence[StreamId], version: int) -> None:
    assert ledger.turnover_rows() == ledger.expected_turnover(dict.fromkeys(streams, version))
    assert all(same(ledger.balance(stream), ledger.expected_balance(stream, version)) for stream in streams)


def throttled(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
    """No write gets through."""
    writing = operation_of(request) in ("PutItem", "BatchExecuteStatement")
    return (refused("ProvisionedThroughputExceededException") if writing else delivered)(request, deliver)


def test_fifty_streams_cost_one_read_a_projection_and_at_most_one_write_a_stream(dynamodb: DynamoDBEngine) -> None:
    ledger = ledger_on(dynamodb)
    new, known = one_commit_each(ledger, STREAMS), one_commit_each(ledger, STREAMS)
    dynamodb.wire.clear()
    assert not ledger.runner.project(new)
    assert Counter(dynamodb.wire.sent) == {"BatchGetItem": 2, "BatchExecuteStatement": 2, "TransactWriteItems": 2}
    assert_folded_upto(ledger, STREAMS, 1)
    dynamodb.wire.clear()
    assert not ledger.runner.project(known)
    assert Counter(dynamodb.wire.sent) == {"BatchGetItem": 2, "PutItem": 50, "TransactWriteItems": 2}
    assert_folded(ledger, STREAMS)


def test_a_row_that_was_left_out_of_a_batch_is_written_by_itself(dynamodb: DynamoDBEngine) -> None:
    ledger = ledger_on(dynamodb)
    batch = one_commit_each(ledger, STREAMS[:6])
    ledger.make_runner().project(batch[:2])
    dynamodb.wire.clear()
    dynamodb.wire.inject(refused("TransactionConflictException"), on="BatchExecuteStatement")
    assert not ledger.runner.project(batch)
    assert Counter(dynamodb.wire.sent) == {
        "BatchGetItem": 3,
        "BatchExecuteStatement": 1,
        "PutItem": 4,
        "TransactWriteItems": 1,
    }
    assert_folded(ledger, STREAMS[:6])


def test_a_new_row_that_cannot_be_put_into_words_stops_itself_alone(dynamodb: DynamoDBEngine) -> None:
    """A fold that gives a number for a place in a lookup, where there must be text."""
    ledger, bad = ledger_on(dynamodb), STREAMS[2]
    places: Any = {0: "0", 7: 7}
    by_total: Lookup[Balance] = Lookup("all", lambda _: "all", lambda balance: places[balance.total])
    ledger.projections = [replace(ledger.balances, lookups=[by_total])]
    batch = [ledger.commit(stream, *deposits(7 if stream == bad else 0)) for stream in STREAMS[:4]]
    assert ledger.make_runner().project(batch) == {bad}
    assert [ledger.balance(stream) is None for stream in STREAMS[:4]] == [False, False, True, False]


def test_a_repeated_batch_costs_one_read_a_projection(dynamodb: DynamoDBEngine) -> None:
    ledger = ledger_on(dynamodb)
    batch = one_commit_each(ledger, STREAMS[:10])
    ledger.runner.project(batch)
    dynamodb.wire.clear()
    ledger.runner.project(batch)
    assert dynamodb.wire.sent == ["BatchGetItem", "BatchGetItem"]


def test_controls_cost_one_read_for_all_projections_and_none_while_they_are_young(dynamodb: DynamoDBEngine) -> None:
    ledger = Ledger(dynamodb.views(), dynamodb.table())
    projection_states = CachedStates(dynamodb.projection_states(), ["balances", "turnover"], 60_000)
    runner = ProjectionProcessor(
        ledger.store, ledger.views, ledger.projections, states=projection_states, retry_policy=ledger.retry_policy
    )
    cold, warm = one_commit_each(ledger, STREAMS[:10]), one_commit_each(ledger, STREAMS[:10])
    dynamodb.wire.clear()
    assert not runner.project(cold)
    assert dynamodb.wire.sent.count("BatchGetItem") == 1 + 2
    dynamodb.wire.clear()
    assert not runner.project(warm)
    assert Counter(dynamodb.wire.sent) == {"BatchGetItem": 2, "PutItem": 10, "TransactWriteItems": 1}


def test_a_gap_costs_one_query_and_one_look_at_its_failure(dynamodb: DynamoDBEngine) -> None:
    ledger = ledger_on(dynamodb)
    stream = STREAMS[0]
    ledger.commit(stream, *deposits(1))
    last = ledger.commit(stream, *deposits(2))
    dynamodb.wire.clear()
    ledger.runner.project([last])
    states = ["BatchGetItem", "GetItem", "Query", "PutItem"]
    assert dynamodb.wire.sent == [*states, *states[:-1], "TransactWriteItems"]
    assert_folded(ledger, [stream])


def test_lost_answers_change_nothing(dynamodb: DynamoDBEngine) -> None:
    ledger = ledger_on(dynamodb)
    batch = one_commit_each(ledger, STREAMS[:6])
    again = one_commit_each(ledger, STREAMS[:6])
    dynamodb.wire.inject(lost_answer, on="BatchExecuteStatement")
    dynamodb.wire.inject(lost_answer, on="TransactWriteItems")
    assert not ledger.runner.project(batch)
    assert_folded_upto(ledger, STREAMS[:6], 1)
    dynamodb.wire.inject(lost_answer, on="PutItem")
    dynamodb.wire.inject(lost_answer, on="TransactWriteItems")
    assert not ledger.runner.project(again)
    assert_folded(ledger, STREAMS[:6])


def test_a_transaction_that_is_refused_is_made_stream_by_stream(dynamodb: DynamoDBEngine) -> None:
    ledger = ledger_on(dynamodb)
    batch = one_commit_each(ledger, STREAMS[:4])
    dynamodb.wire.clear()
    dynamodb.wire.inject(refused("TransactionCanceledException", reasons=["ValidationError"]), on="TransactWriteItems")
    assert not ledger.runner.project(batch)
    assert dynamodb.wire.sent.count("TransactWriteItems") == 1 + 4
    assert_folded(ledger, STREAMS[:4])


def test_throttling_refuses_the_batch_and_blames_no_stream(dynamodb: DynamoDBEngine) -> None:
    ledger = ledger_on(dynamodb)
    batch = one_commit_each(ledger, STREAMS[:4])
    dynamodb.wire.around = throttled
    with pytest.raises(StoreUnavailable, match="ProvisionedThroughputExceeded"):
        ledger.runner.project(batch)
    dynamodb.wire.around = delivered
    assert not any(ledger.failure("balances", stream) for stream in STREAMS[:4])
    assert not ledger.runner.project(batch)
    assert_folded(ledger, STREAMS[:4])


def test_projectors_that_race_over_the_same_streams_end_at_the_fold(dynamodb_local: DynamoDBEngine) -> None:
    ledger = ledger_on(dynamodb_local)
    streams = STREAMS[:5]
    commits = [commit for _ in range(6) for commit in one_commit_each(ledger, streams)]

    def deliver(seed: int) -> None:
        runner, shuffled = ledger.make_runner(), Random(seed).sample(commits, len(commits))
        for start in range(0, len(commits), 7):
            assert not runner.project(shuffled[start : start + 7])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver, range(4)))
    assert_folded(ledger, streams)


def load(engine: DynamoDBEngine) -> Any:
    """The function's handler, freshly imported as in a new container; its tables are an engine's."""
    spec = importlib.util.spec_from_file_location("projector_app", APP)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module)["bootstrap"] = partial(bootstrap, client=lambda: engine.client)
    return module.handler


@pytest.fixture
def environment(dynamodb: DynamoDBEngine, monkeypatch: pytest.MonkeyPatch) -> DynamoDBEngine:
    for name, table in dynamodb.tables.model_dump().items():
        monkeypatch.setenv(f"{name.upper()}_TABLE", table)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "projector-test")
    monkeypatch.setenv("BANYAN_BACKOFF_MS", "1")
    return dynamodb


def test_the_function_keeps_read_models_and_watches_the_table(
    environment: DynamoDBEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    store, stream = environment.store(DOMAIN.registry), StreamId("acme", "order", "o-1")
    order = ordered()
    store.append(stream, Expected.NO_STREAM, [order])
    (commit,) = store.commits(stream)
    handler = load(environment)
    answer = handler({"Records": [record(1, commit), record(2, commit, "MODIFY")]}, CONTEXT)
    assert answer == {"batchItemFailures": []}
    checkpoints = [
        row.version
        for projection in DOMAIN.projections
        for row in environment.views().states(Generation(projection.name), [stream]).values()
    ]
    assert checkpoints
    assert set(checkpoints) == {1}
    written = capfd.readouterr()
    assert "EventTableTampered" in written.out
    assert "ProjectionLag" in written.out
    assert "c-1" not in written.out + written.err


def test_the_function_heals_on_schedule_what_was_never_delivered(environment: DynamoDBEngine) -> None:
    clock = ManualClock(datetime.now(UTC) - timedelta(days=2))
    store, stream = environment.store(DOMAIN.registry, clock), StreamId("acme", "order", "o-1")
    order = ordered()
    store.append(stream, Expected.NO_STREAM, [order])
    answer = load(environment)({"detail-type": "Scheduled Event"}, CONTEXT)
    reading = [projection for projection in DOMAIN.projections if projection.entity == "order"]
    assert {name: report["healed"] for name, report in answer["caughtUp"].items()} == {
        f"{projection.name}@1": int(projection in reading) for projection in DOMAIN.projections
    }
    views = environment.views()
    states = [projection for projection in reading if isinstance(projection, StreamProjection)]
    assert states
    assert all(views.states(Generation(projection.name), [stream])[stream].version == 1 for projection in states)


def test_the_function_names_the_record_to_begin_again_with(environment: DynamoDBEngine) -> None:
    store, stream = environment.store(DOMAIN.registry), StreamId("acme", "order", "o-1")
    order = ordered()
    store.append(stream, Expected.NO_STREAM, [order])
    (commit,) = store.commits(stream)
    unknown = record(7, commit)
    unknown["dynamodb"]["NewImage"]["events"] = {"S": "[]"}
    handler = load(environment)
    assert handler({"Records": [unknown]}, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "7"}]}
    answers = [handler({"Records": [unknown]}, CONTEXT) for _ in range(3)]
    assert answers[-1] == {"batchItemFailures": []}
    assert [failure.stream for failure in environment.views().parked(Generation(DOMAIN.projections[0].name))] == [
        stream
    ]


def ordered() -> OrderCreated:
    """An order of two pieces."""
    items = (Item(sku="A", quantity=2, price=Decimal("1.10")),)
    return OrderCreated(order_id="o-1", customer_id="c-1", items=items, total_amount=Decimal("2.20"))
