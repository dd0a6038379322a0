"""A rebuild from its beginning to its switch, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.ledger import Deposited, account, deposits
from tests.support.projections import POISON
from tests.support.rebuild import Rebuilding

from banyan.errors import BatchFailed, ConfigurationError, ProjectionStateChanged, TransitionRejected
from banyan.projections.base import Put
from banyan.projections.rebuild import filling
from banyan.projections.rebuild.builds import BuildPhase
from banyan.projections.rebuild.filling import MARGIN
from banyan.projections.rebuild.worker import MARGIN_SECONDS, Pace
from banyan.projections.state import ProjectionState, Stage
from banyan.projections.views import Generation, StateRow, ViewUpdate
from banyan.streams import StreamId

NAMES = "abcdefghij"
BOTH = ("balances", "turnover")


@pytest.fixture
def rebuilding() -> Rebuilding:
    """Ten accounts in three buckets, with what the projector made of them."""
    rebuilding = Rebuilding()
    for number, name in enumerate(NAMES):
        fill(rebuilding, name, number + 1)
    return rebuilding


def fill(rebuilding: Rebuilding, name: str, commits: int, *, project: bool = True) -> None:
    """Append to an account, seen by the projector or not."""
    made = [rebuilding.ledger.commit(account(name), *deposits(number, number + 1)) for number in range(commits)]
    if project:
        rebuilding.ledger.runner.project(made)


def rebuild_both(rebuilding: Rebuilding, *, switch_when_equal: bool = False) -> None:
    """Rebuild both projections to their end."""
    for projection in BOTH:
        rebuilding.rebuild.start(projection, switch_when_equal=switch_when_equal)
    rebuilding.run()


def test_a_new_generation_is_a_fold_and_equal_to_the_old_one(rebuilding: Rebuilding) -> None:
    rebuild_both(rebuilding)

    assert rebuilding.complete(2)
    for projection, rows in zip(BOTH, (10, 11), strict=True):
        progress = rebuilding.rebuild.progress(projection)
        assert (progress.phase, progress.stage, progress.equal) == (BuildPhase.COMPARED, Stage.READY, True)
        assert (progress.streams, progress.total, progress.events) == (10, 10, 110)
        assert (progress.compared, progress.in_flight, progress.different, progress.failed) == (rows, 0, 0, 0)


def test_queries_read_the_old_generation_until_an_operator_switches(rebuilding: Rebuilding) -> None:
    rebuild_both(rebuilding)
    assert rebuilding.live("balances") == 1

    assert rebuilding.rebuild.switch("balances").live == 2

    assert (rebuilding.stage("balances", 1), rebuilding.stage("balances", 2)) == (Stage.KEPT, Stage.LIVE)
    assert rebuilding.rebuild.switch("balances", 1).live == 1


def test_it_switches_by_itself_when_it_was_told_to_and_nothing_differs(rebuilding: Rebuilding) -> None:
    rebuild_both(rebuilding, switch_when_equal=True)

    assert [rebuilding.live(projection) for projection in BOTH] == [2, 2]


def test_it_does_not_switch_by_itself_when_queries_were_switched_meanwhile(rebuilding: Rebuilding) -> None:
    """Back to a generation that was kept: whoever did that does not want the next one unasked."""
    rebuilding.rebuild.start("balances", switch_when_equal=True)
    rebuilding.run()
    rebuilding.rebuild.start("balances", switch_when_equal=True)
    rebuilding.step()
    rebuilding.rebuild.switch("balances", 1)
    rebuilding.run()
    assert (rebuilding.live("balances"), rebuilding.stage("balances", 3)) == (1, Stage.READY)


def test_it_does_not_switch_by_itself_when_a_row_differs(rebuilding: Rebuilding) -> None:
    spoil(rebuilding, "c")

    rebuild_both(rebuilding, switch_when_equal=True)

    progress = rebuilding.rebuild.progress("balances")
    (difference,) = progress.differences
    assert (difference.row, difference.fields) == ("acme:account:c", ("total",))
    assert (progress.stage, progress.equal, progress.different) == (Stage.READY, False, 1)
    assert [rebuilding.live(projection) for projection in BOTH] == [1, 2]


def test_a_row_that_only_one_generation_has_is_a_difference(rebuilding: Rebuilding) -> None:
    fill(rebuilding, "k", 1, project=False)

    rebuild_both(rebuilding, switch_when_equal=True)

    assert [d.row for d in rebuilding.rebuild.progress("balances").differences] == ["acme:account:k"]
    assert "acme#growing#k" in [d.row for d in rebuilding.rebuild.progress("turnover").differences]
    assert [rebuilding.live(projection) for projection in BOTH] == [1, 1]


def test_a_shared_row_that_only_the_old_generation_has_is_a_difference(rebuilding: Rebuilding) -> None:
    views, now = rebuilding.ledger.views, rebuilding.ledger.clock()
    ghost = ViewUpdate(account("ghost"), 0, 1, now, [[Put("growing", "ghost", {"amount": 1})]])
    views.update(Generation("turnover"), [ghost], now)

    rebuild_both(rebuilding, switch_when_equal=True)

    assert [d.row for d in rebuilding.rebuild.progress("turnover").differences] == ["acme#growing#ghost"]
    assert rebuilding.live("turnover") == 1


def test_a_worker_that_is_at_it_stops_when_the_rebuild_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "STREAMS_AT_ONCE", 1)
    rebuilding = Rebuilding(buckets=1)
    for name in NAMES:
        fill(rebuilding, name, 1)
    written, put = list[StreamId](), rebuilding.ledger.views.put_state

    def put_and_cancel(generation: Generation, row: StateRow, from_version: int) -> None:
        put(generation, row, from_version)
        written.append(row.stream)
        if len(written) == 2:
            rebuilding.rebuild.cancel("balances")

    monkeypatch.setattr(rebuilding.ledger.views, "put_state", put_and_cancel)
    rebuilding.rebuild.start("balances")

    rebuilding.run()

    assert len(written) == 2
    assert gone(rebuilding, "balances", 2)


def test_a_projection_without_any_rows_gets_them_all() -> None:
    rebuilding = Rebuilding()
    for name in NAMES:
        fill(rebuilding, name, 2, project=False)

    rebuild_both(rebuilding)

    assert rebuilding.balances(1) == {}
    assert rebuilding.complete(2)


@pytest.mark.parametrize(("at_once", "slow"), [(1, timedelta()), (50, timedelta()), (50, MARGIN / 2)])
def test_what_came_after_a_stream_was_healed_is_caught_up(
    rebuilding: Rebuilding, monkeypatch: pytest.MonkeyPatch, at_once: int, slow: timedelta
) -> None:
    """A projector that does not know of the new generation yet writes to the old one alone; its clock may be slow."""
    monkeypatch.setattr(filling, "STREAMS_AT_ONCE", at_once)
    rebuilding.rebuild.start("balances", switch_when_equal=True)
    rebuilding.rebuild.start("turnover", switch_when_equal=True)
    while rebuilding.rebuild.progress("turnover").streams < len(NAMES):
        rebuilding.step()
    stale = rebuilding.stale_runner()
    rebuilding.ledger.clock.move(-slow)
    for name in (*NAMES, "new"):
        stale.project([rebuilding.ledger.commit(account(name), *deposits(1))])
    rebuilding.ledger.clock.move(slow)
    assert not rebuilding.complete(2)

    rebuilding.run()

    assert rebuilding.complete(2)
    assert [rebuilding.live(projection) for projection in BOTH] == [2, 2]


def test_a_stream_that_cannot_be_taken_in_is_reported_and_keeps_the_old_generation(rebuilding: Rebuilding) -> None:
    rebuilding.ledger.commit(account("c"), Deposited(amount=1, note=POISON))

    rebuild_both(rebuilding, switch_when_equal=True)

    for projection in BOTH:
        progress = rebuilding.rebuild.progress(projection)
        (stuck,) = progress.stuck
        assert (stuck.stream, stuck.version, stuck.error) == ("acme:account:c", 7, "KeyError")
        assert (progress.failed, progress.stage, progress.equal, rebuilding.live(projection)) == (
            1,
            Stage.READY,
            False,
            1,
        )
    assert rebuilding.ledger.telemetry.counts["ProjectionParked"] == 0


def test_a_stream_that_could_not_be_taken_in_is_retried_behind_the_switch(rebuilding: Rebuilding) -> None:
    rebuilding.ledger.commit(account("c"), Deposited(amount=1, note=POISON))
    rebuild_both(rebuilding)
    for projection in BOTH:
        rebuilding.rebuild.switch(projection)
    parked = {projection: rebuilding.ledger.views.parked(Generation(projection, 2)) for projection in BOTH}
    assert [(f.stream, f.version, f.error) for found in parked.values() for f in found] == [
        (account("c"), 7, "KeyError")
    ] * 2

    rebuilding.ledger.cured.cured = True
    for projection in BOTH:
        assert rebuilding.ledger.runner.retry(projection, account("c")) is None

    assert rebuilding.complete(2)
    assert not any(rebuilding.ledger.views.parked(Generation(projection, 2)) for projection in BOTH)


def test_a_bad_deployment_is_blamed_on_no_stream() -> None:
    rebuilding = Rebuilding(buckets=1)
    for name in NAMES:
        rebuilding.ledger.commit(account(name), Deposited(amount=1, note=POISON))
    rebuilding.rebuild.start("balances")

    with pytest.raises(BatchFailed):
        rebuilding.run()
    rebuilding.ledger.cured.cured = True
    rebuilding.run()

    assert rebuilding.rebuild.progress("balances").failed == 0
    assert rebuilding.balances(2)[account("a")].version == 1


def test_of_two_who_start_at_once_the_slower_one_decides_nothing(
    rebuilding: Rebuilding, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection_states, slower = rebuilding.ledger.projection_states, rebuilding.rebuild
    get = projection_states.get

    def overtaken(projections: Sequence[str]) -> Mapping[str, ProjectionState]:
        monkeypatch.setattr(projection_states, "get", get)
        seen = get(projections)
        rebuilding.rebuild.start("balances")
        return seen

    monkeypatch.setattr(projection_states, "get", overtaken)
    with pytest.raises(ProjectionStateChanged):
        slower.start("balances", switch_when_equal=True)
    rebuilding.run()

    assert (rebuilding.stage("balances", 2), rebuilding.live("balances")) == (Stage.READY, 1)


def test_starting_again_continues_what_was_begun(rebuilding: Rebuilding) -> None:
    first = rebuilding.rebuild.start("balances", write_rate=7)
    rebuilding.messages.waiting.clear()

    again = rebuilding.rebuild.start("balances", write_rate=8)
    rebuilding.run()

    assert (again.generation, again.started_at) == (first.generation, first.started_at)
    assert rebuilding.stage("balances", 2) is Stage.READY
    with pytest.raises(TransitionRejected):
        rebuilding.rebuild.start("balances")


def test_an_unknown_projection_is_refused(rebuilding: Rebuilding) -> None:
    for act in (rebuilding.rebuild.start, rebuilding.rebuild.progress, rebuilding.rebuild.switch):
        with pytest.raises(ConfigurationError, match="balances, turnover"):
            act("sales")
    with pytest.raises(TransitionRejected):
        rebuilding.rebuild.progress("balances")


def test_a_cancelled_generation_leaves_nothing_and_its_number_is_not_given_again(rebuilding: Rebuilding) -> None:
    rebuilding.rebuild.start("turnover")
    while not rebuilding.turnover(2):
        rebuilding.step()

    rebuilding.rebuild.cancel("turnover")
    rebuilding.run()

    assert gone(rebuilding, "turnover", 2)
    assert [info.number for info in rebuilding.projection_states.get(["turnover"])["turnover"].generations] == [1]
    assert rebuilding.rebuild.start("turnover").generation == 3


def test_a_kept_generation_is_deleted_once_nothing_reads_it(rebuilding: Rebuilding) -> None:
    rebuild_both(rebuilding, switch_when_equal=True)
    rebuilding.ledger.clock.move(timedelta(minutes=1))

    for projection in BOTH:
        rebuilding.rebuild.drop(projection, 1)
    rebuilding.run()

    assert all(gone(rebuilding, projection, 1) for projection in BOTH)
    assert rebuilding.complete(2)
    with pytest.raises(TransitionRejected):
        rebuilding.rebuild.drop("balances", 2)


def test_rows_are_deleted_only_when_no_projector_writes_them_any_more(rebuilding: Rebuilding) -> None:
    rebuild_both(rebuilding, switch_when_equal=True)
    rebuilding.ledger.clock.move(timedelta(minutes=1))
    rebuilding.rebuild.drop("balances", 1)
    count = len(rebuilding.messages.waiting)

    for _ in range(count):
        rebuilding.step()

    assert len(rebuilding.balances(1)) == len(NAMES)
    assert [delay for _, delay in rebuilding.messages.waiting] == [90] * count


def test_a_projection_that_the_domain_gave_up_is_removed(rebuilding: Rebuilding) -> None:
    rebuild_both(rebuilding, switch_when_equal=True)
    with pytest.raises(ConfigurationError, match="in use"):
        rebuilding.rebuild.remove("turnover")
    rebuilding.ledger.projections = [rebuilding.ledger.balances]

    assert [progress.generation for progress in rebuilding.rebuild.remove("turnover")] == [1, 2]
    rebuilding.run()

    assert gone(rebuilding, "turnover", 1)
    assert gone(rebuilding, "turnover", 2)
    assert rebuilding.live("turnover") == 3


def test_what_has_to_wait_for_longer_than_a_message_can_waits_several_times(rebuilding: Rebuilding) -> None:
    rebuilding.pace = Pace(workers=1, settle=timedelta(hours=1))
    began = rebuilding.ledger.clock.now
    rebuilding.rebuild.start("balances", switch_when_equal=True)
    rebuilding.run()
    assert rebuilding.live("balances") == 2
    assert timedelta(hours=1) < rebuilding.ledger.clock.now - began < timedelta(hours=2)


@pytest.mark.parametrize("remaining", [1.0, MARGIN_SECONDS - 1])
def test_a_worker_stops_in_time_and_the_next_one_continues(rebuilding: Rebuilding, remaining: float) -> None:
    unhurried = Rebuilding()
    for each in (rebuilding, unhurried):
        each.rebuild.start("balances", switch_when_equal=True)
    unhurried.run()

    rebuilding.run(remaining)

    assert rebuilding.messages.handed_out > unhurried.messages.handed_out
    assert rebuilding.complete_state(2)
    assert rebuilding.live("balances") == 2


def test_a_rebuild_appends_nothing(rebuilding: Rebuilding) -> None:
    store = rebuilding.ledger.store
    before = [entry for bucket in range(store.table.buckets) for entry in store.log(bucket)]

    rebuild_both(rebuilding, switch_when_equal=True)

    assert [entry for bucket in range(store.table.buckets) for entry in store.log(bucket)] == before


def spoil(rebuilding: Rebuilding, name: str) -> None:
    """Falsify an account's row in the first generation."""
    views, generation = rebuilding.ledger.views, Generation("balances")
    row = views.states(generation, [account(name)])[account(name)]
    spoiled = replace(row, state=row.state.replace('"total":', '"total":1'))
    views.put_state(generation, spoiled, row.version)


def gone(rebuilding: Rebuilding, projection: str, number: int) -> bool:
    """Whether a generation left neither rows nor cursors nor a build."""
    views, generation = rebuilding.ledger.views, Generation(projection, number)
    streams = [account(name) for name in NAMES]
    return not (
        list(views.all_states(generation))
        or views.all_rows(generation)
        or views.checkpoints(generation, streams)
        or rebuilding.builds.build(generation)
    )
