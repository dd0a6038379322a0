"""The event bus: notices and domain events, in batches; what is too large for it is kept in S3."""

from __future__ import annotations

import random
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from banyan.adapters.clients import outages
from banyan.domain import Domain
from banyan.errors import NotPublished, StoreUnavailable
from banyan.events import CamelModel, Event
from banyan.store import Commit
from banyan.text import counted

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client

SOURCE: Final = "banyan"
MAX_ENTRIES: Final = 10
TIME_BYTES: Final = 14
ENVELOPE_BYTES: Final = 1024
"""Kept free of each entry for what EventBridge adds to it: the limit of many targets counts that too."""

ATTEMPTS: Final = 4
BACKOFF_SECONDS: Final = 0.1
REFUSALS: Final = frozenset(
    {
        "InvalidArgument",
        "MalformedDetail",
        "NotAuthorizedForDetailTypeException",
        "NotAuthorizedForSourceException",
        "ValidationException",
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is put on the bus.

    Parameters
    ----------
    kind : str
        Its detail-type.
    detail : bytes
        A JSON object, UTF-8.
    time : datetime, optional
        When it happened; the bus's own time unless given.
    """

    kind: str
    detail: bytes
    source: str = SOURCE
    time: datetime | None = None

    @property
    def size(self) -> int:
        """Bytes as EventBridge counts them, with room for its envelope."""
        return TIME_BYTES + len(self.source.encode()) + len(self.kind.encode()) + len(self.detail) + ENVELOPE_BYTES


class EventBus:
    """Puts entries on an EventBridge bus, at least once each.

    Parameters
    ----------
    client : Callable[[], EventBridgeClient]
        Asked at the first entry.
    name : str
        Name of the bus.
    entry_bytes : int
        Largest entry and largest request, bytes as in ``Entry.size``.
    sleep : Callable[[float], None]
        Waits before entries are put again, seconds.
    """

    def __init__(
        self,
        client: Callable[[], EventBridgeClient],
        name: str,
        entry_bytes: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._name = name
        self.entry_bytes = entry_bytes
        self._sleep = sleep

    def put(self, entries: Iterable[Entry]) -> None:
        """Put entries in as few requests as they fit into; of a request only what was not accepted is put again.

        Raises
        ------
        NotPublished
            The bus will never accept one of them.
        StoreUnavailable
            One was not accepted for now; others may have been.
        """
        for batch in _batches(entries, self.entry_bytes):
            self._put(batch)

    def _put(self, batch: Sequence[Entry]) -> None:
        for attempt in range(ATTEMPTS):
            batch = self._rejected(batch)
            if not batch:
                return
            self._sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))
        raise StoreUnavailable(
            f"the event bus left {counted(len(batch), 'message')} for later, the first a {batch[0].kind}"
        )

    def _rejected(self, batch: Sequence[Entry]) -> Sequence[Entry]:
        """What the bus did not accept, to be put again."""
        entries: Any = [self._request(entry) for entry in batch]
        with outages("the event bus"):
            answer = self._client().put_events(Entries=entries)
        if not answer["FailedEntryCount"]:
            return ()
        codes = [result.get("ErrorCode") for result in answer["Entries"]]
        for entry, code in zip(batch, codes, strict=True):
            if code in REFUSALS:
                raise NotPublished(f"the event bus refused a {entry.kind}: {code}")
        return [entry for entry, code in zip(batch, codes, strict=True) if code]

    def _request(self, entry: Entry) -> dict[str, Any]:
        request = {
            "EventBusName": self._name,
            "Source": entry.source,
            "DetailType": entry.kind,
            "Detail": entry.detail.decode(),
        }
        return request | ({"Time": entry.time} if entry.time else {})


class EventBridgeNotices:
    """Sends notices over the bus."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    def send(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Raises ``StoreUnavailable`` and ``NotPublished``."""
        self._bus.put([Entry(kind, orjson.dumps(dict(detail), default=str))])


def _batches(entries: Iterable[Entry], limit: int) -> Iterator[Sequence[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and (len(batch) == MAX_ENTRIES or size + entry.size > limit):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size
    if batch:
        yield batch


class Claim(CamelModel):
    """Where the whole event lies.

    Parameters
    ----------
    sha256 : str
        Of the object, 64 hexadecimal digits.
    size : int
        Bytes.
    """

    bucket: str
    key: str
    sha256: str
    size: int


class ClaimChecks:
    """Keeps events in an S3 bucket; an event kept again overwrites itself.

    Parameters
    ----------
    client : Callable[[], S3Client]
        Asked at the first event.
    """

    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, event: Event, content: bytes) -> Claim:
        """Keep an event's JSON. Raises ``StoreUnavailable``."""
        key, digest = object_key(event), sha256(content)
        with outages("the claim-check bucket"):
            self._client().put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ContentType="application/json",
                ChecksumSHA256=b64encode(digest.digest()).decode(),
            )
        return Claim(bucket=self._bucket, key=key, sha256=digest.hexdigest(), size=len(content))


def object_key(event: Event) -> str:
    """The key of an event's object: tenant, entity, id, version, event id."""
    stream = event.stream_id
    return f"{stream.tenant}/{stream.entity}/{stream.id}/{event.version}/{event.event_id}"


PAYLOAD: Final = "payload"
CLAIM: Final = "claim"


class EventPublisher:
    """The effect that publishes what a domain declares, at least once; listeners recognise repeats by ``eventId``.

    The detail-type is the event's type, the detail the whole event with its public content as payload. One that is too
    large carries a claim instead of its payload.

    Parameters
    ----------
    domain : Domain
        Says what is public. Events come from ``banyan.<name>`` of the domain, or part of one, that their entity
        belongs to.
    """

    def __init__(self, bus: EventBus, claims: ClaimChecks, domain: Domain) -> None:
        self._bus = bus
        self._claims = claims
        self._domain = domain

    def act(self, commit: Commit, events: Sequence[Event]) -> None:  # noqa: ARG002
        """Raises ``NotPublished`` for an event that the bus will never accept."""
        self._bus.put([self._entry(event) for event in self._public(events)])

    def _public(self, events: Sequence[Event]) -> Iterator[Event]:
        for event in events:
            content = self._domain.public(event.payload)
            if content is not None:
                yield event if content is event.payload else event.model_copy(update={PAYLOAD: content})

    def _entry(self, event: Event) -> Entry:
        content = event.model_dump_json(by_alias=True).encode()
        source = f"{SOURCE}.{self._domain.owner(event.stream_id.entity)}"
        whole = Entry(event.event_type, content, source, event.timestamp)
        if whole.size <= self._bus.entry_bytes:
            return whole
        return Entry(event.event_type, self._claimed(event, content), source, event.timestamp)

    def _claimed(self, event: Event, content: bytes) -> bytes:
        claim = self._claims.keep(event, content)
        detail = event.model_dump(mode="json", by_alias=True, exclude={PAYLOAD})
        return orjson.dumps(detail | {CLAIM: claim.model_dump(mode="json", by_alias=True)})
