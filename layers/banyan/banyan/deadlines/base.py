"""Deadlines as they are kept, and the port to the table that keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Protocol

from pydantic import BaseModel

from banyan.decider import AnyDecider
from banyan.errors import ConfigurationError
from banyan.events import Metadata
from banyan.store.base import timestamp
from banyan.streams import StreamId


@dataclass(frozen=True, slots=True)
class Deadline:
    """A command that waits for its time.

    Parameters
    ----------
    stream : StreamId
        Where it goes.
    due : datetime
        UTC.
    command : BaseModel
        One of the classes in the ``deferred`` of the entity's decider.
    commit_id : str
        The same whenever the event is reacted to: two deadlines are one when it is equal.
    metadata : Metadata
        For the events that follow.
    """

    stream: StreamId
    name: str
    due: datetime
    command: BaseModel
    commit_id: str
    metadata: Metadata


class Deadlines(Protocol):
    """Where deadlines wait."""

    def schedule(self, deadline: Deadline) -> None:
        """Keep a deadline; one that is kept already stays as it is. Raises ``StoreUnavailable``."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A deadline with its command as text: what can no longer be read can still be kept and parked.

    Parameters
    ----------
    command_type : str
        Name of the command's class.
    command : str
        JSON.
    attempts : int
        How often it failed.
    error : str
        Why, the last time.
    bucket : int, optional
        Where it was found: there it has to be changed, whatever the number of buckets is by then.
    """

    stream: StreamId
    name: str
    due: datetime
    command_type: str
    command: str
    commit_id: str
    metadata: Metadata
    attempts: int = 0
    error: str = ""
    bucket: int | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """Sorts by due time; two deadlines are one when it is equal."""
        return f"{timestamp(self.due)}#{self.stream}#{self.name}#{self.commit_id}"


class WaitingDeadlines(Deadlines, Protocol):
    """Where deadlines wait, are worked off and, when they keep failing, lie parked.

    Every method may raise ``StoreUnavailable``, and may be repeated after it.
    """

    def due(self, now: datetime, most: int | None = None) -> Iterator[Waiting]:
        """What is due at ``now``, in the order of due times, fetched as it is consumed; it may be removed meanwhile.

        Parameters
        ----------
        most : int, optional
            Whoever wants so many at most says so, and less is read.
        """

    def remove(self, waiting: Waiting) -> None:
        """Forget a deadline; one that is gone is not an error."""

    def put_back(self, waiting: Waiting) -> None:
        """Keep what changed of a deadline that still waits; one that is gone stays gone."""

    def park(self, waiting: Waiting) -> None:
        """Put a deadline aside."""

    def parked(self, most: int | None = None) -> Iterator[Waiting]:
        """Deadlines that were put aside, in the order of due times."""

    def unpark(self, waiting: Waiting) -> None:
        """Let a parked deadline wait again, as if it had never failed."""


def waiting(deadline: Deadline) -> Waiting:
    """A deadline as it is kept."""
    return Waiting(
        stream=deadline.stream,
        name=deadline.name,
        due=deadline.due,
        command_type=type(deadline.command).__name__,
        command=deadline.command.model_dump_json(by_alias=True),
        commit_id=deadline.commit_id,
        metadata=deadline.metadata,
    )


def unfailed(deadline: Waiting) -> Waiting:
    """A deadline as if it had never failed."""
    return replace(deadline, attempts=0, error="")


def deferred_commands(deciders: Iterable[AnyDecider], entity: str) -> Sequence[type[BaseModel]]:
    """The classes of commands that may wait for a time, of one entity."""
    return [kind for decider in deciders if decider.entity == entity for kind in decider.deferred]


def command_of(deciders: Iterable[AnyDecider], deadline: Waiting) -> BaseModel:
    """The command of a deadline.

    Raises
    ------
    ConfigurationError
        Its decider does not know it.
    pydantic.ValidationError
        It was written by other code than this.
    """
    for kind in deferred_commands(deciders, deadline.stream.entity):
        if kind.__name__ == deadline.command_type:
            return kind.model_validate_json(deadline.command)
    raise ConfigurationError(f"{deadline.command_type} is not among the deferred commands of its decider")


class MemoryDeadlines:
    """Keeps deadlines in dictionaries."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}
        self._parked: dict[str, Waiting] = {}

    def schedule(self, deadline: Deadline) -> None:
        kept = waiting(deadline)
        self._waiting.setdefault(kept.key, kept)

    def due(self, now: datetime, most: int | None = None) -> Iterator[Waiting]:
        return islice((kept for _, kept in sorted(self._waiting.items()) if kept.due <= now), most)

    def remove(self, waiting: Waiting) -> None:
        self._waiting.pop(waiting.key, None)

    def put_back(self, waiting: Waiting) -> None:
        if waiting.key in self._waiting:
            self._waiting[waiting.key] = waiting

    def park(self, waiting: Waiting) -> None:
        self._parked[waiting.key] = waiting
        self.remove(waiting)

    def parked(self, most: int | None = None) -> Iterator[Waiting]:
        return iter([kept for _, kept in sorted(self._parked.items())][:most])

    def unpark(self, waiting: Waiting) -> None:
        self._waiting[waiting.key] = unfailed(waiting)
        self._parked.pop(waiting.key, None)
