"""Writes that one side has and the other is still to get: each has an owner who completes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from banyan.streams import StreamId


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
    stream : StreamId
    version : int
        Version of the stream that one side does not have yet.
    since : datetime
        When the other side got it.
    owner : Owner
    """

    stream: StreamId
    version: int
    since: datetime
    owner: Owner
