"""Queues between the reading of a stream and the functions."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 0.2


class Lane(Generic[T]):
    """Items that are handled in batches, in the order they were put; none leaves before it is done.

    Parameters
    ----------
    size : int
        Items of a batch at most.
    window : float
        Seconds to wait for a batch to fill, once it has an item.
    """

    def __init__(self, size: int, window: float) -> None:
        self._size = size
        self._window = window
        self._items: list[T] = []
        self._closing = False
        self._changed = threading.Condition()

    def put(self, items: list[T]) -> None:
        """Add items behind those that wait."""
        with self._changed:
            self._items.extend(items)
            self._changed.notify()

    def batch(self) -> list[T]:
        """Return the first items; none when nothing comes for a moment."""
        with self._changed:
            if self._changed.wait_for(lambda: self._items, PATIENCE_SECONDS) and self._window:
                self._changed.wait_for(lambda: self._closing or len(self._items) >= self._size, self._window)
            return self._items[: self._size]

    def close(self) -> None:
        """Wait for no batch to fill any more."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def done(self, count: int) -> None:
        """Let the first items go."""
        with self._changed:
            del self._items[:count]
