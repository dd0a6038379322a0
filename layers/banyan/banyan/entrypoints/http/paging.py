"""Query parameters of routes that answer in pages."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from banyan.entrypoints.http.problems import BadRequest
from banyan.projections.pages import SortOrder

_ORDERS: Final = {"ascending": "ascending", "asc": "ascending", "descending": "descending", "desc": "descending"}


def _known_order(value: Any) -> Any:
    if value not in _ORDERS:
        raise BadRequest("invalid_order", "order has to be 'ascending' or 'descending', 'asc' or 'desc'", "order")
    return _ORDERS[value]


PageOrder = Annotated[SortOrder, BeforeValidator(_known_order)]
"""The type of a parameter ``order``; any other value is answered with 400 ``invalid_order``."""
