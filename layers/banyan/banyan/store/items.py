"""Commits and snapshots as DynamoDB items, and back."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from banyan.errors import StreamCorrupted
from banyan.store.base import Commit, LogEntry, Snapshot, timestamp
from banyan.streams import StreamId

MAX_ITEM_BYTES: Final = 400 * 1024
POSITION_DIGITS: Final = 10

Item = dict[str, Any]
"""In DynamoDB's attribute-value form, as ``{"stream": {"S": "acme:order:1"}}``."""


def commit_item(commit: Commit, buckets: int) -> Item:
    """The item of one commit, in DynamoDB's attribute-value form."""
    recorded_at = timestamp(commit.recorded_at)
    item: Item = {
        "stream": {"S": str(commit.stream)},
        "position": {"N": str(commit.position)},
        "count": {"N": str(commit.count)},
        "commit_id": {"S": commit.commit_id},
        "recorded_at": {"S": recorded_at},
        "types": {"L": [{"S": name} for name in commit.types]},
        "events": pack(commit.events),
        "digest": {"S": commit.digest},
        "log_bucket": {"N": str(bucket_of(commit.stream, buckets))},
        "log_key": {"S": log_key(commit)},
    }
    if commit.parts > 1:
        item |= {"part": {"N": str(commit.part)}, "parts": {"N": str(commit.parts)}}
    return item


def snapshot_item(snapshot: Snapshot) -> Item:
    """The item of a snapshot; it sorts right behind the last commit it covers."""
    return {
        "stream": {"S": str(snapshot.stream)},
        "position": {"N": f"{snapshot.version}.5"},
        "digest": {"S": snapshot.digest},
        "state_version": {"N": str(snapshot.state_version)},
        "state": pack(snapshot.state),
        "fingerprint": {"S": snapshot.fingerprint},
    }


def from_item(item: Mapping[str, Any]) -> Commit | Snapshot:
    """Read an item of the event table.

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
    return f"{timestamp(commit.recorded_at)}#{commit.stream}#{commit.position:0{POSITION_DIGITS}}"


def read_log_entry(item: Mapping[str, Any]) -> LogEntry:
    """Read an item of the ``log`` index."""
    recorded_at, stream, position = item["log_key"]["S"].split("#")
    return LogEntry(datetime.fromisoformat(recorded_at), StreamId.parse(stream), int(position))


def bucket_of(stream: StreamId, buckets: int) -> int:
    """Bucket of the ``log`` index that holds the stream, ``0 … buckets - 1``."""
    return int.from_bytes(hashlib.sha256(str(stream).encode()).digest()[:8], "big") % buckets


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
