"""How old schema versions of events are read."""

from __future__ import annotations

from typing import Final

from banyan.upcasting import Data, Upcaster

GUEST: Final = "guest"


def _created_from_1(data: Data) -> Data:
    return {**data, "customerId": data.get("customerId") or GUEST}


UPCASTERS: Final = (Upcaster("OrderCreated", 1, _created_from_1),)
