"""Whether the tables answer; anyone may ask, so it is looked up rarely."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, Literal

from pydantic import BaseModel

from banyan.adapters.observability import log_failure
from banyan.errors import StoreUnavailable
from banyan.projections.state import ProjectionStates
from banyan.projections.views import Generation, Views
from banyan.store import EventStore
from banyan.store.eventstore import Clock
from banyan.streams import StreamId

KEPT: Final = timedelta(seconds=5)
LIMIT: Final = timedelta(seconds=2)
_NO_STREAM: Final = StreamId("_system", "health", "check")

Checks = Mapping[str, Callable[[], object]]


class Health(BaseModel):
    """The tables that answered."""

    status: Literal["ok"] = "ok"
    tables: list[str]


class HealthCheck:
    """Reads from each table at most once in five seconds, however many ask; what it found is kept, also a failure.

    Parameters
    ----------
    checks : Checks
        By table: a small read that fails when the table does not answer.
    limit : timedelta
        After so long a check that is under way counts as failed; until it ends, no other one begins.
    """

    def __init__(self, checks: Checks, clock: Clock, limit: timedelta = LIMIT) -> None:
        self._checks = checks
        self._clock = clock
        self._limit = limit
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, "health")
        self._latest: tuple[datetime, Future[Sequence[str]]] | None = None

    def __call__(self) -> Sequence[str]:
        """Names of the tables, which answered within the last seconds.

        Raises
        ------
        StoreUnavailable
        """
        now = self._clock()
        started, found = self._current(now)
        try:
            failure = found.exception(max(timedelta(), self._limit - (now - started)).total_seconds())
        except TimeoutError:
            raise StoreUnavailable("the tables did not answer in time") from None
        if failure:
            raise StoreUnavailable(str(failure))  # one of its own: a shared error grows each time it is raised
        return found.result()

    def _current(self, now: datetime) -> tuple[datetime, Future[Sequence[str]]]:
        """The check to wait for, and when it began. A clock that was set back ends what is kept."""
        with self._lock:
            latest = self._latest
            if latest is None or (latest[1].done() and not timedelta() <= now - latest[0] < KEPT):
                latest = self._latest = now, self._worker.submit(copy_context().run, self._read)
            return latest

    def _read(self) -> Sequence[str]:
        for table, read in self._checks.items():
            _check(table, read)
        return list(self._checks)


def table_checks(store: EventStore, views: Views, projection_states: ProjectionStates) -> Checks:
    """A read of nothing from each table that queries use."""
    return {
        "events": lambda: store.head(_NO_STREAM),
        "views": lambda: views.states(Generation("health"), [_NO_STREAM]),
        "cursors": lambda: projection_states.get(["health"]),
    }


def _check(table: str, read: Callable[[], object]) -> None:
    try:
        read()
    except Exception as error:
        log_failure(f"the {table} table does not answer", error)
        raise StoreUnavailable(f"the {table} table does not answer") from error
