"""Building a thing once per process, at its first use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


def once(build: Callable[[], T]) -> Callable[[], T]:
    """Let ``build`` run at the first call only, also when several threads make it; failures are not kept."""
    lock, kept = Lock(), cache(build)

    @wraps(build)
    def first() -> T:
        with lock:
            return kept()

    return first
