"""Projections as a domain declares them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from banyan.errors import ConfigurationError
from banyan.events import Event

MAX_LOOKUPS: Final = 3

RESERVED_NAMES: Final = frozenset({"reactor"})
"""Cursors of the engine's own stand under these: a projection must neither share nor delete them."""

S = TypeVar("S", bound=BaseModel)

_NAME = re.compile(r"[A-Za-z0-9_-]+")

Value = str | int | Decimal
Entities = str | Sequence[str]
"""One entity, or several."""


@dataclass(frozen=True, slots=True)
class Lookup(Generic[S]):
    """A way to list the rows of a ``StreamProjection``.

    Parameters
    ----------
    name : str
        Under which queries ask for it.
    partition : Callable[[State], str]
        Rows with the same value are listed together.
    sort : Callable[[State], str]
        Their order, as text.
    """

    name: str
    partition: Callable[[S], str]
    sort: Callable[[S], str]


@dataclass(frozen=True, slots=True)
class StreamProjection(Generic[S]):
    """One row per stream: a fold of its events.

    Parameters
    ----------
    name : str
        Part of the key of every row: never rename it.
    entity : str or Sequence[str]
        Entity whose streams it reads, or several: each stream has a row of its own.
    state : type[State]
        Frozen pydantic model of a row.
    initial : Callable[[], State]
        Row before the first event.
    evolve : Callable[[State, Event], State]
        Pure; gets the whole event with its version, time and metadata.
    lookups : Sequence[Lookup]
        At most three; their order is their index, so add new ones at the end.
    version : int
        Raise it when the rows' shape or meaning changes, or the entities do: rows of an older version then count as
        missing, and the projection asks for a rebuild instead of being reported as drifted.
    """

    name: str
    entity: Entities
    state: type[S]
    initial: Callable[[], S]
    evolve: Callable[[S, Event], S]
    lookups: Sequence[Lookup[S]] = field(default=())
    version: int = 1

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_entities(self.name, self.entities)
        if len(self.lookups) > MAX_LOOKUPS:
            raise ConfigurationError(f"projection {self.name!r} has more than {MAX_LOOKUPS} lookups")

    @property
    def entities(self) -> tuple[str, ...]:
        """All entities that it reads."""
        return each_entity(self.entity)


@dataclass(frozen=True, slots=True)
class Add:
    """Add to the numbers of a row; safe for rows that many streams share.

    Parameters
    ----------
    partition, sort : str
        Key of the row within tenant and projection.
    numbers : Mapping[str, int | Decimal]
        Amounts by field; a missing row or field counts as 0.
    """

    partition: str
    sort: str
    numbers: Mapping[str, int | Decimal]


@dataclass(frozen=True, slots=True)
class Put:
    """Set fields of a row, others stay; only for rows that belong to a single stream."""

    partition: str
    sort: str
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a row; only for rows that belong to a single stream."""

    partition: str
    sort: str


RowWrite = Add | Put | Remove


@dataclass(frozen=True, slots=True)
class ViewProjection:
    """Many streams into many rows, such as totals per customer.

    Parameters
    ----------
    name : str
        Part of the key of every row: never rename it.
    entity : str or Sequence[str]
        Entity whose streams it reads, or several: an event says of which stream it is.
    apply : Callable[[Event], Sequence[RowWrite]]
        Pure: the writes one event asks for.
    version : int
        Raise it when the rows' meaning changes, or the entities do: the projection then asks for a rebuild.
    """

    name: str
    entity: Entities
    apply: Callable[[Event], Sequence[RowWrite]]
    version: int = 1

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_entities(self.name, self.entities)

    @property
    def entities(self) -> tuple[str, ...]:
        """All entities that it reads."""
        return each_entity(self.entity)


def each_entity(entities: Entities) -> tuple[str, ...]:
    """One entity or several, as several."""
    return (entities,) if isinstance(entities, str) else tuple(entities)


def _check_entities(name: str, entities: Sequence[str]) -> None:
    if not entities or len(set(entities)) < len(entities):
        raise ConfigurationError(f"projection {name!r} has to name its entities, each once")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"projection {name!r}: use letters, digits, '_' and '-', as it is part of every key")
    if name in RESERVED_NAMES:
        raise ConfigurationError(f"projection {name!r}: the name is the engine's own")


AnyStreamProjection = StreamProjection[Any]
Projection = AnyStreamProjection | ViewProjection
