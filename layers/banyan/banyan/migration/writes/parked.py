"""Writes that one side is still to get, who completes them, and the rows that cannot be brought up to date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter

from banyan.errors import (
    BanyanError,
    ConcurrencyError,
    Conflict,
    Overtaken,
    PrimaryChanged,
    RowParked,
    RowRaced,
    StoreUnavailable,
)
from banyan.migration.documents import MigrationDocuments
from banyan.store.eventstore import Clock
from banyan.streams import StreamId

PASSING: Final = (StoreUnavailable, PrimaryChanged, Overtaken, RowRaced, ConcurrencyError, BotoCoreError)
ELSEWHERE: Final = frozenset({"AccessDeniedException", "ResourceNotFoundException"})
"""What DynamoDB says of a request, whatever it holds."""
PREFIX: Final = "parked/"


class Owner(StrEnum):
    """Who completes a write."""

    RELAY = "relay"
    """Brings entries of the legacy system's outbox into the event table."""
    LEGACY_SYNC = "follower"
    """Brings commits into the legacy system."""


@dataclass(frozen=True, slots=True)
class HalfDone:
    """A write that is half done.

    Parameters
    ----------
    version : int
        Version of the stream that one side does not have yet.
    since : datetime
        When the other side got it.
    """

    stream: StreamId
    version: int
    since: datetime
    owner: Owner


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A row that one side cannot bring up to date, and why.

    Parameters
    ----------
    owner : Owner
        Who tries again.
    """

    stream: StreamId
    owner: Owner
    reason: str
    since: datetime


_ROW: Final = TypeAdapter(ParkedRow)


class Parked:
    """Keeps a document for each row that is parked."""

    def __init__(self, documents: MigrationDocuments, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    def all(self) -> list[ParkedRow]:
        """Every row that is parked. Raises ``StoreUnavailable``."""
        return [_ROW.validate_json(text) for text in self._documents.under(PREFIX)]

    def of(self, owner: Owner) -> Mapping[StreamId, ParkedRow]:
        """Rows that one owner is to bring up to date, by stream. Raises ``StoreUnavailable``."""
        return {row.stream: row for row in self.all() if row.owner is owner}

    def get(self, stream: StreamId) -> ParkedRow | None:
        """A row, if it is parked. Raises ``StoreUnavailable``."""
        text = self._documents.get(f"{PREFIX}{stream}")
        return _ROW.validate_json(text) if text else None

    def put(self, row: ParkedRow) -> None:
        """Park a row; one that is parked already keeps its moment. Raises ``StoreUnavailable``."""
        known = self.get(row.stream)
        if known is None or (known.owner, known.reason) != (row.owner, row.reason):
            kept = replace(row, since=known.since) if known else row
            self._documents.put(f"{PREFIX}{row.stream}", _ROW.dump_json(kept).decode())

    def remove(self, stream: StreamId) -> None:
        """The row is up to date. Raises ``StoreUnavailable``."""
        self._documents.put(f"{PREFIX}{stream}", None)

    @contextmanager
    def failing(self, owner: Owner, stream: StreamId) -> Iterator[None]:
        """Let a piece of work on one row fail: it is tried again later, and parked if the row itself is in the way."""
        try:
            yield
        except Exception as error:
            if is_of_one_row(error):
                with suppress(BanyanError):
                    self.put(ParkedRow(stream, owner, reason_of(error), self._clock()))


def is_of_one_row(error: Exception) -> bool:
    """Whether an error is about the row at hand: not one that passes, nor one that every row would meet."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] not in ELSEWHERE
    if isinstance(error, Conflict) and not isinstance(error, RowParked):
        return False
    return not isinstance(error, PASSING)


def reason_of(error: Exception) -> str:
    """An error as it is kept and shown: the engine's own say what to do, of others only the kind is known."""
    return str(error) if isinstance(error, BanyanError) else f"{type(error).__name__}: the row does not fit the adapter"
