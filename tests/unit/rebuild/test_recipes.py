"""The recipes of docs/projections.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.ledger import Deposited, account, deposits
from tests.support.projections import Balance
from tests.support.rebuild import Rebuilding

from banyan.events import Event
from banyan.projections.base import Add, Projection, RowWrite, StreamProjection, ViewProjection
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.state import CachedStates, Stage
from banyan.projections.views import Generation, ViewKey
from banyan.streams import StreamId

NAMES = "abcd"


class Counted(Balance):
    """A balance that also counts, from a field with a default on."""

    movements: int = 0


@pytest.fixture
def rebuilding() -> Rebuilding:
    """Four accounts, in the rows of both projections."""
    rebuilding = Rebuilding()
    for name in NAMES:
        rebuilding.ledger.runner.project([rebuilding.ledger.commit(account(name), *deposits(1, 2))])
    return rebuilding


def deploy(rebuilding: Rebuilding, *projections: Projection) -> None:
    """Let new code run: the projector and the worker know these projections."""
    ledger = rebuilding.ledger
    ledger.projections = projections
    projection_states = CachedStates(ledger.projection_states, [projection.name for projection in projections], 0)
    ledger.runner = ProjectionProcessor(
        ledger.store, ledger.views, projections, states=projection_states, retry_policy=ledger.retry_policy
    )


def rebuild(rebuilding: Rebuilding, name: str) -> Sequence[str]:
    """Rebuild, and return the rows that differ."""
    rebuilding.rebuild.start(name)
    rebuilding.run()
    progress = rebuilding.rebuild.progress(name)
    assert progress.stage is Stage.READY
    return [difference.row for difference in progress.differences]


def sizes(event: Event) -> Sequence[RowWrite]:
    """How many deposits there were of each amount."""
    return [Add("sizes", str(event.payload.amount), {"count": 1})] if isinstance(event.payload, Deposited) else []


def count(balance: Counted, event: Event) -> Counted:
    """The changed handler."""
    assert isinstance(event.payload, Deposited)
    amounts = (*balance.amounts, event.payload.amount)
    return Counted(total=sum(amounts), amounts=amounts, movements=balance.movements + 1)


def test_a_new_projection_over_old_events(rebuilding: Rebuilding) -> None:
    ledger = rebuilding.ledger
    deploy(rebuilding, ledger.balances, ledger.turnover, ViewProjection("sizes", "account", sizes))
    ledger.runner.project([ledger.commit(account("a"), *deposits(1))])
    two = ViewKey("acme", "sizes", "2")
    assert ledger.views.all_rows(Generation("sizes", 1))[two].fields["count"] == 1

    assert rebuild(rebuilding, "sizes") == ["acme#sizes#1", "acme#sizes#2"]
    rebuilding.rebuild.switch("sizes")

    assert ledger.views.all_rows(Generation("sizes", rebuilding.live("sizes")))[two].fields["count"] == 4


@pytest.mark.parametrize("failing", [False, True])
def test_the_first_build_of_a_new_projection_switches_unless_a_stream_fails(
    rebuilding: Rebuilding, failing: bool
) -> None:
    def doubtful(event: Event) -> Sequence[RowWrite]:
        assert not (failing and event.stream_id == account("b")), "cannot be taken in"
        return sizes(event)

    ledger = rebuilding.ledger
    deploy(rebuilding, ledger.balances, ledger.turnover, ViewProjection("sizes", "account", doubtful))
    ledger.runner.project([ledger.commit(account("a"), *deposits(1))])
    rebuilding.walked = False
    rebuilding.rebuild.start("sizes", switch_when_equal=True)
    rebuilding.walked = True
    rebuilding.run()

    progress = rebuilding.rebuild.progress("sizes", 2)
    assert (progress.first, progress.different, progress.equal) == (True, 2, not failing)
    assert progress.stage is (Stage.READY if failing else Stage.LIVE)


def test_what_was_built_once_is_compared_though_the_catch_up_has_not_walked_for_it(rebuilding: Rebuilding) -> None:
    rebuilding.walked = False
    for number in (2, 3):
        assert rebuild(rebuilding, "balances") == []
        assert rebuilding.rebuild.progress("balances").first is (number == 2)
        rebuilding.rebuild.switch("balances")


def test_a_changed_projection(rebuilding: Rebuilding) -> None:
    ledger = rebuilding.ledger
    changed = StreamProjection("balances", "account", Counted, Counted, count)
    deploy(rebuilding, changed, ledger.turnover)
    ledger.runner.project([ledger.commit(account("a"), *deposits(3))])
    assert movements(rebuilding, "a") == 1

    assert len(rebuild(rebuilding, "balances")) == len(NAMES)
    rebuilding.rebuild.switch("balances")

    assert [movements(rebuilding, name) for name in NAMES] == [3, 2, 2, 2]
    ledger.clock.move(timedelta(minutes=1))
    rebuilding.rebuild.drop("balances", 1)
    rebuilding.run()
    assert rebuilding.balances(1) == {}


def test_a_projection_of_another_shape_under_a_new_name(rebuilding: Rebuilding) -> None:
    ledger = rebuilding.ledger
    renamed = replace(ledger.turnover, name="turnover_2", apply=sizes)
    deploy(rebuilding, ledger.balances, ledger.turnover, renamed)

    rebuild(rebuilding, "turnover_2")
    rebuilding.rebuild.switch("turnover_2")

    assert rebuilding.turnover(1) == ledger.expected_turnover()
    assert len(ledger.views.all_rows(Generation("turnover_2", 2))) == 2


def test_a_dropped_projection_and_one_of_its_name_later(rebuilding: Rebuilding) -> None:
    ledger = rebuilding.ledger
    deploy(rebuilding, ledger.balances)

    rebuilding.rebuild.remove("turnover")
    rebuilding.run()

    assert rebuilding.turnover(1) == {}
    deploy(rebuilding, ledger.balances, ledger.turnover)
    ledger.runner.project([], streams())
    assert rebuilding.turnover(rebuilding.live("turnover")) == ledger.expected_turnover()


def movements(rebuilding: Rebuilding, name: str) -> int:
    """What queries read of the new field."""
    row = rebuilding.balances(rebuilding.live("balances"))[account(name)]
    return Counted.model_validate_json(row.state).movements


def streams() -> list[StreamId]:
    """All accounts."""
    return [account(name) for name in NAMES]
