"""Policies as a domain declares them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel

from banyan.errors import ConfigurationError
from banyan.events import Event
from banyan.projections.views import Generation

REACTOR: Final = Generation("reactor")
"""Stands for the reactor among the projections."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")

History = Callable[[], Sequence[Event]]
"""The events of the stream up to and including the one reacted to; read only when called."""


@dataclass(frozen=True, slots=True)
class Send:
    """Handle a command now.

    Parameters
    ----------
    entity, id : str
        Of the stream it goes to, which has the event's tenant.
    step : str
        Distinguishes this reaction from the others of the same policy to the same event.
    existing : bool
        Leave it out when the stream does not exist. One batch read finds that out for all such reactions to an event,
        so those that come to nothing cost almost nothing.
    """

    entity: str
    id: str
    command: Any
    step: str
    existing: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """Handle a command later; one that has become pointless by then must decide nothing.

    Parameters
    ----------
    name : str
        Of the deadline; distinguishes this reaction from the others of the same policy to the same event.
    entity, id : str
        Of the stream it goes to, which has the event's tenant.
    command : BaseModel
        One of the classes in the decider's ``deferred``.
    after : timedelta, optional
        Counted from the recording of the event; without it the setting ``<name>_deadline_minutes`` says.
    """

    name: str
    entity: str
    id: str
    command: BaseModel
    after: timedelta | None = None


Reaction = Send | Schedule


@dataclass(frozen=True, slots=True)
class Policy:
    """Whenever this happens, then do that.

    Parameters
    ----------
    name : str
        Part of every commit id it causes: never rename it.
    entity : str
        Entity whose streams it reacts to.
    react : Callable[[Event, History], Sequence[Send | Schedule]]
        Pure. The history is for reactions that depend on what came before.
    sends_to : Sequence[str]
        Entities that it sends commands to, where the manifest is to check that there are such.
    schedules : Sequence[type[BaseModel]]
        Commands that it schedules, where the manifest is to check that they are deferred.
    """

    name: str
    entity: str
    react: Callable[[Event, History], Sequence[Reaction]]
    sends_to: Sequence[str] = ()
    schedules: Sequence[type[BaseModel]] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(f"policy {self.name!r}: use letters, digits, '_' and '-'")
