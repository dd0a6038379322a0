"""Names of streams and places in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from banyan.errors import InvalidStreamId

RESERVED_TENANTS: Final = frozenset({"_system", "_audit"})
MAX_STREAM_BYTES: Final = 512
MAX_TENANT: Final = 128
"""Leaves room for every id that a domain accepts."""
GENESIS_DIGEST: Final = "0" * 64
BEGINNING_OF_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOTHING = re.compile(r"null|nil|none|undefined|true|false|nan|infinity", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class StreamId:
    """``tenant:entity:id``: the name of one stream.

    Parameters
    ----------
    tenant, entity, id : str
        Each ``[A-Za-z0-9][A-Za-z0-9._-]*``; 512 bytes in all. The tenant may also be one of
        ``RESERVED_TENANTS``, which belong to the engine and which no caller can prove to be.
    name : str
        All three, as ``str`` gives them: written once, as every item and every key asks for it.

    Raises
    ------
    InvalidStreamId
        When a part is empty, holds another character, or the whole is too long.
    """

    tenant: str
    entity: str
    id: str
    name: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.tenant not in RESERVED_TENANTS:
            _check_part("tenant", self.tenant)
        _check_part("entity", self.entity)
        _check_part("id", self.id)
        name = f"{self.tenant}:{self.entity}:{self.id}"
        if len(name) > MAX_STREAM_BYTES:
            raise InvalidStreamId(f"a stream name has at most {MAX_STREAM_BYTES} bytes, this one has {len(name)}")
        object.__setattr__(self, "name", name)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def parse(cls, name: str) -> StreamId:
        """Read ``tenant:entity:id``.

        Raises
        ------
        InvalidStreamId
            When ``name`` does not have exactly three valid parts.
        """
        return _parsed(name)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema())

        def read(value: Any) -> StreamId:
            if isinstance(value, str):
                return cls.parse(value)
            if isinstance(value, cls):
                return value
            raise InvalidStreamId("a stream is named by text")

        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.no_info_plain_validator_function(read),
            serialization=core_schema.to_string_ser_schema(),
        )


@lru_cache(maxsize=1024)
def _parsed(name: str) -> StreamId:
    """Every item of a stream names it: one that was read is not checked again."""
    parts = name.split(":")
    if len(parts) != 3:
        raise InvalidStreamId(f"{name!r} is not of the form tenant:entity:id")
    return StreamId(*parts)


def caller_tenant(name: str) -> str:
    """Check the tenant that a verified caller claims.

    API Gateway hands every claim on as text, so a claim that named nothing shows only in how it reads: ``null``,
    ``true``. Lists and objects hold characters that a stream name may not have. A number cannot be
    distinguished from a name of digits, which many tenants have.

    Raises
    ------
    InvalidStreamId
        When ``name`` is reserved, not a valid part of a stream name, longer than ``MAX_TENANT``, or reads as
        nothing or as a truth value.
    """
    _check_part("tenant", name)
    if len(name) > MAX_TENANT or _NOTHING.fullmatch(name):
        raise InvalidStreamId(f"tenant {name[:MAX_TENANT]!r} is not the name of a tenant")
    return name


@dataclass(frozen=True, slots=True)
class StreamHead:
    """The end of a stream as a reader saw it: a commit boundary that an append may build on.

    Handed out by ``load``, ``head`` and ``append`` only; a version that a caller makes up may lie
    inside a commit.

    Parameters
    ----------
    version : int
        Version of the last event, 0 for an empty stream.
    digest : str
        Digest of the last commit, 64 hexadecimal digits.
    recorded_at : datetime
        When the last commit was recorded, UTC.
    """

    stream: StreamId
    version: int
    digest: str
    recorded_at: datetime

    @classmethod
    def empty(cls, stream: StreamId) -> StreamHead:
        """Head of a stream without events."""
        return cls(stream, 0, GENESIS_DIGEST, BEGINNING_OF_TIME)


def _check_part(what: str, value: str) -> None:
    if not isinstance(value, str) or not _PART.fullmatch(value):
        raise InvalidStreamId(
            f"{what} {value!r} is invalid: use letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
