"""How events are kept: events as commits, commits and snapshots as DynamoDB items, and all the way back."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from hashlib import sha1, sha256
from itertools import accumulate
from typing import Any, Final, overload
from uuid import UUID

import orjson
from pydantic import ValidationError

from banyan.errors import CommitTooLarge, InvalidEvent, SnapshotTooLarge, StreamCorrupted
from banyan.events import DomainEvent, Event, EventRegistry, Metadata
from banyan.store.base import Commit, LogEntry, Snapshot, seal, timestamp
from banyan.streams import StreamHead, StreamId
from banyan.text import counted

MAX_ITEM_BYTES: Final = 400 * 1024
MAX_TRANSACTION_ITEMS: Final = 100
MAX_TRANSACTION_BYTES: Final = 4 * 1024 * 1024
MAX_SNAPSHOT_BYTES: Final = 4 * 1024 * 1024
"""Of a compressed state; reading it takes a page for each MB."""
SNAPSHOT_PART_BYTES: Final = 256 * 1024
"""So much of a state is in one part; emulators that count binary values as base64 text take that, too."""

UNREADABLE_STATE: Final = {"state_version": {"N": "0"}, "state": {"S": ""}}
"""What a part says to code that knows no parts: a snapshot of a state version that no decider asks for."""
POSITION_DIGITS: Final = 10

_SHORT: Final = MAX_ITEM_BYTES // 10
"""Characters that fit in any case: of up to 4 bytes each, and the types stand there twice."""
_NUMBERING_BYTES: Final = 64
_NONE_YET: Final = object()

_EVENT_IDS: Final = UUID("6a2f41a3-c54c-fce8-32d2-0324e1c32e22").bytes

Entry = dict[str, Any]
"""An event as it stands in a commit: ``id``, ``type``, ``timestamp``, ``data``, ``metadata``."""
Item = dict[str, Any]
"""In DynamoDB's attribute-value form, as ``{"stream": {"S": "acme:order:1"}}``."""


