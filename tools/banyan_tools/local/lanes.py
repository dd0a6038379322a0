"""Queues between the reading of a stream and the functions."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Lane(Generic[T]):
    """Items that are handled in batches, in the order they were put; none leaves before it is done.

    Whoever puts the first item is to start a worker, which ends when no batch is left.

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
        self._has_worker = False
        self._closing = False
        self._changed = threading.Condition()

    def put(self, items: list[T]) -> bool:
        """Add items behind those that wait; return whether a worker is to be started."""
        with self._changed:
            self._items.extend(items)
            self._changed.notify()
            is_idle = bool(self._items) and not self._has_worker
            self._has_worker = self._has_worker or is_idle
            return is_idle

    def batch(self) -> list[T]:
        """Return the first items, once the batch is full or its window over; with none the worker is to end."""
        with self._changed:
            if self._items and self._window:
                self._changed.wait_for(lambda: self._closing or len(self._items) >= self._size, self._window)
            self._has_worker = bool(self._items)
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
