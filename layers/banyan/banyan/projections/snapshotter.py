"""Taking snapshots of long streams, off the command path."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from banyan.decider import AnyDecider
from banyan.errors import SnapshotTooLarge
from banyan.projections.projector import StreamBatch
from banyan.store import EventStore
from banyan.store.eventstore import crosses, write_snapshot
from banyan.streams import StreamId
from banyan.telemetry import Telemetry

_logger = logging.getLogger(__name__)


class Snapshotter:
    """Takes a snapshot of each stream that passes a multiple of the interval.

    Parameters
    ----------
    interval : int
        Events between two snapshots.
    """

    def __init__(self, store: EventStore, deciders: Sequence[AnyDecider], interval: int, telemetry: Telemetry) -> None:
        self._store = store
        self._deciders = {decider.entity: decider for decider in deciders}
        self._interval = interval
        self._telemetry = telemetry
        self._too_large: set[StreamId] = set()

    def take(self, batch: Iterable[StreamBatch]) -> None:
        """Take the snapshots that a batch makes due; one that fails is counted and logged, no more.

        That a state is too large for any is counted and logged once for each stream.
        """
        for each in batch:
            decider = self._deciders.get(each.stream.entity)
            if decider and self._passes(each):
                self._take_one(decider, each.stream, each.commits[-1].last)

    def renew(self, streams: Iterable[tuple[StreamId, int]]) -> None:
        """Take a snapshot of each stream that is long enough for one at its version, and has none that fits."""
        for stream, version in streams:
            decider = self._deciders.get(stream.entity)
            if decider and version >= self._interval:
                self._take_one(decider, stream, version)

    def _passes(self, batch: StreamBatch) -> bool:
        commits = batch.commits
        return bool(commits) and crosses(self._interval, commits[0].position - 1, commits[-1].last)

    def _take_one(self, decider: AnyDecider, stream: StreamId, version: int) -> None:
        try:
            write_snapshot(self._store, decider, stream, self._interval)
        except SnapshotTooLarge as error:
            self._report_size(stream, error)
        except Exception as error:
            self._telemetry.count("SnapshotFailures")
            _logger.warning(
                "no snapshot was taken: the next one will make up for it",
                extra={"stream": str(stream), "version": version, "error": type(error).__name__},
            )

    def _report_size(self, stream: StreamId, error: SnapshotTooLarge) -> None:
        if stream in self._too_large:
            return
        self._too_large.add(stream)
        self._telemetry.count("SnapshotsTooLarge")
        _logger.warning(
            "no snapshot holds this state: loads fold all events of the stream",
            extra={"stream": str(stream), "reason": str(error)},
        )
