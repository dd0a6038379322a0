"""Whatever the delivery does, read models end equal to a fold over the event table."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.ledger import Deposited, Withdrawn, account
from tests.support.projections import Ledger, same

from banyan.events import DomainEvent
from banyan.projections.memory import MemoryViews
from banyan.projections.views import Generation, StateRow, ViewUpdate
from banyan.store import Commit
from banyan.streams import StreamId

STREAMS = [account("anna"), account("ben"), account("anna", "globex")]

movements: st.SearchStrategy[DomainEvent] = st.one_of(
    st.builds(Deposited, amount=st.integers(1, 9), note=st.sampled_from(["", "x", "y"])),
    st.builds(Withdrawn, amount=st.integers(1, 9)),
)


@dataclass(frozen=True)
class History:
    """Commits in the order they were appended, and batches of indices into them."""

    commits: list[tuple[StreamId, list[DomainEvent]]]
    batches: list[list[int]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Batches shuffle, repeat, leave out and overlap; hypothesis draws them freely."""
    one = st.tuples(st.sampled_from(STREAMS), st.lists(movements, min_size=1, max_size=3))
    commits = draw(st.lists(one, min_size=1, max_size=12))
    indices = st.integers(0, len(commits) - 1)
    return History(commits, draw(st.lists(st.lists(indices, max_size=8), max_size=8)))


class Meddled(MemoryViews):
    """Lets another process act between a runner's read of a checkpoint and its write."""

    def __init__(self) -> None:
        super().__init__()
        self.meddlers: deque[Callable[[], object]] = deque()

    def put_state(self, generation: Generation, row: StateRow, from_version: int) -> None:
        self._let_in()
        super().put_state(generation, row, from_version)

    def update(self, generation: Generation, updates: Sequence[ViewUpdate], projected_at: datetime) -> None:
        self._let_in()
        super().update(generation, updates, projected_at)

    def _let_in(self) -> None:
        if self.meddlers:
            self.meddlers.popleft()()


def appended(ledger: Ledger, history: History) -> list[Commit]:
    return [commit for stream, events in history.commits for commit in ledger.append(stream, *events)]


def assert_folded_to_checkpoint(ledger: Ledger) -> None:
    """Every row is a fold over a beginning of its streams."""
    for stream in STREAMS:
        row = ledger.balance(stream)
        assert same(row, ledger.expected_balance(stream, row.version) if row else None)
    checkpoints = {stream: ledger.checkpoint(stream) for stream in STREAMS}
    assert ledger.turnover_rows() == ledger.expected_turnover(checkpoints)


def assert_folded_to_end(ledger: Ledger) -> None:
    """Every row is a fold over all of its streams."""
    assert ledger.turnover_rows() == ledger.expected_turnover()
    for stream in STREAMS:
        assert same(ledger.balance(stream), ledger.expected_balance(stream))


@given(histories())
@settings(max_examples=150)
def test_every_row_is_a_fold_up_to_its_checkpoint(history: History) -> None:
    ledger = Ledger()
    commits = appended(ledger, history)
    for batch in history.batches:
        assert not ledger.runner.project([commits[index] for index in batch])
        assert_folded_to_checkpoint(ledger)


@given(histories())
@settings(max_examples=150)
def test_the_last_commit_of_each_stream_makes_up_for_all_before(history: History) -> None:
    ledger = Ledger()
    commits = appended(ledger, history)
    for batch in history.batches:
        ledger.runner.project([commits[index] for index in batch])
    ledger.runner.project({commit.stream: commit for commit in commits}.values())
    assert_folded_to_end(ledger)


@given(histories())
@settings(max_examples=50)
def test_a_lost_end_is_made_up_for_by_resume(history: History) -> None:
    ledger = Ledger()
    commits = appended(ledger, history)
    for batch in history.batches:
        ledger.runner.project([commits[index] for index in batch])
    for stream in STREAMS:
        for projection in ("balances", "turnover"):
            assert ledger.runner.retry(projection, stream) is None
    assert_folded_to_end(ledger)


@given(histories(), histories())
@settings(max_examples=150)
def test_runners_that_cross_each_other_end_at_the_fold(history: History, other: History) -> None:
    views = Meddled()
    ledger = Ledger(views)
    commits = appended(ledger, history)
    second = ledger.make_runner()
    for batch in other.batches:
        crossing = [commits[index % len(commits)] for index in batch]
        views.meddlers.append(lambda crossing=crossing: second.project(crossing))  # type: ignore[misc]
    for batch in [*history.batches, list(range(len(commits)))]:
        assert not ledger.runner.project([commits[index] for index in batch])
    assert_folded_to_end(ledger)


@given(histories())
@settings(max_examples=50)
def test_appends_that_go_on_meanwhile_are_not_lost(history: History) -> None:
    views = Meddled()
    ledger = Ledger(views)
    delivered: list[Commit] = []
    for stream, events in history.commits:
        views.meddlers.append(
            lambda stream=stream, events=events: delivered.extend(ledger.append(stream, *events))  # type: ignore[misc]
        )
        batch = ledger.append(stream, *events)
        ledger.runner.project(batch)
    ledger.runner.project(delivered)
    assert_folded_to_end(ledger)
