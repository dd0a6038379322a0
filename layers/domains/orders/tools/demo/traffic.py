"""Clients at work: some send commands, some read, and all of them write into the ledger."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import httpx

from banyan_tools.importing import ApiError
from orders.tools.demo.ledger import Ledger
from orders.tools.importer.api import Api
from orders.tools.importer.commands import Command

WRITERS: Final = 4
READERS: Final = 2
ACTIVE: Final = 24
"""Orders that are worked on side by side, so that one's commands lie minutes apart."""
READS_PER_SECOND: Final = 3.0


class Traffic:
    """Bounded traffic on loopback.

    Parameters
    ----------
    journeys : Sequence[Sequence[Command]]
        Commands of one order each, in sequence.
    seconds : float
        In so much time most of them are sent; the fewer are left the slower they come, so that they never end before
        ``hurry`` sends the rest at once.
    """

    def __init__(
        self, url: str, token: str, ledger: Ledger, journeys: Sequence[Sequence[Command]], seconds: float
    ) -> None:
        self._ledger = ledger
        self._waiting = deque(map(deque, journeys))
        self._active: deque[deque[Command]] = deque()
        self._seconds = seconds
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        self._api = Api(self._http, attempts=8)
        self._hurry = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._left = sum(map(len, journeys))
        self._threads: list[threading.Thread] = []

    @contextmanager
    def running(self) -> Iterator[Traffic]:
        """Work until the block is left."""
        with self._http:
            self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(WRITERS)]
            readers = [threading.Thread(target=self._read, daemon=True) for _ in range(READERS)]
            for thread in (*self._threads, *readers):
                thread.start()
            try:
                yield self
            finally:
                self._stop.set()
                for thread in (*self._threads, *readers):
                    thread.join()

    @property
    def left(self) -> int:
        """Commands still to be sent."""
        return self._left

    def hurry(self) -> None:
        """Send the rest without pauses, and wait until it is answered."""
        self._hurry.set()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set() and (journey := self._next()) is not None:
            if journey:
                self._send(journey)
            due = max(due + self._seconds * WRITERS / max(1, self._left), time.monotonic() - 1)
            self._hurry.wait(max(0.0, due - time.monotonic()))

    def _next(self) -> deque[Command] | None:
        """The order that waited longest; ``None`` when there is none, and none is at work."""
        with self._lock:
            while self._waiting and len(self._active) < ACTIVE:
                self._active.append(self._waiting.popleft())
            return self._active.popleft() if self._active else None

    def _send(self, journey: deque[Command]) -> None:
        command, sent = journey.popleft(), time.monotonic()
        try:
            self._ledger.acknowledge(command, self._api.send(command, None).version, sent)
        except ApiError as error:
            self._ledger.fail(command, str(error))
            journey.clear()
        with self._lock:
            self._left -= 1
            if journey:
                self._active.append(journey)

    def _read(self) -> None:
        dice = random.Random(threading.get_ident())
        while not self._stop.wait(READERS / READS_PER_SECOND):
            order = dice.choice(self._ledger.orders())
            try:
                answer = self._http.get(f"/orders/{order}")
                self._ledger.read("" if answer.is_success else str(answer.status_code))
            except httpx.TransportError as error:
                self._ledger.read(type(error).__name__)
