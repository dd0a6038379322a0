"""A process of a world at every moment at which it may die, or at which another one may come first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from tests.orders.support.migration import MigrationFixture
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
def stepping(world: MigrationFixture, moments: Moments, *others: Hooked, within: bool = True) -> Iterator[None]:
    """Let a world's processes meet these moments, also within a transaction of the database unless told otherwise."""
    for other in others:
        other.behind = moments
    world.engine.wire.around = moments.request
    if world.connections:
        world.connections.behind = moments
        world.connections.within = moments if within else nothing
    try:
        yield
    finally:
        world.engine.wire.around = delivered
        if world.connections:
            world.connections.behind = world.connections.within = nothing
        for other in others:
            other.behind = nothing


def meanwhile(world: MigrationFixture, other: Callable[[Migration], object], *others: Hooked) -> None:
    """Another process does something, at a moment of this one."""
    hooks, around = [(hooked, hooked.behind) for hooked in others], world.engine.wire.around
    if world.connections:
        hooks.append((world.connections, world.connections.behind))
    within = world.connections.within if world.connections else nothing
    with stepping(world, Moments(), *others):
        other(world.process())
    world.engine.wire.around = around
    if world.connections:
        world.connections.within = within
    for hooked, behind in hooks:
        hooked.behind = behind


def deaths(world: MigrationFixture, work: Callable[[int], Any], *others: Hooked) -> Iterator[int]:
    """Do a piece of work again and again, and let it die one step later each time, until it gets through."""
    number = 1
    while True:
        moments = Moments(number)
        with stepping(world, moments, *others):
            try:
                work(number)
            except Killed:
                died = True
            else:
                died = False
        world.restart()
        if not died:
            assert number > 2, "there was no step to die at"
            return
        yield number
        number += 1
