"""A check that a projection gives the same rows whenever, however often and in whatever order it gets its events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import PurePath
from typing import Any

from banyan.events import Event
from banyan.projections.base import Projection, Put, Remove, ViewProjection
from banyan.projections.memory import MemoryViews
from banyan.projections.views import Generation
from banyan.store import EventStore
from banyan.streams import StreamId
from banyan.testing.clocks import another_clock
from banyan.testing.deliveries import deliveries
from banyan.testing.differences import assert_same
from banyan.testing.projections import ProjectionSpec, all_commits

Handler = Callable[..., Any]


def check_determinism(spec: ProjectionSpec) -> None:
    """Fold a history several times: event by event, under another clock, and as deliveries shuffle and repeat it.

    ``check_determinism(ProjectionSpec(ORDERS, REGISTRY).given("acme:order:o-1", created, paid))``

    Parameters
    ----------
    spec : ProjectionSpec
        Its history should reach every event, and more than one stream.

    Raises
    ------
    AssertionError
        Naming the handler with its file and line, and the event or the row in which its answers differ.
    """
    store = spec.recorded()
    events = [event for commit in all_commits(store) for event in store.decode(commit)]
    _check_answers(spec.projection, events)
    _check_shared_rows(spec.projection, events)
    _check_deliveries(spec, store)


def _check_answers(projection: Projection, events: Sequence[Event]) -> None:
    handler = _handler(projection)
    for event, ask in _questions(projection, events):
        first, second = ask(), ask()
        assert first == second, _blame(handler, event, "answers differently when asked again")
        with another_clock(_package(handler)):
            later = ask()
        assert first == later, _blame(handler, event, "answers differently under another clock")


def _check_shared_rows(projection: Projection, events: Sequence[Event]) -> None:
    """Only what adds up may go into rows of many streams: of anything else the last one to come wins."""
    if not isinstance(projection, ViewProjection):
        return
    writers: dict[tuple[str, str, str], set[StreamId]] = defaultdict(set)
    setters = set()
    for event in events:
        for write in projection.apply(event):
            row = (event.stream_id.tenant, write.partition, write.sort)
            writers[row].add(event.stream_id)
            setters |= {row} if isinstance(write, Put | Remove) else set()
    shared = sorted(row for row in setters if len(writers[row]) > 1)
    assert not shared, (
        f"{place_of(projection.apply)} puts or removes the row {'#'.join(shared[0])}, which {len(writers[shared[0]])} "
        "streams share: what is there in the end depends on which comes last, so use Add"
    )


def _check_deliveries(spec: ProjectionSpec, store: EventStore) -> None:
    commits = all_commits(store)
    expected = _content(spec, spec.projected(store, [commits]))
    for way, batches in deliveries(commits):
        with another_clock(_package(_handler(spec.projection))):
            found = _content(spec, spec.projected(store, batches))
        assert_same(f"{place_of(_handler(spec.projection))} depends on the delivery: {way}", expected, found)


def _questions(projection: Projection, events: Sequence[Event]) -> Iterator[tuple[Event, Callable[[], Any]]]:
    """Each event with its handler's answer to it, behind the events before it in its stream."""
    if isinstance(projection, ViewProjection):
        yield from ((event, partial(projection.apply, event)) for event in events)
        return
    states: dict[StreamId, Any] = {}
    for event in events:
        ask = partial(projection.evolve, states.get(event.stream_id, projection.initial()), event)
        yield event, ask
        states[event.stream_id] = ask()


def _content(spec: ProjectionSpec, views: MemoryViews) -> Any:
    generation = Generation(spec.projection.name)
    if isinstance(spec.projection, ViewProjection):
        return {
            str(key): (row.version, dict(row.fields))
            for key, row in sorted(views.all_rows(generation).items(), key=str)
        }
    rows = sorted(views.all_states(generation), key=lambda row: row.stream)
    return {str(row.stream): (row.version, row.state, dict(row.lookups)) for row in rows}


def _handler(projection: Projection) -> Handler:
    return projection.apply if isinstance(projection, ViewProjection) else projection.evolve


def _package(handler: Handler) -> str:
    return str(getattr(handler, "__module__", "")).partition(".")[0]


def place_of(handler: Handler) -> str:
    """Name, file and line of a function."""
    code = getattr(handler, "__code__", None)
    name = getattr(handler, "__qualname__", type(handler).__qualname__)
    return f"{name} ({PurePath(code.co_filename).name}:{code.co_firstlineno})" if code else name


def _blame(handler: Handler, event: Event, what: str) -> str:
    return f"{place_of(handler)} {what}, at {event.event_type} {event.version} of {event.stream_id}"
