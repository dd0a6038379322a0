"""Changes that DynamoDB streams report, as marks for the reconciliation: compare this again."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from banyan.documents import Documents
from banyan.projections.items import STATE_SORT, read_row_key, stream_of
from banyan.projections.views import row_name
from banyan.reconciliation.feeds import DirtySet
from banyan.reconciliation.streams import STREAMS
from banyan.telemetry import Telemetry

if TYPE_CHECKING:
    from banyan.bootstrap import Application

Record = Mapping[str, Any]

_logger = logging.getLogger(__name__)


def mark_changes(records: Sequence[Record], app: Application) -> None:
    """Mark what one batch names: of the views table's stream, or of the legacy table's.

    Raises
    ------
    StoreUnavailable
        The batch is to be delivered again.
    """
    if records[0]["eventSourceARN"] != app.settings.legacy_stream_arn:
        mark_rows(records, app.digests, app.clock(), app.telemetry)
        return
    from banyan.migration.stores.adapter import adapter_of
    from banyan.migration.stores.dynamodb import mark_legacy_rows

    mark_legacy_rows(records, adapter_of(app.domain).entity, app.digests, app.clock(), app.telemetry)


def mark_rows(records: Sequence[Record], documents: Documents, at: datetime, telemetry: Telemetry) -> None:
    """Mark rows of the views table that were written or removed, each once.

    Raises
    ------
    StoreUnavailable
        The batch is to be delivered again.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for record in records:
        keys = record["dynamodb"]["Keys"]
        try:
            found[_generation(keys)].add(_row(keys))
        except (KeyError, ValueError):
            telemetry.count("UnreadableRecords")
            _logger.error("a row of the views table that has no name of ours was passed over")
    for generation, rows in found.items():
        DirtySet(documents, generation).add(sorted(rows), at)


def mark_touched(streams: Collection[str], documents: Documents, at: datetime) -> None:
    """Mark streams of which anything but a new commit was written.

    Raises
    ------
    StoreUnavailable
        The batch is to be delivered again.
    """
    DirtySet(documents, STREAMS).add(sorted(streams), at)


def _generation(keys: Mapping[str, Any]) -> str:
    generation, _, rest = str(keys["row"]["S"]).partition("#")
    if not rest:
        raise ValueError("a key without a generation")
    return generation


def _row(keys: Mapping[str, Any]) -> str:
    """Name of a shared row, or of the stream that a row belongs to."""
    if keys["sort"]["S"] == STATE_SORT or keys["row"]["S"].count("#") < 2:
        return str(stream_of(keys["row"]["S"]))
    return row_name(read_row_key(keys))
