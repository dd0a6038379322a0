"""Reading with a minimum version, falling back to the stream, and saying so."""

from __future__ import annotations

import pytest
from tests.support.clocks import ManualClock, no_sleep

from banyan.answers import Answer
from banyan.errors import InvalidCursor, VersionNotReached
from banyan.projections.memory import MemoryViews
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from banyan.projections.views import Generation
from banyan.queries import POLL_MS, Queries
from banyan.store import EventStore, Expected
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from orders import DOMAIN
from orders.events import OrderCancelled, OrderCreated
from orders.projections import ORDER_DETAILS, ORDER_LIST
from orders.projections.order import OrderDetails

STREAM = StreamId("acme", "order", "o-1")
CREATED = OrderCreated.model_validate(
    {"orderId": "o-1", "customerId": "c", "items": [{"sku": "A", "quantity": 1, "price": "1"}], "totalAmount": "1"}
)
CANCELLED = OrderCancelled.model_validate(
    {"orderId": "o-1", "customerId": "c", "reason": "late", "refundedAmount": "0"}
)


class QueryFixture:
    """A stream, its read models, and queries that wait at most 100 ms."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = EventStore(MemoryTable(), DOMAIN.registry, self.clock, no_sleep)
        self.views = MemoryViews()
        self.runner = ProjectionProcessor(
            self.store, self.views, DOMAIN.projections, retry_policy=RetryPolicy(clock=self.clock)
        )
        self.waits: list[float] = []
        self.queries = Queries(self.store, self.views, wait_ms=100, clock=self.clock, sleep=self.sleep)
        self.catches_up_after = 1_000

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self.catches_up_after:
            self.project()

    def happen(self, *events: OrderCreated | OrderCancelled) -> None:
        self.store.append(STREAM, Expected.ANY, events)

    def project(self) -> None:
        self.runner.project(self.store.commits(STREAM))

    def get(self, min_version: int = 0) -> Answer[OrderDetails]:
        found = self.queries.get(ORDER_DETAILS, STREAM, min_version)
        assert found
        return found


@pytest.fixture
def fixture() -> QueryFixture:
    return QueryFixture()


def served(answer: Answer[OrderDetails]) -> tuple[str, int, str]:
    return answer.provenance.served_from, answer.provenance.version, str(answer.value.status)


def test_a_stream_that_is_not_projected_is_folded(fixture: QueryFixture) -> None:
    fixture.happen(CREATED)
    assert served(fixture.get()) == ("stream", 1, "created")
    assert not fixture.waits


def test_a_row_that_is_up_to_date_is_true_now(fixture: QueryFixture) -> None:
    fixture.happen(CREATED)
    fixture.project()
    answer = fixture.get(min_version=1)
    assert served(answer) == ("projection", 1, "created")
    assert (answer.provenance.as_of, answer.provenance.staleness_ms) == (fixture.clock.now, 0)
    assert not fixture.waits


def test_a_row_that_lags_is_true_up_to_the_first_commit_it_lacks(fixture: QueryFixture) -> None:
    fixture.happen(CREATED)
    fixture.project()
    fixture.happen(CANCELLED)
    lacking = fixture.store.head(STREAM).recorded_at
    answer = fixture.get(min_version=1)
    assert served(answer) == ("projection", 1, "created")
    assert answer.provenance.as_of == lacking
    assert answer.provenance.staleness_ms == (fixture.clock.now - lacking).microseconds // 1000 > 0


@pytest.mark.parametrize("polls", [1, 3, 5])
def test_a_read_waits_for_the_read_model(fixture: QueryFixture, polls: int) -> None:
    fixture.happen(CREATED)
    fixture.project()
    fixture.happen(CANCELLED)
    fixture.catches_up_after = polls
    assert served(fixture.get(min_version=2)) == ("projection", 2, "cancelled")
    assert fixture.waits == [POLL_MS / 1000] * polls


@pytest.mark.parametrize("projected", [False, True])
def test_a_read_that_waited_long_enough_folds_what_is_missing(fixture: QueryFixture, projected: bool) -> None:
    fixture.happen(CREATED)
    if projected:
        fixture.project()
    fixture.happen(CANCELLED)
    answer = fixture.get(min_version=2)
    assert served(answer) == ("stream", 2, "cancelled")
    assert answer.provenance.staleness_ms == 0
    assert sum(fixture.waits) == pytest.approx(0.1)


def test_a_version_that_is_not_there_is_not_waited_for(fixture: QueryFixture) -> None:
    fixture.happen(CREATED)
    with pytest.raises(VersionNotReached) as refused:
        fixture.get(min_version=2)
    assert (refused.value.expected, refused.value.actual) == (2, 1)
    assert not fixture.waits


def test_a_stream_that_is_not_there_has_no_answer(fixture: QueryFixture) -> None:
    assert fixture.queries.get(ORDER_DETAILS, STREAM) is None
    assert fixture.queries.get(ORDER_DETAILS, STREAM, min_version=3) is None
    assert fixture.queries.at(ORDER_DETAILS, STREAM, 1) is None
    assert fixture.queries.events(STREAM, 0, 10) is None
    assert not fixture.waits


def test_looking_back_into_the_middle_of_a_commit(fixture: QueryFixture) -> None:
    fixture.happen(CREATED, CANCELLED)
    found = fixture.queries.at(ORDER_DETAILS, STREAM, 1)
    assert found
    assert served(found) == ("stream", 1, "created")
    page = fixture.queries.events(STREAM, 1, 1)
    assert page
    assert [event.version for event in page.value] == [2]


def test_the_live_generation_is_the_one_read(fixture: QueryFixture) -> None:
    fixture.happen(CREATED)
    fixture.project()
    rebuilt = Queries(fixture.store, fixture.views, generation=lambda name: Generation(name, 2), clock=fixture.clock)
    found = rebuilt.get(ORDER_DETAILS, STREAM)
    assert found
    assert found.provenance.served_from == "stream"
    assert rebuilt.lookup(ORDER_LIST, "acme", "all", "all", 10).value.entries == []


def test_a_damaged_cursor_is_refused(fixture: QueryFixture) -> None:
    with pytest.raises(InvalidCursor):
        fixture.queries.lookup(ORDER_LIST, "acme", "all", "all", 10, "nonsense")
