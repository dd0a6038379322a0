"""A check that a domain's functions are pure: no clock, no random, no I/O."""

from __future__ import annotations

import gc
import io
import random
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import reduce
from pathlib import PurePath
from types import FrameType
from typing import Any, Final

from banyan.domain import Domain
from banyan.errors import CommandRejected
from banyan.events import DomainEvent, Event, Metadata
from banyan.projections.base import ViewProjection
from banyan.streams import StreamId
from banyan.testing.differences import assert_same

MOMENT: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

_IMPURE_MODULES: Final = frozenset({"time", "posix", "nt", "_uuid", "_socket", "_ssl", "_posixsubprocess", "select"})
_PURE_NAMES: Final = frozenset({"fspath"})
_IMPURE_FUNCTIONS: Final = frozenset({("io", "open"), ("_io", "open"), ("builtins", "print"), ("builtins", "input")})
_IMPURE_OBJECTS: Final = (random.Random, socket.socket, io.IOBase)
_CLOCKS: Final = frozenset({"now", "utcnow", "today"})


@dataclass
class Played:
    """All that a domain's functions answered to some commands."""

    events: list[DomainEvent] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)


def check_purity(domain: Domain, entity: str, commands: Sequence[Any]) -> list[DomainEvent]:
    """Give commands to a domain's decider and what follows to its projections and policies, twice.

    The second time every call of a clock, of a source of random or of the outside world is noticed.

    Parameters
    ----------
    entity : str
        Whose decider, projections and policies are to be checked.
    commands : Sequence[Command]
        For one stream, in order; they should reach every event. Rejected ones count too.

    Returns
    -------
    list[DomainEvent]
        What was decided, to assert that nothing was left out.

    Raises
    ------
    AssertionError
        Naming each impure call and its line, or the answer that differed.
    """
    first = _play(domain, entity, commands)
    with _watched() as calls:
        second = _play(domain, entity, commands)
    assert not calls, "impure domain code: " + ", ".join(dict.fromkeys(calls))
    assert_same("answers to the same commands", first.answers, second.answers)
    return first.events


def _play(domain: Domain, entity: str, commands: Sequence[Any]) -> Played:
    decider = domain.decider(entity)
    played, state = Played(), decider.initial()
    for command in commands:
        try:
            decided = list(decider.decided(command, state))
        except CommandRejected as rejection:
            played.answers.append((rejection.code, rejection.detail, rejection.field))
            continue
        state = decider.fold(decided, state)
        played.answers += [decided, state]
        played.events += decided
    stream = StreamId("acme", entity, "1")
    events = [_recorded(stream, index + 1, event) for index, event in enumerate(played.events)]
    played.answers += [*_projected(domain, entity, events), *_reacted(domain, entity, events)]
    return played


def _reacted(domain: Domain, entity: str, events: Sequence[Event]) -> Iterator[Any]:
    for policy in domain.policies:
        if policy.entity == entity:
            pasts = ((event, events[:count]) for count, event in enumerate(events, start=1))
            yield policy.name, [list(policy.react(event, lambda past=past: past)) for event, past in pasts]  # type: ignore[misc]


def _projected(domain: Domain, entity: str, events: Sequence[Event]) -> Iterator[Any]:
    for projection in domain.projections:
        if projection.entity != entity:
            continue
        if isinstance(projection, ViewProjection):
            yield projection.name, [list(projection.apply(event)) for event in events]
        else:
            row = reduce(projection.evolve, events, projection.initial())
            yield projection.name, row, [(each.partition(row), each.sort(row)) for each in projection.lookups]


def _recorded(stream: StreamId, version: int, event: DomainEvent) -> Event:
    return Event(
        event_id=str(version),
        event_type=event.event_type(),
        stream_id=stream,
        version=version,
        timestamp=MOMENT,
        payload=event,
        metadata=Metadata(),
    )


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
