"""What several tests need: time under control, and waiting for a condition."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
STEP = timedelta(milliseconds=1)
PATIENCE = 300.0
"""Seconds that nothing takes but what hangs, however busy the machine is."""
EVERYTHING = bool(os.environ.get("BANYAN_TEST_EVERYTHING"))
lengthy = pytest.mark.skipif(not EVERYTHING, reason="it takes long: `make test-all` has it")


def only_on_the_exact_engine(engine: str) -> None:
    """Skip a long test on moto, unless everything is tested."""
    if engine == "moto" and not EVERYTHING:
        pytest.skip("DynamoDB Local has it, moto in `make test-all`")


class ManualClock:
    """A clock that moves a millisecond each time it is read, and otherwise when told."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += STEP
        return self.now

    def move(self, by: timedelta) -> None:
        """Set the clock forward, or back."""
        self.now += by


class RecordedNotices:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Mapping[str, Any]]] = []

    def send(self, kind: str, detail: Mapping[str, Any]) -> None:
        self.sent.append((kind, detail))


def wait_until(condition: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """Ask until the answer is true, and return it.

    Raises
    ------
    AssertionError
        Naming ``what`` did not come about in time.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.02)
    return answer


@contextmanager
def meanwhile(work: Callable[[], object], pause: float = 0.0) -> Iterator[None]:
    """Work again and again, with so many seconds between, until the block is left; what it raises fails the test."""
    over, failures = Event(), list[Exception]()

    def again() -> None:
        try:
            while not over.wait(pause):
                work()
        except Exception as error:
            failures.append(error)

    thread = Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        if failures:
            raise failures[0]


def no_sleep(seconds: float) -> None:
    """Takes the place of ``time.sleep``."""
