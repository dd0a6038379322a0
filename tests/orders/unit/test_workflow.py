"""Whatever is asked, however it is delivered, and wherever a process dies: the workflow of orders ends well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.orders.unit.shop import Shop, check_closed
from tests.support.clocks import lengthy
from tests.support.interruptions import Interruption, Outside, killed_after, killed_before, meanwhile

from banyan.store import Commit
from orders.state import OrderStatus

ORDERS = ["o-1", "o-2", "o-3", "o-4"]
SKUS = ["tea", "a/b", "cup"]
MANY_REQUESTS = 40

Step = Callable[[Shop], object]


@dataclass(frozen=True)
class Delivery:
    """Some of the commits there are, any order, any number of times; one request may be interrupted."""

    picks: Sequence[int]
    at: int
    how: str

    def __call__(self, shop: Shop) -> None:
        commits = shop.commits()
        batch = [commits[pick % len(commits)] for pick in self.picks] if commits else []
        shop.deliver(batch, Outside({self.at: _interruption(self.how, shop, commits)}))


def _interruption(how: str, shop: Shop, commits: Sequence[Commit]) -> Interruption:
    if how == "rival":
        return meanwhile(partial(_rival, shop, commits))
    return {"before": killed_before, "after": killed_after, "never": lambda request: request()}[how]


def _rival(shop: Shop, commits: Sequence[Commit]) -> None:
    shop.deliver(commits)
    shop.settle()


orders, skus, quantities = st.sampled_from(ORDERS), st.sampled_from(SKUS), st.integers(1, 3)
asked: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        lambda order, lines: lambda shop: shop.create(order, *lines),
        orders,
        st.lists(st.tuples(skus, quantities), min_size=1, max_size=3),
    ),
    st.builds(lambda *line: lambda shop: shop.add(*line), orders, skus, quantities),
    st.builds(lambda order: lambda shop: shop.pay(order), orders),
    st.builds(lambda order: lambda shop: shop.cancel(order), orders),
    st.builds(lambda *line: lambda shop: shop.receive(*line), skus, quantities),
    st.just(lambda shop: shop.expire()),
)
delivered: st.SearchStrategy[Step] = st.builds(
    Delivery,
    st.lists(st.integers(0, 200), min_size=1, max_size=6),
    st.integers(1, MANY_REQUESTS),
    st.sampled_from(["before", "after", "rival", "never"]),
)
courses = st.lists(st.one_of(asked, asked, delivered), max_size=25)


@given(courses)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_order_is_stuck_and_no_stock_is_lost(course: Sequence[Step]) -> None:
    shop = Shop()
    shop.receive("tea", 4)
    shop.settle()
    for step in course:
        step(shop)
    shop.close()
    check_closed(shop)


def story(shop: Shop, outside: Outside) -> None:
    """Orders that are sold, rejected, expired, and cancelled before and after their payment, one after another."""
    asked = [
        partial(shop.receive, "tea", 5),
        partial(shop.create, "sold", ("tea", 2), ("untracked", 1)),
        partial(shop.pay, "sold"),
        partial(shop.create, "rejected", ("tea", 1)),
        partial(shop.add, "rejected", "tea", 9),
        partial(shop.create, "refunded", ("tea", 1)),
        partial(shop.pay, "refunded"),
        partial(shop.cancel, "refunded"),
        partial(shop.create, "expired", ("tea", 3)),
    ]
    for ask in asked:
        ask()
        if ask.func != shop.pay:
            shop.settle(outside)
    shop.close(outside)


def told(interruption: Interruption | None = None, at: int = 0) -> Shop:
    """The shop after the story, one request of which was interrupted."""
    shop = Shop()
    story(shop, Outside({at: interruption} if interruption else {}))
    return shop


@cache
def undisturbed() -> tuple[Shop, int]:
    """The shop after the story, and the number of requests that it takes."""
    shop, outside = Shop(), Outside()
    story(shop, outside)
    return shop, outside.requests


def test_the_story_is_told_as_it_should_be() -> None:
    shop, requests = undisturbed()
    check_closed(shop)
    endings = {order: shop.order(order).status for order in ("sold", "rejected", "refunded", "expired")}
    assert endings.pop("sold") is OrderStatus.PAID
    assert set(endings.values()) == {OrderStatus.CANCELLED}
    assert shop.stock("tea").available == 3
    assert shop.stock("untracked").tracked_since is None
    assert requests > MANY_REQUESTS


@pytest.mark.parametrize("kill", [pytest.param(killed_before, marks=lengthy), killed_after])
def test_a_process_may_die_at_any_request(kill: Interruption) -> None:
    shop, requests = undisturbed()
    for at in range(1, requests + 1):
        assert told(kill, at).told() == shop.told(), f"killed at request {at}"


def test_a_rival_may_act_before_any_request() -> None:
    _, requests = undisturbed()
    for at in range(1, requests + 1):
        shop = Shop()
        story(shop, Outside({at: meanwhile(shop.settle)}))
        check_closed(shop)
        assert shop.stock("tea").available == 3, f"a rival at request {at}"


def test_an_order_that_found_no_stock_yet_gives_nothing_back() -> None:
    shop = Shop()
    asked_at = shop.clock()
    shop.clock.move(timedelta(seconds=5))
    shop.create("overtaking", ("tea", 2))
    shop.settle()
    shop.receive("tea", 5, asked_at)
    for ask in (shop.pay, shop.cancel):
        ask("overtaking")
        shop.settle()
    assert shop.order("overtaking").status is OrderStatus.CANCELLED
    assert shop.stock("tea").available == 5
