"""Projections as a domain declares them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from banyan.errors import ConfigurationError
from banyan.events import Event

MAX_LOOKUPS: Final = 3

RESERVED_NAMES: Final = frozenset({"reactor"})
"""Cursors of the engine's own stand under these: a projection must neither share nor delete them."""

S = TypeVar("S", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

_NAME = re.compile(r"[A-Za-z0-9_-]+")

Value = str | int | Decimal
Entities = str | Sequence[str]
"""One entity, or several."""


@dataclass(frozen=True, slots=True)
class Lookup(Generic[S]):
    """A way to list rows of many streams: those of a ``StreamProjection`` or of a ``RowsProjection``.

    Parameters
    ----------
    name : str
        Under which queries ask for it.
    partition : Callable[[State], str | None]
        Rows with the same value are listed together; one with ``None`` is left out, which costs nothing.
    sort : Callable[[State], str]
        Their order, as text.
    """

    name: str
    partition: Callable[[S], str | None]
    sort: Callable[[S], str]


def places_in(lookups: Sequence[Lookup[S]], row: S) -> Mapping[int, tuple[str, str]]:
    """Partition and sort of a row in each lookup that lists it, by the lookup's index."""
    partitions = {index: lookup.partition(row) for index, lookup in enumerate(lookups, start=1)}
    return {
        index: (partition, lookups[index - 1].sort(row))
        for index, partition in partitions.items()
        if partition is not None
    }


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
        _check_lookups(self.name, self.lookups)

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


@dataclass(frozen=True, slots=True)
class RowsProjection(Generic[S, R]):
    """Many rows per stream, which the stream owns: a statement with a running balance, windows of a series.

    Rows of a stream are read in the order of their sort, as text. What an event does to them may be any function of
    the rows and of the events before, since only their own stream writes them.

    Parameters
    ----------
    name : str
        Part of the key of every row: never rename it.
    entity : str or Sequence[str]
        Entity whose streams it reads, or several: each stream has rows of its own.
    state : type[State]
        Frozen pydantic model of what is carried from event to event, such as the running balance; keep it small, as
        every commit writes it.
    initial : Callable[[], State]
        What is carried before the first event.
    row : type[Row]
        Frozen pydantic model of a row.
    apply : Callable[[State, Mapping[str, Row], Event], tuple[State, Mapping[str, Row | None]]]
        Pure: what is carried on, and rows to put by sort; ``None`` removes one. It sees the rows that ``keys`` names,
        those that exist.
    keys : Callable[[State, Event], Iterable[str]], optional
        Pure: sorts of the rows that ``apply`` has to see. Name only these, as each costs a read.
    lookups : Sequence[Lookup]
        Lists over the rows of all streams; at most three, each one write more for every row that is written. Their
        order is their index, so add new ones at the end.
    expires : Callable[[Row], datetime | None], optional
        Pure: from when on a row counts as missing; ``None`` for never. For an event, that is so if it was recorded then
        or later.
    open_rows : Callable[[State], Mapping[str, Row]], optional
        Pure: rows, by sort, that the state holds as long as most events change them, such as the window of this hour:
        a commit that changes no other row is then one write. Whoever reads rows sees them among the others, but no
        lookup lists them. ``apply`` writes a row once it is no longer among them.
    version : int
        Raise it when the shape or the meaning of rows changes, or the entities do: the next event of a stream makes
        its rows from the beginning, and the projection asks for a rebuild.
    """

    name: str
    entity: Entities
    state: type[S]
    initial: Callable[[], S]
    row: type[R]
    apply: Callable[[S, Mapping[str, R], Event], tuple[S, Mapping[str, R | None]]]
    keys: Callable[[S, Event], Iterable[str]] | None = None
    lookups: Sequence[Lookup[R]] = field(default=())
    expires: Callable[[R], datetime | None] | None = None
    open_rows: Callable[[S], Mapping[str, R]] | None = None
    version: int = 1

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_entities(self.name, self.entities)
        _check_lookups(self.name, self.lookups)

    @property
    def entities(self) -> tuple[str, ...]:
        """All entities that it reads."""
        return each_entity(self.entity)


def _check_lookups(name: str, lookups: Sequence[Lookup[Any]]) -> None:
    if len(lookups) > MAX_LOOKUPS:
        raise ConfigurationError(f"projection {name!r} has more than {MAX_LOOKUPS} lookups")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"projection {name!r}: use letters, digits, '_' and '-', as it is part of every key")
    if name in RESERVED_NAMES:
        raise ConfigurationError(f"projection {name!r}: the name is the engine's own")


AnyStreamProjection = StreamProjection[Any]
AnyRowsProjection = RowsProjection[Any, Any]
Projection = AnyStreamProjection | ViewProjection | AnyRowsProjection
