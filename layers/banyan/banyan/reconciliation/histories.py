"""Histories of streams, read once for all comparisons of a run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from banyan.store import Commit, EventStore
from banyan.streams import StreamId

KEPT_COMMITS: Final = 20_000


class Histories:
    """Keeps what was read last, up to a bound; every comparison folds the same streams.

    Parameters
    ----------
    store : EventStore
    limit : int
        Commits that are kept.
    """

    def __init__(self, store: EventStore, limit: int = KEPT_COMMITS) -> None:
        self._store = store
        self._limit = limit
        self._kept: OrderedDict[StreamId, tuple[Commit, ...]] = OrderedDict()
        self._count = 0

    def read(self, stream: StreamId) -> tuple[Commit, ...]:
        """All commits of a stream as it is now. Raises ``StreamCorrupted``."""
        return self.keep(stream, tuple(self._store.commits(stream)))

    def keep(self, stream: StreamId, commits: tuple[Commit, ...]) -> tuple[Commit, ...]:
        """Take in what somebody has read and found undamaged, instead of what was read before."""
        self._drop(stream)
        self._kept[stream] = commits
        self._count += len(commits)
        while self._count > self._limit:
            self._drop(next(iter(self._kept)))
        return commits

    def recent(self, stream: StreamId) -> Sequence[Commit]:
        """All commits of a stream as it was when it was read last, in this run. Raises ``StreamCorrupted``."""
        return self._kept[stream] if stream in self._kept else self.read(stream)

    def _drop(self, stream: StreamId) -> None:
        self._count -= len(self._kept.pop(stream, ()))
