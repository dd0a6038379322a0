"""What a domain tells about its legacy system: how a row reads, changes, and becomes an event."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from banyan.domain import Domain
from banyan.errors import ConfigurationError
from banyan.events import DomainEvent
from banyan.migration.stores.lines import Lines

R = TypeVar("R", bound=BaseModel)
S = TypeVar("S", bound=BaseModel)


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
    entity : str
    row : type[Row]
        Frozen pydantic model of a row, in the legacy system's own words.
    evolve : Callable[[Row | None, DomainEvent, datetime], Row]
        The row after one more event, which happened at a moment; ``None`` before the first.
    state : Callable[[Row], State]
        The decider's state that a row stands for.
    imported : Callable[[Row, Row | None], DomainEvent]
        The event that tells a row to a stream which told another one so far, or nothing.
    views : Mapping[str, Callable[[Row], BaseModel]]
        By the name of a ``StreamProjection``: its state as the row shows it. By the first one, which should show
        all that the row says, rows and read models are compared.
    lines : Mapping[str, Lines]
        By the name of a field that holds lines: how they are told apart, so that each keeps what else is stored of it.
    numbers : Collection[str]
        Fields, of rows and lines, that DynamoDB is to hold as numbers though their JSON is text, where no older value
        tells their type.
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
        raise ConfigurationError(f"{domain.legacy}.LEGACY is no banyan.migration.stores.adapter.LegacyAdapter")
    return found
