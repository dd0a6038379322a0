"""The index of commits by correlation id, and the port to the table that keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from banyan.streams import StreamId


@dataclass(frozen=True, slots=True)
class TraceRow:
    """Where one commit of a trace stands.

    Parameters
    ----------
    correlation_id : str
    recorded_at : datetime
        UTC.
    stream : StreamId
        Its tenant is the trace's.
    first, last : int
        Versions of its events.
    expires_at : datetime
        When it may be forgotten.
    """

    correlation_id: str
    recorded_at: datetime
    stream: StreamId
    first: int
    last: int
    expires_at: datetime


class TraceIndex(Protocol):
    """Where trace rows are kept. Both methods may raise ``StoreUnavailable``."""

    def put(self, row: TraceRow) -> None:
        """Keep a row; the same commit again changes nothing."""

    def rows(self, tenant: str, correlation_id: str, limit: int) -> Sequence[TraceRow]:
        """The first ``limit`` rows of a trace, in the order of time."""
