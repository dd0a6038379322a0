"""Batches of DynamoDB stream records, as Lambda hands them to the projector and the reactor."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from banyan.store.items import Item, commit_item, item_size
from banyan_tools.local.physical import ACCOUNT, REGION
from orders.tools.samples.orders import BUCKETS, HISTORY, START, commits, snapshot_of

STREAM_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/banyan-EventsTable/stream/2026-01-05T09:00:00.000"
VIEWS_STREAM_ARN = STREAM_ARN.replace("EventsTable", "ViewsTable")
LEGACY_STREAM_ARN = STREAM_ARN.replace("banyan-EventsTable", "legacy-orders")
FIRST_SEQUENCE_NUMBER = 100000000000000000001
HEALED = "order-1006"

Record = dict[str, Any]
Change = tuple[str, Item | None, Item | None]


def batches() -> Mapping[str, Any]:
    """Every sample event of the projector, by name."""
    paid = items("order-1004")
    return {
        "insert": batch(inserted(item) for order in HISTORY if order != HEALED for item in items(order)),
        "duplicate": batch(inserted(item) for item in [paid[1], paid[0], paid[0], paid[2], paid[1]]),
        "gap": batch([inserted(items(HEALED)[1])]),
        "modify": batch([("MODIFY", paid[2], paid[2] | {"digest": {"S": "0" * 64}})]),
        "remove": batch([("REMOVE", paid[2], None)]),
        "snapshot": batch([inserted(snapshot_of("order-1004"))]),
    }


def reactions() -> Mapping[str, Any]:
    """Every sample event of the reactor, by name."""
    paid = items("order-1004")
    return {
        "insert": batch(inserted(item) for item in items("order-1005")),
        "duplicate": batch(inserted(item) for item in [paid[1], paid[0], paid[0], paid[2], paid[1]]),
        "gap": batch([inserted(items(HEALED)[1])]),
    }


def row_changes() -> Mapping[str, Any]:
    """Every sample event of the change marker, by name: rows of a table that were written or removed."""
    state = {"row": {"S": "order@1#acme:order:order-1004"}, "sort": {"S": "-"}}
    total = {"row": {"S": "customer_totals@1#acme#customer-1"}, "sort": {"S": ":totals"}}
    changes = [("INSERT", state), ("MODIFY", state), ("MODIFY", total), ("REMOVE", state)]
    legacy = [{"tenant": {"S": "acme"}, "id": {"S": id}} for id in ("order-1004", "order-1005", "of no stream")]
    old = [("MODIFY", legacy[0]), ("REMOVE", legacy[1]), ("MODIFY", legacy[0]), ("INSERT", legacy[2])]
    return {"rows": keys_batch(VIEWS_STREAM_ARN, changes), "legacy_rows": keys_batch(LEGACY_STREAM_ARN, old)}


def items(order: str) -> Sequence[Item]:
    """The commits of a sample order as items of the event table."""
    return [commit_item(commit, BUCKETS) for commit in commits(order)]


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
