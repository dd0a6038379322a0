"""Reads during a migration: whose they are, and what comparing them shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from functools import cached_property

import pytest
from tests.orders.support.legacies import OnDynamoDB, order
from tests.orders.support.migration import CUT_OVER, DUAL, EVENTS, MigrationFixture
from tests.support.engines import DynamoDBEngine

from banyan.migration.checks.reads import MigratingQueries, Samples, differences, reads_from_projection
from banyan.migration.phases.aggregate import Phase, Step
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from banyan.reconciliation.content import FieldDifference
from orders import DOMAIN
from orders.projections import ORDER_DETAILS

ALWAYS, NEVER = 0.0, 1.0
HALF = Step(phase=Phase.CANARY, percentage=50)
STREAMS = [order(number) for number in range(1, 9)]


@dataclass
class Reader:
    """A migration whose read models are kept up, and its queries."""

    migrating: MigrationFixture
    thrown: float = NEVER

    @cached_property
    def queries(self) -> MigratingQueries:
        """Its queries, which compare reads as the dice say."""
        store, views = self.migrating.engine.store(DOMAIN.registry), self.migrating.engine.views()
        more = {"wait_ms": 0, "clock": self.migrating.clock}
        return MigratingQueries(self.migrating.migration, 5.0, lambda: self.thrown, store=store, views=views, **more)

    def project(self) -> None:
        """Bring the read models up to date."""
        store, views = self.migrating.engine.store(DOMAIN.registry), self.migrating.engine.views()
        runner = ProjectionProcessor(
            store, views, [ORDER_DETAILS], DOMAIN.deciders, retry_policy=RetryPolicy(clock=self.migrating.clock)
        )
        runner.project([commit for stream in STREAMS for commit in store.commits(stream)])

    def served_from(self) -> set[str]:
        """Who answers."""
        answers = [self.queries.get(ORDER_DETAILS, stream) for stream in STREAMS]
        return {answer.provenance.served_from for answer in answers if answer}

    def samples(self, since: datetime) -> Samples:
        """What compared reads showed."""
        return self.migrating.migration.samples.samples(self.migrating.migration.phases.current(), since)

    def dice(self, number: float) -> None:
        """Let every read be compared, or none."""
        self.thrown = number


@pytest.fixture
def reader(moto: DynamoDBEngine) -> Iterator[Reader]:
    """Orders on both sides, and up to date read models."""
    migrating = MigrationFixture(moto, OnDynamoDB(moto))
    made = Reader(migrating)
    migrating.go_to(DUAL)
    for stream in STREAMS:
        migrating.create(stream)
    made.project()
    yield made
    migrating.close()


def test_a_larger_share_keeps_the_streams_of_the_smaller_one() -> None:
    shares = [{s for s in map(order, range(400)) if reads_from_projection(s, share)} for share in (0, 10, 50, 100)]
    assert [len(share) for share in (shares[0], shares[-1])] == [0, 400]
    assert shares[0] <= shares[1] <= shares[2] <= shares[3]
    assert 20 < len(shares[1]) < 60 < 150 < len(shares[2]) < 250


def test_the_share_of_the_step_says_who_answers(reader: Reader) -> None:
    assert reader.served_from() == {"legacy"}
    reader.migrating.go(HALF)
    for stream in STREAMS:
        found = reader.queries.get(ORDER_DETAILS, stream)
        assert found is not None
        assert found.provenance.served_from == ("projection" if reads_from_projection(stream, 50) else "legacy")
        assert (found.provenance.version, found.value.order_id) == (1, stream.id)
    reader.migrating.go(CUT_OVER)
    assert reader.served_from() == {"projection"}
    reader.migrating.go(EVENTS)
    assert reader.served_from() == {"projection"}


def test_equal_reads_are_counted_as_such(reader: Reader) -> None:
    reader.dice(ALWAYS)
    began = reader.migrating.clock()
    reader.served_from()
    assert reader.samples(began) == Samples(compared=8)


def test_a_read_that_differs_is_kept_with_its_fields(reader: Reader) -> None:
    reader.dice(ALWAYS)
    began = reader.migrating.clock()
    item = reader.migrating.migration.repository.load(STREAMS[0])
    assert item is not None
    assert isinstance(reader.migrating.legacy, OnDynamoDB)
    table, key = reader.migrating.legacy.table, {"tenant": {"S": "acme"}, "id": {"S": STREAMS[0].id}}
    reader.migrating.engine.client.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET customer = :other",
        ExpressionAttributeValues={":other": {"S": "c-9"}},
    )
    reader.served_from()
    assert reader.samples(began) == Samples(compared=8, differing=1)
    (found,) = reader.migrating.migration.samples.mismatches(began, 10).mismatches
    assert (found.stream, found.at >= began) == (STREAMS[0], True)
    assert [(field.name, field.expected, field.actual) for field in found.fields] == [
        ("customer_id", '"c-9"', '"c-1"'),
    ]


def test_reads_that_differ_are_listed_newest_first_page_by_page(reader: Reader) -> None:
    samples, clock = reader.migrating.migration.samples, reader.migrating.clock
    state = reader.migrating.migration.phases.current()
    began = clock()
    field = FieldDifference(name="status", expected='"created"', actual='"paid"')
    for stream in STREAMS[:3]:
        samples.compared(state, stream, [field], 0, clock())
        samples.compared(state, stream, [], 0, clock())
        samples.lagged(state, 5, clock())
    first = samples.mismatches(began, 2)
    rest = samples.mismatches(began, 2, first.next)
    assert [found.stream for found in (*first.mismatches, *rest.mismatches)] == STREAMS[2::-1]
    assert (first.next is None, rest.next) == (False, None)
    assert samples.mismatches(clock(), 2).mismatches == ()


def test_values_without_a_canonical_form_differ_by_name_only() -> None:
    noon = time(12)
    expected = {"hour": noon, "paid": Decimal("4.50"), "name": "a", "gone": 1}
    assert not differences(expected, {"hour": noon, "paid": Decimal("4.5"), "name": "a", "gone": 1})
    assert differences(expected, expected | {"name": "b"})[0].actual == '"b"'
    (found,) = differences(expected, expected | {"hour": time(13)})
    assert (found.name, found.expected) == ("hour", None)


def test_a_read_model_that_lags_is_a_lag_and_no_difference(reader: Reader) -> None:
    reader.dice(ALWAYS)
    reader.migrating.add(STREAMS[0])
    began = reader.migrating.clock()
    reader.served_from()
    found = reader.samples(began)
    assert (found.compared, found.differing) == (7, 0)
    assert found.lag_ms > 0
