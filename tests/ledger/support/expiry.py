"""What lets pending transfers of a book expire: its policies, and the deadlines that they set."""

from __future__ import annotations

from tests.ledger.support.book import Book

from banyan.deadlines.base import MemoryDeadlines
from banyan.deadlines.runner import DeadlineRun, DeadlineRunner
from banyan.reactions.policies import Policies
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry

FOREVER = 1e9


class Expiry:
    """Reacts to each commit once, and fires what is due."""

    def __init__(self, book: Book) -> None:
        self._store = book.store
        domain, handlers = book.application.domain, book.application.handlers
        self.deadlines = MemoryDeadlines()
        self._policies = Policies(
            domain.policies, domain.deciders, book.store, handlers, self.deadlines, {}, NoTelemetry()
        )
        self._runner = DeadlineRunner(self.deadlines, domain.deciders, handlers, clock=book.clock)
        self._reached: dict[StreamId, int] = {}

    def fire(self) -> DeadlineRun:
        """Let the policies react to what is new, and handle the commands whose time has come."""
        for stream in list(self._store.streams()):
            for commit in self._store.commits(stream, self._reached.get(stream, 0)):
                self._policies.act(commit, self._store.recorded([commit]))
                self._reached[stream] = commit.last
        return self._runner.run(lambda: FOREVER)
