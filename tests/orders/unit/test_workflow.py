"""Whatever is asked, however it is delivered, and wherever a process dies: the workflow of orders ends well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.orders.unit.workflow import WorkflowFixture, check_closed
from tests.support.clocks import lengthy
from tests.support.interruptions import Interruption, Outside, killed_after, killed_before, meanwhile

from banyan.store import Commit
from orders.state import OrderStatus

ORDERS = ["o-1", "o-2", "o-3", "o-4"]
SKUS = ["tea", "a/b", "cup"]
MANY_REQUESTS = 40

Step = Callable[[WorkflowFixture], object]


@dataclass(frozen=True)
class Delivery:
    """Some of the commits there are, any order, any number of times; one request may be interrupted."""

    picks: Sequence[int]
    at: int
    how: str

    def __call__(self, workflow: WorkflowFixture) -> None:
        commits = workflow.commits()
        batch = [commits[pick % len(commits)] for pick in self.picks] if commits else []
        workflow.deliver(batch, Outside({self.at: _interruption(self.how, workflow, commits)}))


def _interruption(how: str, workflow: WorkflowFixture, commits: Sequence[Commit]) -> Interruption:
    if how == "rival":
        return meanwhile(partial(_rival, workflow, commits))
    return {"before": killed_before, "after": killed_after, "never": lambda request: request()}[how]


def _rival(workflow: WorkflowFixture, commits: Sequence[Commit]) -> None:
    workflow.deliver(commits)
    workflow.settle()


orders, skus, quantities = st.sampled_from(ORDERS), st.sampled_from(SKUS), st.integers(1, 3)
asked: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        lambda order, lines: lambda workflow: workflow.create(order, *lines),
        orders,
        st.lists(st.tuples(skus, quantities), min_size=1, max_size=3),
    ),
    st.builds(lambda *line: lambda workflow: workflow.add(*line), orders, skus, quantities),
    st.builds(lambda order: lambda workflow: workflow.pay(order), orders),
    st.builds(lambda order: lambda workflow: workflow.cancel(order), orders),
    st.builds(lambda *line: lambda workflow: workflow.receive(*line), skus, quantities),
    st.just(lambda workflow: workflow.expire()),
)
delivered: st.SearchStrategy[Step] = st.builds(
    Delivery,
    st.lists(st.integers(0, 200), min_size=1, max_size=6),
    st.integers(1, MANY_REQUESTS),
    st.sampled_from(["before", "after", "rival", "never"]),
)
courses = st.lists(st.one_of(asked, asked, delivered), max_size=25)


@given(courses)
@settings(max_examples=150)
def test_no_order_is_stuck_and_no_stock_is_lost(course: Sequence[Step]) -> None:
    workflow = WorkflowFixture()
    workflow.receive("tea", 4)
    workflow.settle()
    for step in course:
        step(workflow)
    workflow.close()
    check_closed(workflow)


def story(workflow: WorkflowFixture, outside: Outside) -> None:
    """Orders that are sold, rejected, expired, and cancelled before and after their payment, one after another."""
    asked = [
        partial(workflow.receive, "tea", 5),
        partial(workflow.create, "sold", ("tea", 2), ("untracked", 1)),
        partial(workflow.pay, "sold"),
        partial(workflow.create, "rejected", ("tea", 1)),
        partial(workflow.add, "rejected", "tea", 9),
        partial(workflow.create, "refunded", ("tea", 1)),
        partial(workflow.pay, "refunded"),
        partial(workflow.cancel, "refunded"),
        partial(workflow.create, "expired", ("tea", 3)),
    ]
    for ask in asked:
        ask()
        if ask.func != workflow.pay:
            workflow.settle(outside)
    workflow.close(outside)


def told(interruption: Interruption | None = None, at: int = 0) -> WorkflowFixture:
    """The workflow after the story, one request of which was interrupted."""
    workflow = WorkflowFixture()
    story(workflow, Outside({at: interruption} if interruption else {}))
    return workflow


@cache
def undisturbed() -> tuple[WorkflowFixture, int]:
    """The workflow after the story, and the number of requests that it takes."""
    workflow, outside = WorkflowFixture(), Outside()
    story(workflow, outside)
    return workflow, outside.requests


def test_the_story_is_reported_as_it_should_be() -> None:
    workflow, requests = undisturbed()
    check_closed(workflow)
    endings = {order: workflow.order(order).status for order in ("sold", "rejected", "refunded", "expired")}
    assert endings.pop("sold") is OrderStatus.PAID
    assert set(endings.values()) == {OrderStatus.CANCELLED}
    assert workflow.stock("tea").available == 3
    assert workflow.stock("untracked").tracked_since is None
    assert requests > MANY_REQUESTS


@pytest.mark.parametrize("kill", [pytest.param(killed_before, marks=lengthy), killed_after])
def test_a_process_may_die_at_any_request(kill: Interruption) -> None:
    workflow, requests = undisturbed()
    for at in range(1, requests + 1):
        assert told(kill, at).told() == workflow.told(), f"killed at request {at}"


@pytest.mark.slow
def test_a_rival_may_act_before_any_request() -> None:
    _, requests = undisturbed()
    for at in range(1, requests + 1):
        workflow = WorkflowFixture()
        story(workflow, Outside({at: meanwhile(workflow.settle)}))
        check_closed(workflow)
        assert workflow.stock("tea").available == 3, f"a rival at request {at}"


def test_an_order_that_found_no_stock_yet_gives_nothing_back() -> None:
    workflow = WorkflowFixture()
    asked_at = workflow.clock()
    workflow.clock.move(timedelta(seconds=5))
    workflow.create("overtaking", ("tea", 2))
    workflow.settle()
    workflow.receive("tea", 5, asked_at)
    for ask in (workflow.pay, workflow.cancel):
        ask("overtaking")
        workflow.settle()
    assert workflow.order("overtaking").status is OrderStatus.CANCELLED
    assert workflow.stock("tea").available == 5
