"""The orders' domain with code that fails at some events: in two projections, and in every policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from banyan import Domain, Event
from banyan.projections.base import Projection
from orders import DOMAIN
from orders.projections import DAILY_SALES, ORDER_LIST

Trip = Callable[[Event], None]


def tripping(trip: Trip) -> Domain:
    """The domain in which ``trip`` is called, and may fail, before an event is projected or reacted to."""
    troubled: dict[str, Projection] = {
        ORDER_LIST.name: replace(ORDER_LIST, evolve=partial(_tripped, trip, ORDER_LIST.evolve)),
        DAILY_SALES.name: replace(DAILY_SALES, apply=partial(_tripped, trip, DAILY_SALES.apply)),
    }
    return replace(
        DOMAIN,
        projections=[troubled.get(projection.name, projection) for projection in DOMAIN.projections],
        policies=[replace(policy, react=partial(_tripped, trip, policy.react)) for policy in DOMAIN.policies],
    )


def _tripped(trip: Trip, function: Callable[..., Any], *given: Any) -> Any:
    for each in given:
        if isinstance(each, Event):
            trip(each)
    return function(*given)
