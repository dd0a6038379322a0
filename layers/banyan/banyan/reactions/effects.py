"""The ports of the reactor: what acts on commits, and where deadlines are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from banyan.events import Event, Metadata
from banyan.store import Commit
from banyan.streams import StreamId


class Effect(Protocol):
    """Acts on the commits of each stream in the order of their versions."""

    def take(self, commit: Commit, events: Sequence[Event]) -> None:
        """Act on one commit and its events; a split one comes as its last part with all of its events.

        It may come again, also while an earlier call still runs elsewhere: a repeat must change nothing.
        ``StoreUnavailable`` delivers the batch again; any other error is the stream's own and stops it alone.
        """


@dataclass(frozen=True, slots=True)
class Deadline:
    """A command that waits for its time.

    Parameters
    ----------
    stream : StreamId
        Where it goes.
    name : str
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
