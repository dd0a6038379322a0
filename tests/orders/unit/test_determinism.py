"""The determinism check passes what is a fold and names the handler of what is not."""

from __future__ import annotations

import datetime as datetimes
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from itertools import count
from time import time as seconds
from typing import Any

import pytest
from tests.orders.unit import samples
from tests.support.ledger import REGISTRY, Deposited, Withdrawn

from banyan.events import CamelModel, Event
from banyan.projections.base import Add, Put, Remove, RowWrite, StreamProjection, ViewProjection
from banyan.testing import ProjectionSpec, check_determinism
from orders import DOMAIN

ANN, BEN = "acme:account:ann", "acme:account:ben"


class Balance(CamelModel):
    amount: int = 0
    seen: str = ""


def checked(projection: StreamProjection[Any] | ViewProjection) -> None:
    spec = (
        ProjectionSpec(projection, REGISTRY)
        .given(ANN, Deposited(amount=5), Deposited(amount=6))
        .given(BEN, Deposited(amount=20))
        .given(ANN, Withdrawn(amount=4))
    )
    check_determinism(spec)


def states(seen: Callable[[Event], object]) -> StreamProjection[Balance]:
    def evolve_balance(balance: Balance, event: Event) -> Balance:
        return Balance(amount=balance.amount + 1, seen=str(seen(event)))

    return StreamProjection("balance", "account", Balance, Balance, evolve_balance)


def view(*writes: Callable[[Event], RowWrite]) -> ViewProjection:
    def apply_event(event: Event) -> Sequence[RowWrite]:
        return [write(event) for write in writes]

    return ViewProjection("money", "account", apply_event)


def test_passes_what_is_a_fold() -> None:
    checked(states(lambda event: event.timestamp.isoformat()))
    checked(view(lambda _: Add("all", "", {"count": 1}), lambda event: Put("own", event.stream_id.id, {"n": 1})))


@pytest.mark.parametrize(
    "projection",
    [each for each in DOMAIN.projections if each.entity == "order"],
    ids=lambda projection: projection.name,
)
def test_passes_the_projections_of_the_example(projection: StreamProjection[Any] | ViewProjection) -> None:
    spec = ProjectionSpec(projection, DOMAIN.registry)
    for stream in ("acme:order:1", "acme:order:2", "other:order:1"):
        spec = spec.given(stream, samples.CREATED, samples.ADDED).given(stream, samples.PAID)
    check_determinism(spec.given("acme:order:1", samples.REFUNDED))


@pytest.mark.parametrize(
    "clock",
    [
        lambda: datetime.now(UTC).year,
        lambda: datetimes.datetime.now().date(),  # noqa: DTZ005
        lambda: date.today(),  # noqa: DTZ011
        lambda: datetimes.date.today().isocalendar(),  # noqa: DTZ011
        lambda: int(seconds() // 86_400),
        lambda: time.time_ns() // 10**15,
    ],
)
def test_names_a_handler_that_reads_a_clock_however_slowly_it_ticks(clock: Callable[[], object]) -> None:
    with pytest.raises(AssertionError, match=r"evolve_balance \(test_determinism\.py:\d+\) .*another clock"):
        checked(states(lambda _: clock()))


def test_another_clock_knows_old_moments_as_moments() -> None:
    checked(states(lambda event: isinstance(event.timestamp, datetime) and isinstance(event.timestamp, date)))


def test_names_a_handler_that_counts_globally() -> None:
    numbers = count()
    message = r"apply_event \(test_determinism\.py:\d+\) answers differently when asked again, at Deposited 1 of acme"
    with pytest.raises(AssertionError, match=message):
        checked(view(lambda _: Add("all", "", {"sum": next(numbers)})))


def test_names_a_handler_that_throws_dice() -> None:
    with pytest.raises(AssertionError, match=r"evolve_balance .*asked again"):
        checked(states(lambda _: random.random()))


@pytest.mark.parametrize(
    "write", [lambda event: Put("last", "", {"by": event.stream_id.id}), lambda _: Remove("last", "")]
)
def test_names_a_handler_that_puts_what_many_streams_share(write: Callable[[Event], RowWrite]) -> None:
    with pytest.raises(AssertionError, match=r"apply_event .* the row acme#last#, which 2 streams share"):
        checked(view(write))


def test_names_a_handler_that_leans_on_the_order_of_streams() -> None:
    last: list[str] = []

    def turns(event: Event) -> int:
        """Grows with each other stream that comes, and so not when the same event is asked again at once."""
        stream = event.stream_id.id
        if not last or last[-1] != stream:
            last.append(stream)
        return len(last)

    with pytest.raises(AssertionError, match=r"evolve_balance \(test_determinism\.py:\d+\) depends on the delivery"):
        checked(states(turns))
