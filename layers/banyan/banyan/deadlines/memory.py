"""Deadlines in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from banyan.deadlines.base import Waiting, unfailed, waiting
from banyan.reactions.effects import Deadline


class MemoryDeadlines:
    """Keeps deadlines in dictionaries."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}
        self._parked: dict[str, Waiting] = {}

    def schedule(self, deadline: Deadline) -> None:
        """As in ``Deadlines``."""
        kept = waiting(deadline)
        self._waiting.setdefault(kept.key, kept)

    def due(self, now: datetime) -> Iterator[Waiting]:
        """As in ``WaitingDeadlines``."""
        return (kept for _, kept in sorted(self._waiting.items()) if kept.due <= now)

    def remove(self, waiting: Waiting) -> None:
        """As in ``WaitingDeadlines``."""
        self._waiting.pop(waiting.key, None)

    def put_back(self, waiting: Waiting) -> None:
        """As in ``WaitingDeadlines``."""
        if waiting.key in self._waiting:
            self._waiting[waiting.key] = waiting

    def park(self, waiting: Waiting) -> None:
        """As in ``WaitingDeadlines``."""
        self._parked[waiting.key] = waiting
        self.remove(waiting)

    def parked(self) -> Iterator[Waiting]:
        """As in ``WaitingDeadlines``."""
        return iter([kept for _, kept in sorted(self._parked.items())])

    def unpark(self, waiting: Waiting) -> None:
        """As in ``WaitingDeadlines``."""
        self._waiting[waiting.key] = unfailed(waiting)
        self._parked.pop(waiting.key, None)
