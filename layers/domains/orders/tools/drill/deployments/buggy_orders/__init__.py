"""The orders' domain as it was deployed by mistake: a payment of one order, which BUGGY_ORDER names, breaks it."""

from __future__ import annotations

import os
from typing import Final

from banyan import Event
from orders.events import OrderPaid
from orders.tools.drill.tripping import tripping

BROKEN: Final = os.environ.get("BUGGY_ORDER", "")


def _trip(event: Event) -> None:
    if event.stream_id.id == BROKEN and isinstance(event.payload, OrderPaid):
        raise ZeroDivisionError


DOMAIN: Final = tripping(_trip)
