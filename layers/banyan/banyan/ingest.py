"""What a domain declares to be fed by a stream of records, and by batches of them over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ingested(Generic[T]):
    """What one record says for one stream of events.

    Parameters
    ----------
    entity, id : str
        Middle and last part of the stream's name; the tenant never comes from a record.
    content : T
        In whatever form the domain's ``command`` takes it.
    """

    entity: str
    id: str
    content: T


@dataclass(frozen=True, slots=True)
class Reference:
    """A stream whose state the command is given, such as the registration of a device.

    The state comes from what this process knows: it may be a minute old, and the append does not check it.

    Parameters
    ----------
    entity : str
        The domain has a decider for it.
    id : Callable[[str], str]
        Last part of its name, from the last part of the name of the stream of events.
    """

    entity: str
    id: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Ingest(Generic[T]):
    """How records become commands: one for each stream of events and batch.

    A batch may come again, in part, in another composition and beside others. What was recorded before is the
    decider's to find, by something that each content carries, such as a sequence number; it then decides nothing.

    Parameters
    ----------
    read : Callable[[bytes], Sequence[Ingested]]
        Pure. What a record says; raises ``CommandRejected`` when it cannot be read. Nothing for a record to leave out.
    command : Callable[[Sequence[T], State | None], Command]
        Pure. One command from all that a batch holds for one stream, in order of arrival, and from the state of the
        reference: ``None`` without a reference, or when that stream has no events. May raise ``CommandRejected``.
    """

    read: Callable[[bytes], Sequence[Ingested[T]]]
    command: Callable[[Sequence[T], Any], Any]
    reference: Reference | None = None
