"""Requests that are handled once however often they are sent: records of claims and answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Protocol

from banyan.commands.handler import CLOCK_SKEW


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A final answer, as it is given again."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of the requests with one idempotency key.

    Parameters
    ----------
    key : str
        Tenant and idempotency key.
    fingerprint : str
        Digest of the actor, method, path, query, conditions and body; the same for every repeat.
    owner : str
        Token of the attempt that holds the claim.
    started_at : datetime
        When the first attempt began; kept by those that take over.
    lease_until : datetime
        Until when the owner may be at work.
    expires_at : datetime
        When the key is forgotten.
    answer : StoredAnswer, optional
        Set once the request has been answered for good.
    """

    key: str
    fingerprint: str
    owner: str
    started_at: datetime
    lease_until: datetime
    expires_at: datetime
    answer: StoredAnswer | None = None

    @property
    def first_attempt(self) -> datetime:
        """No commit of this request is older, by any clock that recorded it."""
        return self.started_at - CLOCK_SKEW


class IdempotencyTable(Protocol):
    """Where records are kept."""

    def get(self, key: str) -> Record | None:
        """The record of a key, strongly consistent, expired or not."""

    def claim(self, record: Record, now: datetime) -> Record:
        """Put a record where none stands or an expired one does; returns the record that stands then."""

    def replace(self, record: Record, owner: str) -> Record:
        """Put a record in place of an unanswered one of ``owner``; returns what stands then, if anything does."""


class MemoryIdempotency:
    """Keeps records in a dictionary; safe to share between threads."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._lock = Lock()

    def get(self, key: str) -> Record | None:
        with self._lock:
            return self._records.get(key)

    def claim(self, record: Record, now: datetime) -> Record:
        with self._lock:
            standing = self._records.get(record.key)
            if standing is None or standing.expires_at <= now:
                self._records[record.key] = record
            return self._records[record.key]

    def replace(self, record: Record, owner: str) -> Record:
        with self._lock:
            standing = self._records.get(record.key)
            if standing and standing.owner == owner and standing.answer is None:
                self._records[record.key] = record
            return self._records.get(record.key, record)


def answered(record: Record, answer: StoredAnswer) -> Record:
    """The record with its final answer."""
    return replace(record, answer=answer)


def released(record: Record, now: datetime) -> Record:
    """The record, free to be taken over at once."""
    return replace(record, lease_until=now)
