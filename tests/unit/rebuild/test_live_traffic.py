"""Events keep flowing while a projection is rebuilt, and readers never see half of it."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.ledger import Deposited, Withdrawn, account
from tests.support.projections import same
from tests.support.rebuild import Rebuilding

from banyan.projections.views import Generation

NAMES = "abcd"
BOTH = ("balances", "turnover")

movements = st.tuples(st.sampled_from(NAMES), st.integers(-9, 9).filter(bool))
Movement = tuple[str, int]
Act = Callable[[Rebuilding], None]


def append(movement: Movement, delivered: bool) -> Act:
    """Append a movement; the projector hears of it now, or only with the next one."""
    name, amount = movement

    def act(rebuilding: Rebuilding) -> None:
        event = Deposited(amount=amount) if amount > 0 else Withdrawn(amount=-amount)
        commit = rebuilding.ledger.commit(account(name), event)
        if delivered:
            rebuilding.ledger.runner.project([commit])

    return act


def begin(rebuilding: Rebuilding) -> None:
    """Begin both rebuilds, unless they were begun."""
    for projection in BOTH:
        if rebuilding.projection_states.get([projection])[projection].newest == 1:
            rebuilding.rebuild.start(projection, switch_when_equal=True)


def step(rebuilding: Rebuilding) -> None:
    """Go on a little with one segment."""
    if rebuilding.messages.waiting:
        rebuilding.step()


def grow(rebuilding: Rebuilding) -> None:
    """Raise the number of the log's buckets."""
    rebuilding.ledger.store.table.buckets += 3


acts = st.one_of(st.builds(append, movements, st.booleans()), st.just(begin), st.just(step), st.just(grow))


@settings(max_examples=30)
@given(st.lists(st.builds(append, movements, st.just(True)), max_size=8), st.lists(acts, max_size=25))
def test_whatever_happens_meanwhile_it_ends_equal_to_a_fold(before: list[Act], meanwhile: list[Act]) -> None:
    rebuilding = Rebuilding(buckets=2)
    for act in (*before, *meanwhile):
        act(rebuilding)
        served(rebuilding)
    begin(rebuilding)
    for name in NAMES:
        append((name, 1), True)(rebuilding)

    rebuilding.run()

    assert [rebuilding.live(projection) for projection in BOTH] == [2, 2]
    assert rebuilding.complete(1)
    assert rebuilding.complete(2)


def served(rebuilding: Rebuilding) -> None:
    """What queries read is, for every account, a fold up to some version, and of everything the projector heard of."""
    generation = Generation("balances", rebuilding.live("balances"))
    ledger = rebuilding.ledger
    for stream, row in ledger.views.states(generation, [account(name) for name in NAMES]).items():
        assert same(row, ledger.expected_balance(stream, row.version))
        assert row.version >= rebuilding.balances(1)[stream].version
    generation = Generation("turnover", rebuilding.live("turnover"))
    heard = ledger.views.checkpoints(Generation("turnover", 1), [account(name) for name in NAMES])
    marks = ledger.views.checkpoints(generation, list(heard))
    assert all(marks[stream] >= version for stream, version in heard.items())
    assert rebuilding.turnover(generation.number) == ledger.expected_turnover(dict(marks))


def test_streams_in_buckets_that_came_during_a_build_are_in_it() -> None:
    rebuilding = Rebuilding(buckets=2)
    append(("a", 1), True)(rebuilding)
    begin(rebuilding)
    rebuilding.ledger.store.table.buckets = 16
    unheard = rebuilding.stale_runner()
    for name in "bcdefghijk":
        unheard.project([rebuilding.ledger.commit(account(name), Deposited(amount=1))])
    rebuilding.run()
    assert [rebuilding.live(projection) for projection in BOTH] == [2, 2]
    assert rebuilding.complete(2)
