"""Waiting for a condition, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.05


class DrillFailed(Exception):
    """The drill cannot continue; the message says what did not come about."""


def wait_until(condition: Callable[[], T], what: str, seconds: float) -> T:
    """Ask until the answer is true, and return it. Raises ``DrillFailed``."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise DrillFailed(f"waited {seconds:.0f} s for {what}")
        time.sleep(LOOK_SECONDS)
    return answer
