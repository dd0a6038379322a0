"""The port to the table in which the reconciliation keeps its digests, marks and progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import NamedTuple, Protocol


class Key(NamedTuple):
    """Place of one cell."""

    partition: str
    sort: str


class Cells(Protocol):
    """Small texts by key. All reads are strongly consistent."""

    def read(self, keys: Sequence[Key]) -> Mapping[Key, str]:
        """Texts of those that exist."""

    def write(self, cells: Mapping[Key, str | None]) -> None:
        """Write in the order given, not all or nothing; ``None`` removes."""

    def page(self, partition: str, limit: int, after: str = "") -> Sequence[tuple[str, str]]:
        """Sort keys and texts of a partition behind ``after``, in order."""

    def replace(self, key: Key, old: str | None, new: str | None) -> bool:
        """Write if ``old`` still stands there, and tell whether it did; ``None`` is no cell."""

    def remove(self, cells: Mapping[Key, str]) -> None:
        """Remove those cells that still hold these texts."""


class MemoryCells:
    """Keeps cells in dictionaries; safe to share between threads."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, str]] = {}
        self._lock = Lock()

    def read(self, keys: Sequence[Key]) -> Mapping[Key, str]:
        """As in ``Cells``."""
        with self._lock:
            found = {key: self._partitions.get(key.partition, {}).get(key.sort) for key in keys}
        return {key: text for key, text in found.items() if text is not None}

    def write(self, cells: Mapping[Key, str | None]) -> None:
        """As in ``Cells``."""
        with self._lock:
            for key, text in cells.items():
                self._put(key, text)

    def page(self, partition: str, limit: int, after: str = "") -> Sequence[tuple[str, str]]:
        """As in ``Cells``."""
        with self._lock:
            cells = self._partitions.get(partition, {})
            return sorted((sort, text) for sort, text in cells.items() if sort > after)[:limit]

    def replace(self, key: Key, old: str | None, new: str | None) -> bool:
        """As in ``Cells``."""
        with self._lock:
            if self._partitions.get(key.partition, {}).get(key.sort) != old:
                return False
            self._put(key, new)
            return True

    def remove(self, cells: Mapping[Key, str]) -> None:
        """As in ``Cells``."""
        for key, text in cells.items():
            self.replace(key, text, None)

    def _put(self, key: Key, text: str | None) -> None:
        cells = self._partitions.setdefault(key.partition, {})
        if text is None:
            cells.pop(key.sort, None)
        else:
            cells[key.sort] = text
