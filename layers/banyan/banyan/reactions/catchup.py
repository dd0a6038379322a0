"""Catching up where the reactor was not told what happened."""

from __future__ import annotations

from datetime import datetime

from banyan.projections.catchup import MARGIN, CaughtUp, LogCatchUp, Task
from banyan.reactions.reactor import Reactor
from banyan.store.eventstore import Clock


class ReactorCatchUp:
    """Lets the reactor take in what should have been delivered, from its beginning on; history stays history.

    Parameters
    ----------
    reactor : Reactor
    log : LogCatchUp
    clock : Callable[[], datetime]
    """

    def __init__(self, reactor: Reactor, log: LogCatchUp, clock: Clock) -> None:
        self._reactor = reactor
        self._log = log
        self._clock = clock

    def everything(self, deadline: datetime) -> list[CaughtUp]:
        """Catch up with what should have been delivered by now, as far as the time allows."""
        projector = self._reactor.projector
        task = Task(projector, projector.reads, projector.beginning.moment)
        return [self._log.attempt(task, self._clock() - MARGIN, deadline)]
