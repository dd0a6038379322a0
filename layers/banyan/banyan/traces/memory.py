"""Traces in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from banyan.streams import StreamId
from banyan.traces.base import TraceRow


class MemoryTraces:
    """Keeps trace rows in a dictionary."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, datetime, StreamId, int], TraceRow] = {}

    def put(self, row: TraceRow) -> None:
        """As in ``TraceIndex``."""
        self._rows[row.correlation_id, row.recorded_at, row.stream, row.first] = row

    def rows(self, tenant: str, correlation_id: str, limit: int) -> Sequence[TraceRow]:
        """As in ``TraceIndex``."""
        found = [r for r in self._rows.values() if (r.stream.tenant, r.correlation_id) == (tenant, correlation_id)]
        return sorted(found, key=lambda row: (row.recorded_at, str(row.stream), row.first))[:limit]
