"""What an operator asks for costs the same however much there is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.clocks import START
from tests.support.engines import LISTED, DynamoDBEngine
from tests.support.ledger import deposits
from tests.support.many import accounts, write_streams
from tests.support.projections import Ledger

from banyan.projections.lag import STREAMS_LOOKED_AT
from banyan.projections.operations import PARKED_LOOKED_AT, ProjectionStatus, parked_streams
from banyan.projections.views import FailureRecord, Generation

PROJECTIONS = 2
MOST = 1 + 1 + LISTED + PROJECTIONS * (3 + STREAMS_LOOKED_AT // 100)
"""All states; how many buckets the log has; the log; of each projection its state, its moments in the log, what is
parked, and checkpoints."""


def ledger(engine: DynamoDBEngine) -> Ledger:
    return Ledger(
        engine.views(), engine.table(), projection_states=engine.projection_states(), checkpoints=engine.checkpoints()
    )


def looked(engine: DynamoDBEngine, accounts: Ledger) -> tuple[list[ProjectionStatus], int]:
    """How projections stand, and how many requests it took to find out."""
    engine.wire.clear()
    found = accounts.operations.status()
    return found, len(engine.wire.sent)


@pytest.mark.slow
def test_a_list_of_projections_costs_the_same_whatever_was_not_projected(dynamodb: DynamoDBEngine) -> None:
    many = ledger(dynamodb)
    oldest = START - timedelta(hours=1)
    write_streams(dynamodb, list(accounts(0, 1500)), oldest)
    with_few, few = looked(dynamodb, many)
    write_streams(dynamodb, list(accounts(1500, 4500)), oldest + timedelta(minutes=1))
    found, requests = looked(dynamodb, many)
    assert (requests, few) == (MOST, MOST)
    for each in (*with_few, *found):
        assert (each.lag.events, each.lag.complete) == (STREAMS_LOOKED_AT, False)
        assert each.lag.milliseconds >= timedelta(hours=1) / timedelta(milliseconds=1)


@pytest.mark.slow
def test_what_little_lags_since_the_last_catch_up_is_counted_exactly(dynamodb: DynamoDBEngine) -> None:
    some = ledger(dynamodb)
    write_streams(dynamodb, list(accounts(0, 60)), START - timedelta(hours=1))
    some.catch_up.everything(some.soon())
    for stream in accounts(30, 90):
        some.append(stream, *deposits(1))
    found, requests = looked(dynamodb, some)
    assert [(each.lag.events, each.lag.complete) for each in found] == [(60, True)] * PROJECTIONS
    assert requests == MOST - PROJECTIONS * (STREAMS_LOOKED_AT // 100 - 1)


def test_parked_streams_are_listed_up_to_a_bound_that_is_shown(dynamodb: DynamoDBEngine) -> None:
    crowded = ledger(dynamodb)
    views, now = crowded.views, crowded.clock()
    for number, stream in enumerate(accounts(0, PARKED_LOOKED_AT + 20)):
        parked_at = now + timedelta(milliseconds=number)
        views.put_failure(Generation("balances"), FailureRecord(stream, 1, "KeyError", 1, now, parked_at=parked_at))
    balances, turnover = looked(dynamodb, crowded)[0]
    assert [each.failure.stream for each in balances.parked] == list(accounts(0, PARKED_LOOKED_AT))
    assert (balances.parked_complete, turnover.parked_complete) == (False, True)
    several = [*crowded.runner.projectors.of("turnover"), *crowded.runner.projectors.of("balances")]
    assert not parked_streams(several)[1], "what a generation lacks, the next one does not make up for"


@pytest.mark.slow
def test_a_parked_stream_is_shown_behind_any_number_that_went_on_since(dynamodb: DynamoDBEngine) -> None:
    crowded = ledger(dynamodb)
    moved, now = list(accounts(0, PARKED_LOOKED_AT)), crowded.clock()
    crowded.runner.project([crowded.commit(stream, *deposits(1)) for stream in moved])
    for number, stream in enumerate(accounts(0, PARKED_LOOKED_AT + 1)):
        parked_at = now + timedelta(milliseconds=number)
        failure = FailureRecord(stream, 1, "KeyError", 1, now, parked_at=parked_at)
        crowded.views.put_failure(Generation("balances"), failure)
    balances, _ = looked(dynamodb, crowded)[0]
    (parked,) = balances.parked
    assert (parked.failure.stream in moved, balances.parked_complete) == (False, True)
