"""Rows of a legacy DynamoDB table that changed, whoever changed them, as its stream tells."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from banyan.documents import Documents
from banyan.errors import InvalidStreamId
from banyan.migration.checks.rows_side import side_name
from banyan.reconciliation.feeds import DirtySet
from banyan.streams import StreamId
from banyan.telemetry import Telemetry

_logger = logging.getLogger(__name__)


def mark_legacy_rows(
    records: Sequence[Mapping[str, Any]], entity: str, documents: Documents, at: datetime, telemetry: Telemetry
) -> None:
    """Mark rows of an entity that were written or removed, each once.

    Raises
    ------
    StoreUnavailable
        The batch is to be delivered again.
    """
    found: set[str] = set()
    for record in records:
        keys = record["dynamodb"]["Keys"]
        try:
            found.add(str(StreamId(keys["tenant"]["S"], entity, keys["id"]["S"])))
        except InvalidStreamId:
            telemetry.count("UnreadableRecords")
            _logger.error("a row of the legacy table that no stream can be named after was passed over")
    DirtySet(documents, side_name(entity)).add(sorted(found), at)