class RecordedEvents(Sequence[Event]):
    """Events whose envelopes are made when the first of them is asked for; a fold needs none of them.

    Parameters
    ----------
    payloads : Sequence[DomainEvent]
        Of all of them, in order.
    envelopes : Callable[[], tuple[Event, ...]]
        Makes the events of ``payloads``.
    """

    def __init__(
        self, payloads: Sequence[DomainEvent] = (), envelopes: Callable[[], tuple[Event, ...]] = tuple
    ) -> None:
        self.payloads = payloads
        self._envelopes = envelopes

    @cached_property
    def _events(self) -> tuple[Event, ...]:
        return self._envelopes()

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Event, ...]: ...

    def __getitem__(self, index: int | slice) -> Event | tuple[Event, ...]:
        return self._events[index]

    def __len__(self) -> int:
        return len(self.payloads)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RecordedEvents | tuple):
            return NotImplemented
        return self._events == (other._events if isinstance(other, RecordedEvents) else other)

    def __hash__(self) -> int:
        return hash(self._events)

    def __repr__(self) -> str:
        return repr(self._events)


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit that is about to be written: one part, or several when above 400 KB; and the events it holds."""

    head: StreamHead
    parts: tuple[Commit, ...]
    events: RecordedEvents


def record(head: StreamHead, events: Sequence[DomainEvent], commit_id: str, metadata: Metadata, now: datetime) -> Draft:
    """Draft the commit that appends ``events`` at ``head``.

    Raises
    ------
    CommitTooLarge
        When a single event does not fit into an item.
    """
    recorded_at, said = max(now, head.recorded_at), tuple(events)
    entries = _entries(head, said, commit_id, metadata, recorded_at)
    parts = seal(head, _numbered(list(_split(head, commit_id, recorded_at, entries))))

    def envelopes() -> tuple[Event, ...]:
        metadatas = (metadata.model_copy(update={"schema_version": event.schema_version}) for event in said)
        return _events(head.stream, head.version + 1, entries, zip(said, metadatas, strict=True))

    return Draft(head, parts, RecordedEvents(said, envelopes))


def check_transaction(commits: Sequence[Commit], checks: int = 0) -> None:
    """Refuse what one transaction cannot hold.

    Parameters
    ----------
    checks : int
        Heads that it checks besides.

    Raises
    ------
    CommitTooLarge
        Above 100 items or 4 MB.
    """
    items = len(commits) + checks
    if items > MAX_TRANSACTION_ITEMS:
        raise CommitTooLarge(f"{items} items, a transaction holds {MAX_TRANSACTION_ITEMS}: append in steps")
    if sum(map(_plain_size, commits)) <= MAX_TRANSACTION_BYTES:
        return
    size = sum(map(_size, commits))
    if size > MAX_TRANSACTION_BYTES:
        raise CommitTooLarge(f"{size} bytes, a transaction holds {MAX_TRANSACTION_BYTES}: append in steps")


def decode(commit: Commit, registry: EventRegistry) -> tuple[Event, ...]:
    """The events of a commit, old schema versions lifted to the current one.

    Raises
    ------
    EventError
        When an event cannot be read.
    StreamCorrupted
        When the number of events is not what the commit says.
    """
    entries = _stored(commit)
    return _events(commit.stream, commit.position, entries, _read(entries, registry))


def payloads(commit: Commit, registry: EventRegistry) -> list[DomainEvent]:
    """What the events of a commit say, without their envelopes. Raises what ``decode`` raises."""
    return [payload for payload, _ in _read(_stored(commit), registry)]


def recorded(commits: Sequence[Commit], registry: EventRegistry) -> RecordedEvents:
    """The events of some commits, their payloads read now. Raises what ``decode`` raises."""
    said = [payload for commit in commits for payload in payloads(commit, registry)]
    return RecordedEvents(said, lambda: tuple(event for commit in commits for event in decode(commit, registry)))


def _stored(commit: Commit) -> list[Entry]:
    entries: list[Entry] = orjson.loads(commit.events)
    if len(entries) != commit.count:
        raise StreamCorrupted(
            commit.stream, commit.position, f"{counted(len(entries), 'event')} instead of {commit.count}"
        )
    return entries


def _read(entries: Iterable[Entry], registry: EventRegistry) -> Iterator[tuple[DomainEvent, Metadata]]:
    """Payload and metadata of each; what one event repeats of the metadata before it is not validated again."""
    known: object = _NONE_YET
    for entry in entries:
        if entry["metadata"] != known:
            metadata, known = _metadata(entry), entry["metadata"]
        yield registry.decode(entry["type"], metadata.schema_version, entry["data"]), metadata


def read_entry(entry: Entry, registry: EventRegistry) -> tuple[DomainEvent, Metadata]:
    """One event as it stands in a commit, for itself. Raises ``EventError``."""
    return next(_read([entry], registry))


def _events(
    stream: StreamId, first: int, entries: Sequence[Entry], said: Iterable[tuple[DomainEvent, Metadata]]
) -> tuple[Event, ...]:
    return tuple(
        Event(
            event_id=entry["id"],
            event_type=entry["type"],
            stream_id=stream,
            version=first + index,
            timestamp=datetime.fromisoformat(entry["timestamp"]),
            payload=payload,
            metadata=metadata,
        )
        for index, (entry, (payload, metadata)) in enumerate(zip(entries, said, strict=True))
    )


def _metadata(entry: Entry) -> Metadata:
    try:
        return Metadata.model_validate(entry["metadata"])
    except ValidationError as error:
        raise InvalidEvent(f"the metadata of a stored {entry['type']} does not fit: deploy the newer code") from error


def _entries(
    head: StreamHead, events: Sequence[DomainEvent], commit_id: str, metadata: Metadata, recorded_at: datetime
) -> list[Entry]:
    moment = timestamp(recorded_at)
    shared = metadata.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return [
        {
            "id": _event_id(f"{head.stream.name}/{commit_id}/{index}"),
            "type": event.event_type(),
            "timestamp": moment,
            "data": event.model_dump(mode="json", by_alias=True),
            "metadata": shared | {"schemaVersion": event.schema_version},
        }
        for index, event in enumerate(events)
    ]


def _event_id(name: str) -> str:
    """``uuid5``, which takes four times as long for its way through ``UUID``."""
    digits = sha1(_EVENT_IDS + name.encode(), usedforsecurity=False).hexdigest()
    variant = f"{int(digits[16], 16) & 0b0011 | 0b1000:x}"
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def _split(head: StreamHead, commit_id: str, recorded_at: datetime, entries: list[Entry]) -> Iterator[Commit]:
    commit = _draft(head, commit_id, recorded_at, entries)
    if _fits(commit):
        yield commit
        return
    if len(entries) == 1:
        raise CommitTooLarge(
            f"one {entries[0]['type']} of {_size(commit)} bytes, an item holds {MAX_ITEM_BYTES}: "
            "keep large content in S3 and its address in the event"
        )
    half = len(entries) // 2
    yield from _split(head, commit_id, recorded_at, entries[:half])
    yield from _split(head, commit_id, recorded_at, entries[half:])


def _draft(head: StreamHead, commit_id: str, recorded_at: datetime, entries: list[Entry]) -> Commit:
    return Commit(
        stream=head.stream,
        position=head.version + 1,
        count=len(entries),
        commit_id=commit_id,
        recorded_at=recorded_at,
        types=tuple(entry["type"] for entry in entries),
        events=orjson.dumps(entries, option=orjson.OPT_SORT_KEYS).decode(),
        digest=head.digest,
    )


def _numbered(pieces: Sequence[Commit]) -> Sequence[Commit]:
    """The pieces of one commit as its parts; one piece is the commit as it is."""
    if len(pieces) == 1:
        return pieces
    positions = accumulate((piece.count for piece in pieces), initial=pieces[0].position)
    return [
        replace(piece, position=position, part=part, parts=len(pieces))
        for part, (piece, position) in enumerate(zip(pieces, positions, strict=False), start=1)
    ]


def _fits(commit: Commit) -> bool:
    """Whether one item holds a commit; most need not be compressed, and many not even be encoded, to know it."""
    short = len(commit.events) + len(commit.commit_id) <= _SHORT
    return short or _plain_size(commit) <= MAX_ITEM_BYTES or _size(commit) <= MAX_ITEM_BYTES


def _plain_size(commit: Commit) -> int:
    """The most that an item of a commit can take."""
    return item_size(_item(commit, 1, {"S": commit.events})) + _NUMBERING_BYTES


def _size(commit: Commit) -> int:
    return item_size(commit_item(commit, buckets=1)) + _NUMBERING_BYTES


def commit_item(commit: Commit, buckets: int) -> Item:
    """The item of one commit, in DynamoDB's attribute-value form."""
    return _item(commit, buckets, pack(commit.events))


