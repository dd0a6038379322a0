"""What a domain says about its legacy system: how a row reads, changes, and becomes an event."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from itertools import pairwise
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel

from banyan.domain import Domain
from banyan.errors import ConfigurationError
from banyan.events import DomainEvent

R = TypeVar("R", bound=BaseModel)
S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Lines:
    """How the lines in one field of a row are identified.

    Parameters
    ----------
    identity : Sequence[str]
        Fields by which a line that changed is the same line; of several alike the first is matched first.
        Without any, a line that changed is the one at its place.
    number : str, optional
        Name under which ``SqlMapping.rows`` adds the integer that a table counts lines by, and ``SqlMapping.write``
        gets it: a line that stays keeps its number, and a new one gets the next.
    """

    identity: Sequence[str] = ()
    number: str = ""


def continued(before: Sequence[Any], after: Sequence[Any], identity: Sequence[str]) -> list[int | None]:
    """For each line of ``after`` the place of the line in ``before`` that it continues.

    Equal lines go first, and of those the ones at the same place: two alike may differ in what only others know.
    """
    found: list[int | None] = [None] * len(after)
    for alike in (_content_at_its_place, _content, _named(identity)):
        free: dict[Hashable, list[int]] = {}
        for place, line in enumerate(before):
            if place not in found:
                free.setdefault(alike(place, line), []).append(place)
        for place, line in enumerate(after):
            if found[place] is None and free.get(alike(place, line)):
                found[place] = free[alike(place, line)].pop(0)
    return found


def numbered(numbers: Sequence[int], continued: Sequence[int | None]) -> list[int]:
    """A number for each line, in their order.

    Parameters
    ----------
    numbers : Sequence[int]
        Of the lines so far, growing.
    continued : Sequence[int | None]
        For each line which of these it continues.

    Returns
    -------
    list[int]
        Where the lines that stay changed places, or a new one does not fit between them, the numbers so far are
        given out by place.
    """
    kept = [None if place is None else numbers[place] for place in continued]
    given = _in_between(kept, max(numbers, default=0) + 1)
    growing = all(low < high for low, high in pairwise(given))
    if growing and (not given or given[0] > 0 or kept[0] is not None):
        return given
    more = max(numbers, default=0) + 1
    return [*numbers, *range(more, more + len(kept))][: len(kept)]


def written_content(lines: Mapping[str, Lines], before: BaseModel | None, stored: str, after: BaseModel) -> str:
    """A row as JSON: text that reads the same as before is as it was stored, and lines have their numbers.

    Parameters
    ----------
    lines : Mapping[str, Lines]
        Of the adapter.
    stored : str
        The row before as ``SqlMapping.rows`` gives it, or nothing.
    """
    old, new = before.model_dump(mode="json") if before else {}, after.model_dump(mode="json")
    raw = json.loads(stored) if stored else {}
    content = _as_stored(raw, old, new)
    for name, each in lines.items():
        content[name] = _written_lines(each, raw.get(name, []), old.get(name, []), new[name])
    return json.dumps(content)


@dataclass(frozen=True, slots=True)
class SqlMapping:
    """How an entity lies in the tables of an SQL database.

    Parameters
    ----------
    schema : str
        SQL file in the domain's package that creates tables and triggers.
    rows : str
        ``SELECT`` of all rows: ``tenant``, ``id``, ``version``, and ``row``, a JSON object with the fields of the
        adapter's row, and of each line its number, where ``Lines.number`` names one.
    lock : str
        Statement that locks the row of ``%(tenant)s`` and ``%(id)s`` until the transaction ends.
    write : Sequence[str]
        Statements that write the row ``%(tenant)s``, ``%(id)s`` at ``%(version)s`` with the fields of ``%(row)s``,
        a JSON object, whether it stood there before or not, and leave every other column as it is. Text that did not
        change is there as ``rows`` gave it; a line whose table is numbered has its number (``Lines.number``).
    tables : Sequence[str]
        Tables to archive in the end.
    """

    schema: str
    rows: str
    lock: str
    write: Sequence[str]
    tables: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LegacyAdapter(Generic[R, S]):
    """The legacy system of one entity; all functions are pure.

    Parameters
    ----------
    row : type[Row]
        Frozen pydantic model of a row, in the legacy system's own words.
    evolve : Callable[[Row | None, DomainEvent, datetime], Row]
        The row after one more event, which happened at a moment; ``None`` before the first.
    state : Callable[[Row], State]
        The decider's state that a row stands for.
    imported : Callable[[Row, Row | None], DomainEvent]
        The event that imports a row into a stream: the row as the stream has it so far, or ``None``, is the second.
    views : Mapping[str, Callable[[Row], BaseModel]]
        By the name of a ``StreamProjection``: its state as the row shows it. By the first one, which should show
        all that the row says, rows and read models are compared.
    lines : Mapping[str, Lines]
        By the name of a field that holds lines: how they are identified, so that each keeps what else is stored of it.
    numbers : Collection[str]
        Fields, of rows and lines, that DynamoDB is to hold as numbers though their JSON is text, where no older value
        says their type.
    sql : SqlMapping, optional
        For a legacy system on PostgreSQL.
    """

    entity: str
    row: type[R]
    evolve: Callable[[R | None, DomainEvent, datetime], R]
    state: Callable[[R], S]
    imported: Callable[[R, R | None], DomainEvent]
    views: Mapping[str, Callable[[R], BaseModel]] = field(default_factory=dict)
    lines: Mapping[str, Lines] = field(default_factory=dict)
    numbers: Collection[str] = ()
    sql: SqlMapping | None = None


AnyAdapter = LegacyAdapter[Any, Any]


def adapter_of(domain: Domain) -> AnyAdapter:
    """The adapter that a domain names. Raises ``ConfigurationError`` where it names none."""
    if not domain.legacy:
        raise ConfigurationError(f"domain {domain.name!r} names no adapter of a legacy system")
    found: Any = import_module(domain.legacy).LEGACY
    if not isinstance(found, LegacyAdapter):
        raise ConfigurationError(f"{domain.legacy}.LEGACY is not a banyan.migration.stores.adapter.LegacyAdapter")
    _check_views(found, domain)
    return found


def _check_views(adapter: AnyAdapter, domain: Domain) -> None:
    """A legacy row is compared with a row of its own entity, so a view that shows other entities too will not do."""
    for projection in domain.projections:
        if projection.name in adapter.views and projection.entities != (adapter.entity,):
            raise ConfigurationError(
                f"projection {projection.name!r} reads {', '.join(projection.entities)}: "
                f"what legacy rows are compared with reads {adapter.entity!r} alone"
            )


def _written_lines(lines: Lines, raw: Sequence[Any], old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    if len(raw) != len(old):
        raw, old = [], []
    places = continued(old, new, lines.identity)
    content = [
        line if place is None else _as_stored(raw[place], old[place], line)
        for place, line in zip(places, new, strict=True)
    ]
    if not lines.number:
        return content
    given = numbered([line[lines.number] for line in raw], places)
    return [{**line, lines.number: number} for line, number in zip(content, given, strict=True)]


def _as_stored(raw: Any, old: Any, new: Any) -> Any:
    """An object with the stored text of what did not change, such as a name with another spelling of its letters."""
    if not (isinstance(raw, dict) and isinstance(old, dict) and isinstance(new, dict)):
        return new
    same = (name for name, value in new.items() if isinstance(value, str) and old.get(name) == value)
    return {**new, **{name: raw[name] for name in same if isinstance(raw.get(name), str)}}


def _in_between(kept: Sequence[int | None], start: int) -> list[int]:
    first = next((number - place for place, number in enumerate(kept) if number is not None), start)
    given: list[int] = []
    for number in kept:
        following = given[-1] + 1 if given else first
        given.append(following if number is None else number)
    return given


def _content(_: int, line: Any) -> Hashable:
    return orjson.dumps(line, option=orjson.OPT_SORT_KEYS, default=str)


def _content_at_its_place(place: int, line: Any) -> Hashable:
    return place, _content(place, line)


def _named(identity: Sequence[str]) -> Callable[[int, Any], Hashable]:
    def alike(place: int, line: Any) -> Hashable:
        if identity and isinstance(line, Mapping):
            return _content(place, [line.get(name) for name in identity])
        return place

    return alike
