"""The orders' domain as it was deployed by mistake: a payment of one order, which BUGGY_ORDER names, breaks it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from banyan.events import Event
from banyan.projections.base import Projection
from orders import DOMAIN as MENDED
from orders.events import OrderPaid
from orders.projections import DAILY_SALES, ORDER_LIST

BROKEN: Final = os.environ.get("BUGGY_ORDER", "")


def _trip(event: Event) -> None:
    if event.stream_id.id == BROKEN and isinstance(event.payload, OrderPaid):
        raise ZeroDivisionError


def _evolve(evolve: Callable[[Any, Event], Any], state: Any, event: Event) -> Any:
    _trip(event)
    return evolve(state, event)


def _react(react: Callable[[Event, Any], Any], event: Event, history: Any) -> Any:
    _trip(event)
    return react(event, history)


def _apply(apply: Callable[[Event], Any], event: Event) -> Any:
    _trip(event)
    return apply(event)


_BUGGY: Final[dict[str, Projection]] = {
    ORDER_LIST.name: replace(ORDER_LIST, evolve=partial(_evolve, ORDER_LIST.evolve)),
    DAILY_SALES.name: replace(DAILY_SALES, apply=partial(_apply, DAILY_SALES.apply)),
}

DOMAIN: Final = replace(
    MENDED,
    projections=[_BUGGY.get(projection.name, projection) for projection in MENDED.projections],
    policies=[replace(policy, react=partial(_react, policy.react)) for policy in MENDED.policies],
)
