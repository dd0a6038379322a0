"""Deadlines as they are kept, and the port to the table that keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from banyan.domain import Domain
from banyan.errors import ConfigurationError
from banyan.events import Metadata
from banyan.reactions.effects import Deadline, Deadlines
from banyan.store.chain import timestamp
from banyan.streams import StreamId


@dataclass(frozen=True, slots=True)
class Waiting:
    """A deadline with its command as text: what can no longer be read can still be kept and parked.

    Parameters
    ----------
    stream, name, due, commit_id, metadata
        As in ``Deadline``.
    command_type : str
        Name of the command's class.
    command : str
        JSON.
    attempts : int
        How often it failed.
    error : str
        Why, the last time.
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

    @property
    def key(self) -> str:
        """Sorts by due time; two deadlines are one when it is equal."""
        return f"{timestamp(self.due)}#{self.stream}#{self.name}#{self.commit_id}"


class WaitingDeadlines(Deadlines, Protocol):
    """Where deadlines wait, are worked off and, when they keep failing, lie parked.

    Every method may raise ``StoreUnavailable``, and may be repeated after it.
    """

    def due(self, now: datetime) -> Iterator[Waiting]:
        """What is due at ``now``, in the order of due times, fetched as it is consumed; it may be removed meanwhile."""

    def remove(self, waiting: Waiting) -> None:
        """Forget a deadline; one that is gone is no error."""

    def put_back(self, waiting: Waiting) -> None:
        """Keep what changed of a deadline that still waits; one that is gone stays gone."""

    def park(self, waiting: Waiting) -> None:
        """Put a deadline aside."""

    def parked(self) -> Iterator[Waiting]:
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
    """A deadline that starts anew."""
    return replace(deadline, attempts=0, error="")


def command_of(domain: Domain, deadline: Waiting) -> BaseModel:
    """The command of a deadline.

    Raises
    ------
    ConfigurationError
        The decider does not know it.
    pydantic.ValidationError
        It was written by other code than this.
    """
    for kind in domain.decider(deadline.stream.entity).deferred:
        if kind.__name__ == deadline.command_type:
            return kind.model_validate_json(deadline.command)
    raise ConfigurationError(f"{deadline.command_type} is not among the deferred commands of its decider")
