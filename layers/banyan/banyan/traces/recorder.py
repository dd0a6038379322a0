"""Keeping the index of traces up with the event table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from banyan.events import Event
from banyan.store import Commit
from banyan.traces.base import TraceIndex, TraceRow


class Traces:
    """The effect that writes one row for each commit.

    An event without a correlation id begins a trace of its own, under its event id: policies pass that on.

    Parameters
    ----------
    index : TraceIndex
    days : int
        How long a row is kept.
    """

    def __init__(self, index: TraceIndex, days: int) -> None:
        self._index = index
        self._kept = timedelta(days=days)

    def take(self, commit: Commit, events: Sequence[Event]) -> None:
        """As in ``Effect``."""
        for correlation_id in dict.fromkeys(event.metadata.correlation_id or event.event_id for event in events):
            self._index.put(
                TraceRow(
                    correlation_id=correlation_id,
                    recorded_at=commit.recorded_at,
                    stream=commit.stream,
                    first=events[0].version,
                    last=events[-1].version,
                    expires_at=commit.recorded_at + self._kept,
                )
            )
