"""I8: kill the process behind every statement, commit and request, in every phase; nothing is half done.

Behind one step and before the next are the same moment for everything that outlives the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.integration.migration.world import CANARY, DUAL, EVENTS, LEGACY_ONLY, TURNED, World
from tests.legacies import order, row
from tests.wire import Deliver, delivered

from banyan.migration.steps import Step
from banyan.streams import StreamId

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

NEVER: Final = 0
Work = Callable[[], Any]


class Killed(BaseException):
    """The process ends here; nothing catches this."""


class Steps:
    """Counts moments at which a process may die: behind each statement, commit and request.

    Parameters
    ----------
    deadly : int
        The moment at which it dies, from 1.
    """

    def __init__(self, deadly: int = NEVER) -> None:
        self.passed = 0
        self._deadly = deadly

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self._deadly:
            raise Killed

    def request(self, request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
        """Send one request, unless the process dies."""
        answer = deliver(request)
        self()
        return answer


@contextmanager
def stepping(world: World, steps: Steps) -> Iterator[None]:
    """Let a world's processes die at a step."""
    world.engine.wire.around = steps.request
    if world.connections:
        world.connections.behind = steps
    try:
        yield
    finally:
        world.engine.wire.around = delivered
        if world.connections:
            world.connections.behind = lambda: None


def deaths(world: World, work: Callable[[int], Any]) -> Iterator[int]:
    """Do a piece of work again and again, and let it die one step later each time, until it gets through."""
    number = 1
    while True:
        steps = Steps(number)
        with stepping(world, steps):
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


def recover(world: World) -> None:
    """What the controller does each minute."""
    world.parts.mover.finish()
    assert world.parts.recover() == 0


@pytest.mark.parametrize("step", [LEGACY_ONLY, DUAL, TURNED, EVENTS], ids=str)
def test_a_command_that_dies_anywhere_is_done_once_or_not_at_all(mortal: World, step: Step) -> None:
    mortal.go_to(step)
    started = mortal.clock()
    mortal.create(order(1))

    def add(number: int) -> None:
        mortal.add(order(number), f"commit-{number}", first_attempt=started)

    for moment in deaths(mortal, add):
        both_sides_agree(mortal, step, order(moment))
        add(moment)
        add(moment)
        assert lines(mortal, step, order(moment)) == 2
        both_sides_agree(mortal, step, order(moment))
        mortal.create(order(moment + 1))


def both_sides_agree(world: World, step: Step, stream: StreamId) -> None:
    """Recover, and expect both sides to be equal where there are two."""
    recover(world)
    if step in (DUAL, CANARY, TURNED):
        world.expect_equal(stream)


def lines(world: World, step: Step, stream: StreamId) -> int:
    """Lines of an order as the leading side holds it."""
    return len((world.told(stream) if step == EVENTS else world.row(stream)).lines)


def test_an_import_with_a_command_that_dies_anywhere_is_done_once(mortal: World) -> None:
    mortal.go_to(DUAL)

    def add(number: int) -> None:
        mortal.add(order(number), f"commit-{number}")

    mortal.legacy.write_directly(order(1), row(order(1)))
    for moment in deaths(mortal, add):
        recover(mortal)
        add(moment)
        mortal.expect_equal(order(moment))
        assert len(mortal.row(order(moment)).lines) == 3
        assert len(mortal.commits(order(moment))) == 2
        mortal.legacy.write_directly(order(moment + 1), row(order(moment + 1)))


@pytest.mark.parametrize(("source", "to"), [(CANARY, TURNED), (TURNED, CANARY)], ids=str)
def test_a_turn_that_dies_anywhere_is_finished_and_loses_nothing(mortal: World, source: Step, to: Step) -> None:
    mortal.go_to(source)
    mortal.create(order(1))

    for moment in deaths(mortal, lambda _: mortal.go(to)):
        recover(mortal)
        mortal.expect_equal(order(moment))
        if mortal.parts.phases.refreshed().step != to:
            mortal.go(to)
        mortal.add(order(moment))
        mortal.expect_equal(order(moment))
        mortal.go(source)
        mortal.create(order(moment + 1))


def test_a_turn_that_is_given_up_leaves_everything_as_it_was(mortal: World) -> None:
    mortal.go_to(CANARY)
    mortal.create(order(1))
    steps = Steps()
    with stepping(mortal, steps):
        mortal.go(TURNED)
    mortal.go(CANARY)
    for deadly in range(1, steps.passed):
        with suppress(Killed), stepping(mortal, Steps(deadly)):
            mortal.go(TURNED)
        mortal.restart()
        migration = mortal.parts.mover.give_up("test")
        if migration.step == TURNED:
            mortal.go(CANARY)
        mortal.add(order(1))
        mortal.expect_equal(order(1))