def _item(commit: Commit, buckets: int, events: Mapping[str, Any]) -> Item:
    recorded_at = timestamp(commit.recorded_at)
    item: Item = {
        "stream": {"S": commit.stream.name},
        "position": {"N": str(commit.position)},
        "count": {"N": str(commit.count)},
        "commit_id": {"S": commit.commit_id},
        "recorded_at": {"S": recorded_at},
        "types": {"L": [{"S": name} for name in commit.types]},
        "events": events,
        "digest": {"S": commit.digest},
        "log_bucket": {"N": str(bucket_of(commit.stream, buckets))},
        "log_key": {"S": _log_key(recorded_at, commit)},
    }
    if commit.parts > 1:
        item |= {"part": {"N": str(commit.part)}, "parts": {"N": str(commit.parts)}}
    return item


def snapshot_item(snapshot: Snapshot) -> Item:
    """The item of a snapshot; it sorts right behind the last commit it covers."""
    return {
        "stream": {"S": snapshot.stream.name},
        "position": {"N": f"{snapshot.version}.5"},
        "digest": {"S": snapshot.digest},
        "state_version": {"N": str(snapshot.state_version)},
        "state": pack(snapshot.state),
        "fingerprint": {"S": snapshot.fingerprint},
    }


def snapshot_items(snapshot: Snapshot) -> Sequence[Item]:
    """The items of a snapshot in the order in which they are written: one, or above 400 KB its parts, the first last.

    The first part stands where a whole snapshot would, so that whatever is written for a version later takes its place.
    """
    item = snapshot_item(snapshot)
    return [item] if item_size(item) <= MAX_ITEM_BYTES else _parts_of(snapshot, item)[::-1]


def check_snapshot(snapshot: Snapshot) -> None:
    """Refuse a state that is too large to be kept. Raises ``SnapshotTooLarge``."""
    content = snapshot.state.encode()
    if len(content) > MAX_SNAPSHOT_BYTES and (size := len(zlib.compress(content))) > MAX_SNAPSHOT_BYTES:
        raise SnapshotTooLarge(f"the state takes {size} bytes, a snapshot holds {MAX_SNAPSHOT_BYTES}")


def _parts_of(snapshot: Snapshot, item: Item) -> Sequence[Item]:
    content = zlib.compress(snapshot.state.encode())
    starts = range(0, len(content), SNAPSHOT_PART_BYTES)
    chunks = [content[start : start + SNAPSHOT_PART_BYTES] for start in starts]
    whole = {
        **item,
        **UNREADABLE_STATE,
        "of_state_version": item["state_version"],
        "whole": {"S": sha256(content).hexdigest()},
        "parts": {"N": str(len(chunks))},
    }
    return [
        whole | {"position": {"N": _part_position(snapshot.version, number)}, "chunk": {"B": chunk}}
        for number, chunk in enumerate(chunks)
    ]


def _part_position(version: int, number: int) -> str:
    return f"{version}.5{number:02}" if number else f"{version}.5"


