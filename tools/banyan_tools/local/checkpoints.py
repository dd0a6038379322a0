"""How far a mapping has got in each shard of its stream."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path


class Checkpoints:
    """The last sequence number of each shard up to which every record is done.

    Parameters
    ----------
    file : Path | None
        Where the checkpoints are kept over restarts; None keeps them nowhere.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._positions: dict[str, str] = json.loads(file.read_text()) if file and file.exists() else {}
        self._waiting: dict[str, deque[str]] = {}
        self._done: set[tuple[str, str]] = set()
        self._open = 0
        self._changed = False
        self._lock = threading.Lock()

    @property
    def are_kept(self) -> bool:
        """Whether another stack can continue from here."""
        return self._file is not None

    @property
    def open(self) -> int:
        """Records that were read and are not yet done."""
        return self._open

    def are_done(self, shard: str) -> bool:
        """Return whether every record of a shard that was read is done."""
        with self._lock:
            return not self._waiting.get(shard)

    def positions(self) -> dict[str, str]:
        """Return the checkpoint of each shard that has one."""
        with self._lock:
            return dict(self._positions)

    def read(self, shard: str, numbers: Iterable[str]) -> None:
        """Note records of a shard that were read, in their order."""
        with self._lock:
            waiting = self._waiting.setdefault(shard, deque())
            before = len(waiting)
            waiting.extend(numbers)
            self._open += len(waiting) - before

    def done(self, shard: str, number: str) -> None:
        """Note that a record was handled, discarded or filtered out, and move the shard's checkpoint over it."""
        with self._lock:
            self._open -= 1
            self._done.add((shard, number))
            waiting = self._waiting[shard]
            while waiting and (shard, waiting[0]) in self._done:
                self._positions[shard] = waiting.popleft()
                self._done.remove((shard, self._positions[shard]))
                self._changed = True

    def save(self) -> None:
        """Write the checkpoints to their file if they moved."""
        with self._lock:
            if self._file is None or not self._changed:
                return
            draft = self._file.with_suffix(".draft")
            draft.write_text(json.dumps(self._positions))
            draft.replace(self._file)
            self._changed = False
