"""What a row of a ``StreamProjection`` holds, unless the projection has changed since it was written."""

from __future__ import annotations

import logging
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from banyan.projections.base import StreamProjection
from banyan.projections.views import StateRow

S = TypeVar("S", bound=BaseModel)

_logger = logging.getLogger(__name__)


def current_state(projection: StreamProjection[S], row: StateRow) -> S | None:
    """The state in a row; ``None`` when an older version of the projection wrote it, or it fits the model no more.

    Such a row counts as missing: its stream is folded from the beginning.
    """
    return readable_state(projection, row) if row.made_by == projection.version else None


def readable_state(projection: StreamProjection[S], row: StateRow) -> S | None:
    """The state in a row, whichever version of the projection wrote it; ``None`` when it fits the model no more."""
    try:
        return projection.state.model_validate_json(row.state)
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) or "state" for each in error.errors(include_input=False)})
        where = {"projection": projection.name, "stream": str(row.stream), "fields": fields}
        _logger.warning("a row does not fit its projection and counts as missing", extra=where)
        return None
