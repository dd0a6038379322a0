"""Batches of DynamoDB stream records, as Lambda hands them to the projector, the reactor and the change marker."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from banyan.store.items import Item, item_size
from banyan_tools.local.physical import ACCOUNT, REGION
from banyan_tools.samples.history import START

STREAM_ARN: Final = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/banyan-EventsTable/stream/2026-01-05T09:00:00.000"
VIEWS_STREAM_ARN: Final = STREAM_ARN.replace("EventsTable", "ViewsTable")
FIRST_SEQUENCE_NUMBER: Final = 100000000000000000001

Record = dict[str, Any]
Change = tuple[str, Item | None, Item | None]


def inserted(item: Item) -> Change:
    """A change that inserts an item."""
    return "INSERT", None, item


def batch(changes: Iterable[Change]) -> dict[str, Any]:
    """An event with a record for each change, in this order."""
    return {"Records": [record(number, *change) for number, change in enumerate(changes)]}


def record(number: int, name: str, old: Item | None, new: Item | None) -> Record:
    """One stream record."""
    item = new or old or {}
    sequence = str(FIRST_SEQUENCE_NUMBER + number)
    images = {"OldImage": old, "NewImage": new}
    return {
        "eventID": hashlib.sha256(f"{name}{sequence}{item['digest']['S']}".encode()).hexdigest()[:32],
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": recorded_at(item),
            "Keys": image({key: item[key] for key in ("stream", "position")}),
            **{key: image(value) for key, value in images.items() if value},
            "SequenceNumber": sequence,
            "SizeBytes": sum(item_size(value) for value in images.values() if value),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": STREAM_ARN,
    }


def keys_batch(stream: str, changes: Iterable[tuple[str, Item]]) -> dict[str, Any]:
    """An event with a record for each change, of a stream that shows keys only."""
    return {"Records": [keys_record(stream, number, *change) for number, change in enumerate(changes)]}


def keys_record(stream: str, number: int, name: str, keys: Item) -> Record:
    """One record of a stream that shows keys only."""
    sequence = str(FIRST_SEQUENCE_NUMBER + number)
    return {
        "eventID": hashlib.sha256(f"{name}{sequence}".encode()).hexdigest()[:32],
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": START.timestamp() // 1,
            "Keys": keys,
            "SequenceNumber": sequence,
            "SizeBytes": item_size(keys),
            "StreamViewType": "KEYS_ONLY",
        },
        "eventSourceARN": stream,
    }


def recorded_at(item: Item) -> float:
    """When an item was written, seconds since 1970; streams know it to the second."""
    written = datetime.fromisoformat(item["recorded_at"]["S"]) if "recorded_at" in item else START
    return written.timestamp() // 1


def image(item: Item) -> dict[str, Any]:
    """An item as JSON: binary values are base64 text."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in item.items()
    }