class ItemReader:
    """Reads items of the event table, in either order of one stream, and puts the parts of a snapshot together.

    Parts that do not make one whole are passed over: one is missing, or others have taken the place of some.
    """

    _parts: Sequence[Mapping[str, Any]] = ()

    def __call__(self, item: Mapping[str, Any]) -> Commit | Snapshot | None:
        """What an item holds; ``None`` for a part of a snapshot, but for the last one that was missing.

        Raises
        ------
        StreamCorrupted
            The item is not as the engine writes it.
        """
        return self._joined(item) if "whole" in item else from_item(item)

    def _joined(self, item: Mapping[str, Any]) -> Snapshot | None:
        beside = [part for part in self._parts if part["whole"] == item["whole"] and _same_version(part, item)]
        self._parts = [*beside, item]
        return _whole_snapshot(self._parts) if str(len(self._parts)) == item.get("parts", {}).get("N") else None


def _same_version(part: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    return int(Decimal(part["position"]["N"])) == int(Decimal(item["position"]["N"]))


def _whole_snapshot(parts: Sequence[Mapping[str, Any]]) -> Snapshot | None:
    """The snapshot that some parts hold, if they are those that were written together."""
    first, *_ = ordered = sorted(parts, key=lambda item: Decimal(item["position"]["N"]))
    try:
        content = b"".join(bytes(item["chunk"]["B"]) for item in ordered)
        if sha256(content).hexdigest() != first["whole"]["S"]:
            return None
        return read_snapshot({**first, "state_version": first["of_state_version"], "state": {"B": content}})
    except (KeyError, ValueError):
        return None


def from_item(item: Mapping[str, Any]) -> Commit | Snapshot:
    """Read an item of the event table that stands for itself.

    Raises
    ------
    StreamCorrupted
        The item is not as the engine writes it.
    """
    try:
        return read_commit(item) if "commit_id" in item else read_snapshot(item)
    except (KeyError, ValueError, zlib.error) as error:
        version = int(Decimal(item["position"]["N"]))
        raise StreamCorrupted(StreamId.parse(item["stream"]["S"]), version, "the item cannot be read") from error


def read_commit(item: Mapping[str, Any]) -> Commit:
    """Read the item of a commit."""
    return Commit(
        stream=StreamId.parse(item["stream"]["S"]),
        position=int(item["position"]["N"]),
        count=int(item["count"]["N"]),
        commit_id=item["commit_id"]["S"],
        recorded_at=datetime.fromisoformat(item["recorded_at"]["S"]),
        types=tuple(name["S"] for name in item["types"]["L"]),
        events=unpack(item["events"]),
        digest=item["digest"]["S"],
        part=int(item["part"]["N"]) if "part" in item else 1,
        parts=int(item["parts"]["N"]) if "parts" in item else 1,
    )


def read_snapshot(item: Mapping[str, Any]) -> Snapshot:
    """Read the item of a snapshot."""
    return Snapshot(
        stream=StreamId.parse(item["stream"]["S"]),
        version=int(Decimal(item["position"]["N"])),
        digest=item["digest"]["S"],
        state_version=int(item["state_version"]["N"]),
        state=unpack(item["state"]),
        fingerprint=item.get("fingerprint", {"S": ""})["S"],
    )


def log_key(commit: Commit | LogEntry) -> str:
    """Sorts by time, then stream, then position."""
    return _log_key(timestamp(commit.recorded_at), commit)


def _log_key(recorded_at: str, commit: Commit | LogEntry) -> str:
    return f"{recorded_at}#{commit.stream.name}#{commit.position:0{POSITION_DIGITS}}"


def read_log_entry(item: Mapping[str, Any]) -> LogEntry:
    """Read an item of the ``log`` index."""
    recorded_at, stream, position = item["log_key"]["S"].split("#")
    return LogEntry(datetime.fromisoformat(recorded_at), StreamId.parse(stream), int(position))


def bucket_of(stream: StreamId, buckets: int) -> int:
    """Bucket of the ``log`` index that holds the stream, ``0 … buckets - 1``."""
    return int.from_bytes(sha256(stream.name.encode()).digest()[:8], "big") % buckets


def pack(text: str) -> dict[str, Any]:
    """Text as S, or compressed as B when that is smaller."""
    plain = text.encode()
    compressed = zlib.compress(plain)
    return {"B": compressed} if len(compressed) < len(plain) else {"S": text}


def unpack(value: Mapping[str, Any]) -> str:
    """Undo ``pack``."""
    return zlib.decompress(value["B"]).decode() if "B" in value else str(value["S"])


def item_size(item: Item) -> int:
    """Size in bytes by DynamoDB's published rules, numbers rounded up."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "L":
        return 3 + sum(1 + _value_size(element) for element in content)
    if kind == "N":
        return len(content) // 2 + 2
    return len(content) if kind == "B" else len(content.encode())
