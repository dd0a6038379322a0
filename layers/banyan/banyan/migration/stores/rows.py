"""Rows that anyone may have written: what cannot be read, or is refused, is named by field and never by content."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from banyan.errors import InvalidStreamId, RowRefused, UnreadableRow
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import BadRow, LegacyRow, NamedRow, SyncPoint
from banyan.reconciliation.content import canonical
from banyan.streams import StreamId, caller_tenant

R = TypeVar("R", bound=BaseModel)

UNNAMEABLE = "its tenant or id cannot be part of a stream's name: give it another one in the legacy system"
INTEGER_BITS: Final = {"smallint": 16, "integer": 32, "bigint": 64}
_TEXT = re.compile(r"character(?: varying)?\((\d+)\)")
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
Leaf = tuple[str, Any]


class LegacyKey(NamedTuple):
    """Tenant and id of a row, as they stand there."""

    tenant: str
    id: str


@contextmanager
def of_a_row(what: str) -> Iterator[None]:
    """Raise ``UnreadableRow``, naming the fields and never their content, for whatever a row makes an adapter raise."""
    try:
        yield
    except ValidationError as error:
        fields = list(dict.fromkeys(".".join(map(str, fault["loc"])) or "the row" for fault in error.errors()))
        detail = f"{what}: put {', '.join(fields)} right in the legacy system"
        raise UnreadableRow(detail, fields[0]) from None
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise UnreadableRow(f"{what} ({type(error).__name__}): put it right in the legacy system") from None


def read_row(
    adapter: AnyAdapter, key: NamedRow, version: int, sync_point: SyncPoint | None, read: Callable[[], Any]
) -> LegacyRow[Any] | BadRow:
    """A row as it was found.

    Parameters
    ----------
    read : Callable[[], Row]
        Makes the adapter's row of it, or raises what pydantic raises.
    """
    stream = nameable(key, adapter.entity)
    if stream is None:
        return BadRow(key.tenant, adapter.entity, key.id, UNNAMEABLE, None, version, sync_point)
    try:
        with of_a_row("the row cannot be read"):
            data = read()
            _expect_comparable(data)
    except UnreadableRow as error:
        return BadRow(key.tenant, adapter.entity, key.id, error.detail, error.field, version, sync_point)
    return LegacyRow(stream, version, data, sync_point)


def readable(row: LegacyRow[R] | BadRow | None) -> LegacyRow[R] | None:
    """A row that is to be worked with. Raises ``UnreadableRow``."""
    if isinstance(row, BadRow):
        raise UnreadableRow(row.why, row.field)
    return row


def nameable(key: NamedRow, entity: str) -> StreamId | None:
    """The stream of a row; ``None`` where none can be named after it."""
    try:
        return StreamId(caller_tenant(key.tenant), entity, key.id)
    except InvalidStreamId:
        return None


def place_of(row: LegacyRow[Any] | BadRow) -> str:
    """A row as a place in a walk over all rows: the name of its stream, or else a JSON array."""
    if isinstance(row, LegacyRow):
        return str(row.stream)
    return str(nameable(row, row.entity) or json.dumps([row.tenant, row.id]))


def key_at(place: str) -> NamedRow:
    """Undo ``place_of``."""
    return LegacyKey(*json.loads(place)) if place.startswith("[") else StreamId.parse(place)


def leaves(value: Any, path: str = "") -> Iterator[Leaf]:
    """Every single value in a model's content, by its path, such as ``lines.0.sku``."""
    inner: Iterator[tuple[Any, Any]] | None = None
    if isinstance(value, Mapping):
        inner = iter(value.items())
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    if inner is None:
        yield path, value
        return
    for name, each in inner:
        yield from leaves(each, f"{path}.{name}" if path else str(name))


def fits(kind: str, value: Any) -> bool:
    """Whether a column of a type, as PostgreSQL writes it, holds a value, as far as sizes say."""
    if isinstance(value, str):
        text = _TEXT.fullmatch(kind)
        return "\0" not in value and (text is None or len(value) <= int(text[1]))
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return True
    numeric = _NUMERIC.fullmatch(kind)
    if numeric:
        return Decimal(value).is_finite() and Decimal(value).adjusted() < int(numeric[1]) - int(numeric[2])
    bits = INTEGER_BITS.get(kind)
    return bits is None or -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


def words(reason: type[Exception]) -> str:
    """What a driver calls an error, in words."""
    return _WORDS.sub(" ", reason.__name__).lower()


def refused(row: Any, reason: type[Exception], names: frozenset[str], columns: Mapping[str, str]) -> RowRefused:
    """The error for a row.

    Parameters
    ----------
    reason : type[Exception]
        What the driver calls it.
    names : frozenset[str]
        Columns that the driver or the constraint names.
    columns : Mapping[str, str]
        Types of all columns by name, of which one is too small where nothing is named.
    """
    for path, value in leaves(row.model_dump()):
        name = path.rpartition(".")[2]
        if name in names or (not names and not fits(columns.get(name, ""), value)):
            return RowRefused(words(reason), path, value)
    return RowRefused(words(reason), min(names, default=None))


def in_words_of(command: Any, error: RowRefused) -> RowRefused:
    """The same error, naming the field of the command that brought the value, if one did."""
    if error.value is None or not isinstance(command, BaseModel):
        return error
    found = leaves(command.model_dump(by_alias=True))
    field = next((path for path, value in found if value == error.value), error.field)
    return RowRefused(error.reason, field, error.value)


def _expect_comparable(data: BaseModel) -> None:
    """Expect canonical JSON: a time without zone, for one, compares with nothing. Raises ``UnreadableRow``.

    An integer of more than 64 bits would pass, and fail later under the name of a sum that it is part of.
    """
    for name, value in data.model_dump().items():
        try:
            canonical(value, long_integers=False)
        except (TypeError, ValueError, ArithmeticError):
            detail = f"{name} compares with nothing: put {name} right in the legacy system"
            raise UnreadableRow(detail, name) from None
