"""A rebuild with several streams in flight, on DynamoDB Local: nothing is lost, counted wrongly or blamed on others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from threading import Barrier
from typing import Any, cast

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from tests.support.clocks import PATIENCE
from tests.support.engines import DynamoDBEngine
from tests.support.ledger import REGISTRY, Deposited, account, deposits
from tests.support.projections import POISON, Ledger, same, timeless
from tests.support.rebuilder import PROJECTIONS, Rebuilder
from tests.support.wire import Deliver, RawBody, delivered, operation_of, refused

from banyan.adapters.dynamodb.gateway import ConsumedCapacity
from banyan.errors import StoreUnavailable
from banyan.projections.rebuild.rebuild import Progress
from banyan.projections.rebuild.worker import Pace
from banyan.projections.views import Generation, StateRow
from banyan.store.eventstore import utc_now

IN_FLIGHT = 4
ACCOUNTS = 40
EVENTS = 3
WRITES = ("PutItem", "BatchExecuteStatement", "TransactWriteItems")
AT_ONCE = Pace(settle=timedelta())
"""No projector is at work that would have to hear of a rebuild first."""
BOTH = tuple(projection.name for projection in PROJECTIONS)

each = pytest.mark.parametrize(
    "projection", [BOTH[0], *(pytest.param(name, marks=pytest.mark.slow) for name in BOTH[1:])]
)


@pytest.fixture
def ledger(dynamodb_local: DynamoDBEngine) -> Ledger:
    """Accounts of three events in two commits each, that no projector has seen."""
    ledger = Ledger(
        dynamodb_local.views(), dynamodb_local.table(), projection_states=dynamodb_local.projection_states()
    )
    ledger.store = dynamodb_local.store(REGISTRY, utc_now)
    for number in range(ACCOUNTS):
        ledger.append(account(f"a{number}"), *deposits(number, 1))
        ledger.append(account(f"a{number}"), *deposits(2))
    return ledger


def rebuilt(engine: DynamoDBEngine, projection: str) -> tuple[Rebuilder, Progress]:
    """A generation beside the empty one."""
    rebuilder = Rebuilder(engine.client, engine.tables, IN_FLIGHT, AT_ONCE)
    rebuilder.rebuild.start(projection)
    rebuilder.run()
    return rebuilder, rebuilder.rebuild.progress(projection)


def complete(ledger: Ledger, projection: str) -> bool:
    """Whether the new generation is a fold."""
    if projection == "turnover":
        return timeless(dict(ledger.views.all_rows(Generation(projection, 2)))) == ledger.expected_turnover()
    rows = {row.stream: row for row in ledger.views.all_states(Generation(projection, 2))}
    return all(same(rows.get(stream), ledger.expected_balance(stream)) for stream in ledger.store.streams())


def units(answer: Mapping[str, Any]) -> list[float]:
    """What a request consumed, by table."""
    consumed = answer.get("ConsumedCapacity", [])
    return [entry["CapacityUnits"] for entry in (consumed if isinstance(consumed, list) else [consumed])]


def throttled(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
    """No row gets through."""
    writing = "views" in str(request.body) and operation_of(request) in WRITES
    return (refused("ProvisionedThroughputExceededException") if writing else delivered)(request, deliver)


def reads_a_stream(request: AWSPreparedRequest) -> bool:
    """Whether a request asks for commits of one account; how many buckets the log has is asked for by a Query, too."""
    return operation_of(request) == "Query" and str(account("a")).encode() in cast(bytes, request.body)


@pytest.mark.slow
@each
def test_streams_are_read_at_once_and_everything_is_counted_once(
    dynamodb_local: DynamoDBEngine, ledger: Ledger, projection: str
) -> None:
    meeting, reads = Barrier(IN_FLIGHT), count(1)

    def together(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
        if reads_a_stream(request) and next(reads) <= IN_FLIGHT:
            meeting.wait(PATIENCE)
        return deliver(request)

    dynamodb_local.wire.around = together
    consumed = list[float]()
    dynamodb_local.client.meta.events.register(
        "after-call.dynamodb", lambda parsed, **_: consumed.extend(units(parsed))
    )

    rebuilder, progress = rebuilt(dynamodb_local, projection)

    assert next(reads) > IN_FLIGHT
    assert not meeting.broken
    assert (progress.streams, progress.total, progress.events) == (ACCOUNTS, ACCOUNTS, ACCOUNTS * EVENTS)
    assert complete(ledger, projection)
    assert rebuilder.meter.read_units + rebuilder.meter.write_units == pytest.approx(sum(consumed))
    assert rebuilder.meter.read_units >= ACCOUNTS


@each
def test_one_bad_stream_stops_itself_alone(dynamodb_local: DynamoDBEngine, ledger: Ledger, projection: str) -> None:
    ledger.append(account("a7"), Deposited(amount=1, note=POISON))

    _, progress = rebuilt(dynamodb_local, projection)

    (stuck,) = progress.stuck
    assert (progress.failed, stuck.stream, stuck.version, stuck.error) == (1, "acme:account:a7", 4, "KeyError")
    assert (progress.streams, progress.events) == (ACCOUNTS, ACCOUNTS * EVENTS)
    (parked,) = ledger.views.parked(Generation(projection, 2))
    assert (parked.stream, parked.version) == (account("a7"), 4)


@pytest.mark.slow
@each
def test_what_the_database_refuses_stops_the_worker_and_the_next_one_completes_it(
    dynamodb_local: DynamoDBEngine, ledger: Ledger, projection: str
) -> None:
    rebuilder = Rebuilder(dynamodb_local.client, dynamodb_local.tables, IN_FLIGHT, AT_ONCE)
    rebuilder.rebuild.start(projection)
    dynamodb_local.wire.around = throttled
    with pytest.raises(StoreUnavailable):
        rebuilder.run()
    dynamodb_local.wire.around = delivered
    assert not complete(ledger, projection)

    again = Rebuilder(dynamodb_local.client, dynamodb_local.tables, IN_FLIGHT, AT_ONCE)
    again.rebuild.start(projection)
    again.run()

    progress = again.rebuild.progress(projection)
    assert (progress.failed, progress.streams, progress.events) == (0, ACCOUNTS, ACCOUNTS * EVENTS)
    assert complete(ledger, projection)


def test_what_a_batch_of_inserts_consumes_is_asked_for_and_counted(moto: DynamoDBEngine) -> None:
    """DynamoDB Local does not report it, and a rebuild that does not see it takes more than its rate."""
    meter, views = ConsumedCapacity(moto.client), moto.views()

    def charged(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
        assert json.loads(cast(bytes, request.body))["ReturnConsumedCapacity"] == "TOTAL"
        answer = json.loads(deliver(request).content) | {"ConsumedCapacity": [{"CapacityUnits": 7.5}]}
        return AWSResponse(request.url, 200, HTTPHeaders(), cast(Any, RawBody(json.dumps(answer).encode())))

    moto.wire.inject(charged, on="BatchExecuteStatement")
    moment = utc_now()
    assert not views.insert_states(Generation("balances"), [StateRow(account("a"), 1, moment, moment, "{}")])
    assert (meter.write_units, meter.read_units) == (7.5, 0)
