"""Finds what is not pure: a clock, dice, or a fold that depends on how often and how late it sees an event."""

from __future__ import annotations

import datetime as datetimes
import gc
import io
import random
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from pathlib import PurePath
from types import FrameType, ModuleType
from typing import Any, Final
from unittest.mock import patch

from banyan.domain import Domain
from banyan.events import DomainEvent, Event
from banyan.projections.base import (
    AnyRowsProjection,
    Projection,
    Put,
    Remove,
    RowsProjection,
    StreamProjection,
    ViewProjection,
)
from banyan.projections.memory import MemoryViews
from banyan.projections.owned import RowFold, expiry
from banyan.projections.views import Generation
from banyan.store import EventStore
from banyan.streams import StreamId
from banyan.testing.played import play
from banyan.testing.projections import ProjectionSpec, all_commits, deliveries
from banyan.testing.specs import assert_same

SHIFT: Final = datetimes.timedelta(days=400, hours=7, minutes=11, seconds=13)

_NANOSECONDS: Final = frozenset({"time_ns", "monotonic_ns", "perf_counter_ns"})
_SECONDS: Final = frozenset({"time", "monotonic", "perf_counter"})


class _SameInstances(type):
    """Moments made before count as moments of the other clock."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])


class _Datetime(datetimes.datetime, metaclass=_SameInstances):
    @classmethod
    def now(cls, tz: datetimes.tzinfo | None = None) -> Any:
        return _REAL_DATETIME.now(tz) + SHIFT

    @classmethod
    def utcnow(cls) -> Any:
        return _REAL_DATETIME.now(datetimes.UTC).replace(tzinfo=None) + SHIFT

    @classmethod
    def today(cls) -> Any:
        return cls.now()


class _Date(datetimes.date, metaclass=_SameInstances):
    @classmethod
    def today(cls) -> Any:
        return (_REAL_DATETIME.now() + SHIFT).date()


_REAL_DATETIME: Final = datetimes.datetime
_REAL_DATE: Final = datetimes.date


@contextmanager
def another_clock(package: str) -> Iterator[None]:
    """Let every clock of Python be more than a year ahead.

    Parameters
    ----------
    package : str
        In the modules of this package the clocks that were imported by name are replaced, too.
    """
    replaced = _replacements()
    own = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == package and module]
    with ExitStack() as patches:
        for module in (datetimes, time, *own):
            for name, other in _clocks_in(module, replaced):
                patches.enter_context(patch.object(module, name, other))
        yield


def _replacements() -> dict[int, Any]:
    """The other clock by the identity of the one it takes the place of."""
    clocks = [(getattr(time, name), 1.0) for name in _SECONDS] + [(getattr(time, name), 1e9) for name in _NANOSECONDS]
    found: dict[int, Any] = {id(clock): _ahead(clock, unit) for clock, unit in clocks}
    return found | {id(_REAL_DATETIME): _Datetime, id(_REAL_DATE): _Date}


def _clocks_in(module: ModuleType, replaced: dict[int, Any]) -> list[tuple[str, Any]]:
    return [(name, replaced[id(value)]) for name, value in vars(module).items() if id(value) in replaced]


def _ahead(clock: Callable[[], Any], unit: float) -> Callable[[], Any]:
    shift = type(clock())(SHIFT.total_seconds() * unit)
    return lambda: clock() + shift


_IMPURE_MODULES: Final = frozenset({"time", "posix", "nt", "_uuid", "_socket", "_ssl", "_posixsubprocess", "select"})
_PURE_NAMES: Final = frozenset({"fspath"})
_IMPURE_FUNCTIONS: Final = frozenset({("io", "open"), ("_io", "open"), ("builtins", "print"), ("builtins", "input")})
_IMPURE_OBJECTS: Final = (random.Random, socket.socket, io.IOBase)
_CLOCKS: Final = frozenset({"now", "utcnow", "today"})


def check_purity(
    domain: Domain,
    entity: str,
    commands: Sequence[Any],
    expected: Collection[str] = (),
    given: Mapping[str, Sequence[DomainEvent]] | None = None,
    id: str = "1",
) -> list[DomainEvent]:
    """Give commands to a domain's decider or decisions and what follows to its projections and policies, twice.

    The second time every call of a clock, of a source of random or of the outside world is noticed.

    Parameters
    ----------
    entity : str
        Whose decider, projections and policies are to be checked.
    commands : Sequence[Command]
        For one stream, in order; they should reach every event. Rejected ones count too. One that the domain declares
        a decision for is decided over the streams that it names, the first of which, of this entity, is where the
        other commands go.
    expected : Collection[str]
        The types of event that the commands must lead to, for instance ``registry.event_types``; empty: any.
    given : Mapping[str, Sequence[DomainEvent]], optional
        What happened before, by ``entity:id``, to streams that decisions look at.
    id : str
        Of the stream that the commands go to, where none of them names it.

    Returns
    -------
    list[DomainEvent]
        What was decided, in all streams, to assert that nothing was left out.

    Raises
    ------
    AssertionError
        Naming each impure call and its line, the answer that differed, or the event that no command leads to.
    """
    first = play(domain, entity, commands, given or {}, id)
    with _watched() as calls:
        second = play(domain, entity, commands, given or {}, id)
    assert not calls, "impure domain code: " + ", ".join(dict.fromkeys(calls))
    assert_same("answers to the same commands", first.answers, second.answers)
    if expected:
        _check_reached({event.event_type() for event in first.decided}, set(expected))
    return first.decided


def _check_reached(decided: set[str], expected: set[str]) -> None:
    """That no event is left unchecked because its command was forgotten."""
    missing, others = ", ".join(sorted(expected - decided)), ", ".join(sorted(decided - expected))
    assert not missing, f"no command leads to {missing}: add one that does to the commands of check_purity"
    assert not others, f"the commands lead to {others}, not expected: add it to the registry or to what is expected"


@contextmanager
def _watched() -> Iterator[list[str]]:
    """Notice impure calls of this thread, however the function was imported."""
    calls: list[str] = []

    def notice(frame: FrameType, kind: str, function: Any) -> None:
        if kind == "c_call" and _impure(function):
            place = f"{PurePath(frame.f_code.co_filename).name}:{frame.f_lineno}"
            calls.append(f"{function.__qualname__} at {place}")

    before = sys.getprofile()
    with _no_collection():
        sys.setprofile(notice)
        try:
            yield calls
        finally:
            sys.setprofile(before)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the garbage collector: its callbacks and finalizers are not the domain's doing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _impure(function: Any) -> bool:
    owner, name = getattr(function, "__self__", None), function.__name__
    if isinstance(owner, type):
        return issubclass(owner, date) and name in _CLOCKS
    module = getattr(function, "__module__", None)
    if module in _IMPURE_MODULES:
        return name not in _PURE_NAMES
    return (module, name) in _IMPURE_FUNCTIONS or isinstance(owner, _IMPURE_OBJECTS)


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
    if isinstance(projection, RowsProjection):
        yield from _questions_on_rows(projection, events)
        return
    states: dict[StreamId, Any] = {}
    for event in events:
        ask = partial(projection.evolve, states.get(event.stream_id, projection.initial()), event)
        yield event, ask
        states[event.stream_id] = ask()


def _questions_on_rows(
    projection: AnyRowsProjection, events: Sequence[Event]
) -> Iterator[tuple[Event, Callable[[], Any]]]:
    folds: dict[StreamId, RowFold] = {}
    for event in events:
        fold = folds.setdefault(event.stream_id, RowFold(projection, projection.initial()))
        yield event, partial(_asked, projection, fold, event)
        fold.apply([event])


def _asked(projection: AnyRowsProjection, fold: RowFold, event: Event) -> Any:
    """What an event does to rows, and when these expire, by a fold that stays where it is."""
    asked = fold.copy()
    written = asked.apply([event])
    return asked.state, written, [expiry(projection, each.row) for each in written.values()]


def _content(spec: ProjectionSpec, views: MemoryViews) -> Any:
    generation = Generation(spec.projection.name)
    if isinstance(spec.projection, ViewProjection):
        return {
            str(key): (row.version, dict(row.fields))
            for key, row in sorted(views.all_rows(generation).items(), key=str)
        }
    rows = sorted(views.all_states(generation), key=lambda row: row.stream)
    return {
        str(row.stream): (row.version, row.state, dict(row.lookups), _owned(views, generation, row.stream))
        for row in rows
    }


def _owned(views: MemoryViews, generation: Generation, stream: StreamId) -> list[Any]:
    rows = views.list_owned(generation, stream)
    return [(row.sort, row.version, row.content, dict(row.lookups), row.expires) for row in rows]


def _handler(projection: Projection) -> Handler:
    return projection.evolve if isinstance(projection, StreamProjection) else projection.apply


def _package(handler: Handler) -> str:
    return str(getattr(handler, "__module__", "")).partition(".")[0]


def place_of(handler: Handler) -> str:
    """Name, file and line of a function."""
    code = getattr(handler, "__code__", None)
    name = getattr(handler, "__qualname__", type(handler).__qualname__)
    return f"{name} ({PurePath(code.co_filename).name}:{code.co_firstlineno})" if code else name


def _blame(handler: Handler, event: Event, what: str) -> str:
    return f"{place_of(handler)} {what}, at {event.event_type} {event.version} of {event.stream_id}"
