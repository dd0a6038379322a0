"""A process of a migration at every moment at which it may die, or at which another one may come first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol

from tests.orders.support.migration import MigrationFixture
from tests.support.clocks import EVERYTHING
from tests.support.interruptions import Killed
from tests.support.wire import Deliver, delivered

from banyan.migration.migration import Migration

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

NEVER: Final = 0
Work = Callable[[], Any]


class Hooked(Protocol):
    """Something else outside that calls back behind every request."""

    behind: Work


def nothing() -> None:
    """Go on."""


def die() -> None:
    """End the process."""
    raise Killed


class Moments:
    """Counts moments at which something may happen to a process: behind each statement, commit and request.

    Parameters
    ----------
    number : int
        The moment at which it happens, from 1.
    happening : Callable[[], Any]
        What happens; the process dies, unless something else is given.
    """

    def __init__(self, number: int = NEVER, happening: Work = die) -> None:
        self.passed = 0
        self._number = number
        self._happening = happening

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self._number:
            self._happening()

    def request(self, request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
        """Send one request, unless the process dies."""
        answer = deliver(request)
        self()
        return answer


@contextmanager
def stepping(migrating: MigrationFixture, moments: Moments, *others: Hooked, within: bool = True) -> Iterator[None]:
    """Let the processes of a migration meet these moments, by default also within a transaction of the database."""
    for other in others:
        other.behind = moments
    migrating.engine.wire.around = moments.request
    if migrating.connections:
        migrating.connections.behind = moments
        migrating.connections.within = moments if within else nothing
    try:
        yield
    finally:
        migrating.engine.wire.around = delivered
        if migrating.connections:
            migrating.connections.behind = migrating.connections.within = nothing
        for other in others:
            other.behind = nothing


def meanwhile(migrating: MigrationFixture, other: Callable[[Migration], object], *others: Hooked) -> None:
    """Another process does something, at a moment of this one."""
    hooks, around = [(hooked, hooked.behind) for hooked in others], migrating.engine.wire.around
    if migrating.connections:
        hooks.append((migrating.connections, migrating.connections.behind))
    within = migrating.connections.within if migrating.connections else nothing
    with stepping(migrating, Moments(), *others):
        other(migrating.process())
    migrating.engine.wire.around = around
    if migrating.connections:
        migrating.connections.within = within
    for hooked, behind in hooks:
        hooked.behind = behind


def every_third(first: int = 1) -> Iterator[int]:
    """Numbers of moments to try, without an end: each third one from the first on, and all for everything."""
    return count(1) if EVERYTHING else count(first, 3)


def deaths(
    migrating: MigrationFixture, work: Callable[[int], Any], *others: Hooked, numbers: Iterator[int] | None = None
) -> Iterator[int]:
    """Do a piece of work again and again, and let it die one step later each time, until it gets through.

    Parameters
    ----------
    numbers
        Of the steps to die at, all by default.
    """
    for number in numbers or count(1):
        moments = Moments(number)
        with stepping(migrating, moments, *others):
            try:
                work(number)
            except Killed:
                died = True
            else:
                died = False
        migrating.restart()
        if not died:
            assert number > 2, "there was no step to die at"
            return
        yield number
