"""Keys of read-model rows; each begins with generation and tenant, so that no read crosses either."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

import orjson

from banyan.projections.views import Generation
from banyan.streams import StreamId

STATE_SORT: Final = "-"

_SORT_PREFIX: Final = ":"


def state_key(generation: Generation, stream: StreamId) -> str:
    """Partition key of a stream's row, and key of its cursor."""
    return f"{generation}#{stream}"


def stream_of(key: str) -> StreamId:
    """Stream of a ``state_key``."""
    return StreamId.parse(key.partition("#")[2])


def partition_key(generation: Generation, tenant: str, partition: str) -> str:
    """Partition key of view rows and lookups. A tenant holds no ``#`` or ``:``, so keys never meet."""
    return f"{generation}#{tenant}#{partition}"


def partition_of(key: str) -> str:
    """Partition of a ``partition_key``."""
    return key.split("#", 2)[2]


def tenant_of(key: str) -> str:
    """Tenant of a ``partition_key``."""
    return key.split("#", 2)[1]


def sort_key(sort: str) -> str:
    """Sort key that may stand for an empty text and keeps the order."""
    return _SORT_PREFIX + sort


def sort_of(key: str) -> str:
    """Undo ``sort_key``."""
    return key.removeprefix(_SORT_PREFIX)


@dataclass(frozen=True, slots=True)
class LookupPlace:
    """A row's place in a lookup, where a page ends.

    Parameters
    ----------
    partition : str
        ``partition_key`` of the lookup.
    sort : str
        ``sort_key`` of the row in the lookup.
    row : str
        ``state_key`` of the row.
    """

    partition: str
    sort: str
    row: str

    def cursor(self) -> str:
        """The place as an opaque text."""
        return urlsafe_b64encode(orjson.dumps([self.partition, self.sort, self.row])).decode()


def read_cursor(cursor: str, generation: Generation, tenant: str, partition: str) -> LookupPlace:
    """Read a page cursor.

    Raises
    ------
    ValueError
        When it is damaged or belongs to another generation, tenant or lookup.
    """
    place = _decode(cursor)
    mine = place.partition == partition_key(generation, tenant, partition)
    if not (mine and place.sort.startswith(_SORT_PREFIX) and place.row.startswith(f"{generation}#{tenant}:")):
        raise ValueError("the cursor belongs to another list: begin again without it")
    return place


def _decode(cursor: str) -> LookupPlace:
    try:
        partition, sort, row = orjson.loads(urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError, binascii.Error) as error:
        raise ValueError("the cursor is damaged: begin again without it") from error
    return LookupPlace(str(partition), str(sort), str(row))
