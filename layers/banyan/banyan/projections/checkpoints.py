"""Up to when every commit in the log of all streams is known to be taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Protocol

from banyan.projections.views import Generation


class LogCheckpoints(Protocol):
    """A moment for each generation and bucket of the log. One that held once holds for ever, so none is guarded."""

    def get(self, generation: Generation, buckets: Sequence[int]) -> Mapping[int, datetime]:
        """The moments there are, strongly consistent; one batch read for up to 100. Raises ``StoreUnavailable``."""

    def put(self, generation: Generation, bucket: int, moment: datetime) -> None:
        """Remember that what was recorded before a moment is taken in. Raises ``StoreUnavailable``."""


class MemoryCheckpoints:
    """Keeps moments in a dictionary; safe to share between threads."""

    def __init__(self) -> None:
        self._moments: dict[tuple[Generation, int], datetime] = {}
        self._lock = Lock()

    def get(self, generation: Generation, buckets: Sequence[int]) -> Mapping[int, datetime]:
        """As in ``LogCheckpoints``."""
        with self._lock:
            found = {bucket: self._moments.get((generation, bucket)) for bucket in buckets}
        return {bucket: moment for bucket, moment in found.items() if moment}

    def put(self, generation: Generation, bucket: int, moment: datetime) -> None:
        """As in ``LogCheckpoints``."""
        with self._lock:
            self._moments[generation, bucket] = moment
