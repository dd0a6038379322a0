"""Folders that one process uses at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from banyan_tools.local.errors import StackError


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep other processes from claiming a folder until the block is left; the folder is made.

    Raises
    ------
    StackError
        Another process has claimed it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"Another stack uses {folder}: stop it, or give another folder with --data.") from None
        yield
