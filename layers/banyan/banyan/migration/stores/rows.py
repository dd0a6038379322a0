"""Rows that anyone may have written: what can be read becomes a row, and of what cannot it is said which field is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from banyan.errors import InvalidStreamId, UnreadableRow
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import BadRow, LegacyRow, NamedRow, SyncPoint
from banyan.reconciliation.content import canonical
from banyan.streams import StreamId, caller_tenant

R = TypeVar("R", bound=BaseModel)

UNNAMEABLE = "its tenant or id cannot be part of a stream's name: give it another one in the legacy system"


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
    adapter : LegacyAdapter
    key : NamedRow
    version : int
    sync_point : SyncPoint, optional
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


def _expect_comparable(data: BaseModel) -> None:
    """Expect canonical JSON: a time without zone, for one, compares with nothing. Raises ``UnreadableRow``."""
    for name, value in data.model_dump().items():
        try:
            canonical(value)
        except (TypeError, ValueError, ArithmeticError):
            detail = f"{name} compares with nothing: put {name} right in the legacy system"
            raise UnreadableRow(detail, name) from None
