"""Query parameters of routes that answer in pages."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from banyan.entrypoints.http.problems import BadRequest
from banyan.projections.pages import SortOrder


def _known_order(value: Any) -> Any:
    if value not in ("ascending", "descending"):
        raise BadRequest("invalid_order", "order has to be 'ascending' or 'descending'", "order")
    return value


PageOrder = Annotated[SortOrder, BeforeValidator(_known_order)]
"""The type of a parameter ``order``; any other value is answered with 400 ``invalid_order``."""
