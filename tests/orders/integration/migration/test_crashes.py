"""I8: kill the process behind every statement, commit and request, in every phase; nothing is half done.

Behind one step and before the next are the same moment for everything that outlives the process.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import pytest
from tests.orders.support.legacies import order, row
from tests.orders.support.migration import CANARY, COMPLETE, CUT_OVER, DUAL, EVENTS, LEGACY_ONLY, MigrationFixture
from tests.orders.support.moments import Moments, deaths, stepping
from tests.support.interruptions import Killed

from banyan.errors import LegacyWritesOff
from banyan.migration.phases.aggregate import Step
from banyan.migration.sync.repair import LegacyRepair
from banyan.migration.writes.primary import Primary
from banyan.reconciliation.sides import NotRepairable
from banyan.streams import StreamId
from orders import DOMAIN

Born = Callable[[], AbstractContextManager[MigrationFixture]]


def recover(migrating: MigrationFixture) -> None:
    """What the controller does each minute."""
    migrating.migration.transitions.finish()
    assert migrating.migration.recover() == 0


STEPS = [DUAL, CUT_OVER, EVENTS, LEGACY_ONLY, CANARY, COMPLETE]
TRIED = [
    *(pytest.param("dynamodb", step, marks=pytest.mark.dynamodb_local) for step in STEPS[:3]),
    *(pytest.param("dynamodb", step, marks=[pytest.mark.dynamodb_local, pytest.mark.slow]) for step in STEPS[3:]),
    ("postgres", DUAL),
    *(pytest.param("postgres", step, marks=pytest.mark.slow) for step in STEPS[1:]),
]


@pytest.mark.parametrize(("born", "step"), TRIED, indirect=["born"], ids=str)
def test_a_command_that_dies_anywhere_is_done_once_or_not_at_all(mortal: MigrationFixture, step: Step) -> None:
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


def both_sides_agree(migrating: MigrationFixture, step: Step, stream: StreamId) -> None:
    """Recover, and expect both sides to be equal where there are two."""
    recover(migrating)
    if step in (DUAL, CANARY, CUT_OVER):
        migrating.expect_equal(stream)


def lines(migrating: MigrationFixture, step: Step, stream: StreamId) -> int:
    """Lines of an order as the leading side holds it."""
    return len((migrating.told(stream) if step in (EVENTS, COMPLETE) else migrating.row(stream)).lines)


def test_an_import_with_a_command_that_dies_anywhere_is_done_once(mortal: MigrationFixture) -> None:
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


WAYS = [(LEGACY_ONLY, DUAL), (DUAL, CANARY), (CANARY, CUT_OVER), (CUT_OVER, CANARY)]
LONG_WAYS = [pytest.param(*way, marks=pytest.mark.slow) for way in ((CANARY, DUAL), (DUAL, LEGACY_ONLY))]


@pytest.mark.parametrize(("source", "to"), [*WAYS, *LONG_WAYS], ids=str)
def test_a_cutover_that_dies_anywhere_is_finished_and_loses_nothing(
    mortal: MigrationFixture, source: Step, to: Step
) -> None:
    mortal.go_to(source)
    mortal.create(order(1))

    for moment in deaths(mortal, lambda _: mortal.cut_over(to)):
        recover(mortal)
        reached = mortal.migration.phases.refreshed().step
        if (source, reached) == (LEGACY_ONLY, DUAL):
            mortal.import_row()
        both_sides_agree(mortal, reached, order(moment))
        if reached != to:
            mortal.cut_over(to)
        mortal.add(order(moment))
        assert lines(mortal, to, order(moment)) == 2
        both_sides_agree(mortal, to, order(moment))
        mortal.cut_over(source)
        mortal.create(order(moment + 1))


@pytest.mark.parametrize(("step", "customer", "commits"), [(DUAL, "c-2", 2), (CUT_OVER, "c-1", 1)], ids=str)
def test_a_repair_that_dies_anywhere_is_made_once(
    mortal: MigrationFixture, step: Step, customer: str, commits: int
) -> None:
    def falsify(number: int) -> None:
        mortal.create(order(number))
        mortal.migration.recover()
        mortal.legacy.write_directly(order(number), row(order(number), customer="c-2"))

    def repair(number: int) -> None:
        LegacyRepair(mortal.migration, mortal.engine.store(DOMAIN.registry))(order(number))

    mortal.go_to(step)
    falsify(1)
    for moment in deaths(mortal, repair):
        recover(mortal)
        with suppress(NotRepairable):  # it was made already
            repair(moment)
        mortal.expect_equal(order(moment))
        assert (mortal.row(order(moment)).customer, len(mortal.commits(order(moment)))) == (customer, commits)
        falsify(moment + 1)


@pytest.mark.slow
def test_the_step_without_a_way_back_that_dies_anywhere_is_made(born: Born) -> None:
    deadly, died = 0, True
    while died:
        deadly += 1
        with born() as migrating:
            died = _dies(migrating, deadly)
            recover(migrating)
            if migrating.migration.phases.refreshed().step != EVENTS:
                migrating.cut_over(EVENTS)
            left = migrating.row(order(1))
            migrating.add(order(1))
            assert (len(migrating.told(order(1)).lines), migrating.row(order(1))) == (3, left)
            with pytest.raises(LegacyWritesOff), migrating.migration.repository.unit(order(1), Primary.LEGACY) as unit:
                unit.write(unit.row, ())  # type: ignore[arg-type]
    assert deadly > 2, "there was no step to die at"


def _dies(migrating: MigrationFixture, deadly: int) -> bool:
    """Lead a migration with an order of two lines to the last cutover; whether its process died in it."""
    migrating.go_to(CUT_OVER)
    migrating.create(order(1))
    migrating.add(order(1))
    migrating.migration.recover()
    moments = Moments(deadly)
    with suppress(Killed), stepping(migrating, moments):
        migrating.cut_over(EVENTS)
    migrating.restart()
    return moments.passed >= deadly


def test_a_cutover_that_is_given_up_leaves_everything_as_it_was(mortal: MigrationFixture) -> None:
    mortal.go_to(CANARY)
    mortal.create(order(1))
    steps = Moments()
    with stepping(mortal, steps):
        mortal.cut_over(CUT_OVER)
    mortal.cut_over(CANARY)
    for deadly in range(1, steps.passed):
        with suppress(Killed), stepping(mortal, Moments(deadly)):
            mortal.cut_over(CUT_OVER)
        mortal.restart()
        state = mortal.migration.transitions.give_up("test")
        if state.step == CUT_OVER:
            mortal.cut_over(CANARY)
        mortal.add(order(1))
        mortal.expect_equal(order(1))
