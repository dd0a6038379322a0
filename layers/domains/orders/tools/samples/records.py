"""Batches of DynamoDB stream records, as Lambda hands them to the projector and the reactor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from banyan.store.items import Item
from banyan_tools.samples.records import STREAM_ARN, VIEWS_STREAM_ARN, batch, inserted, keys_batch
from orders.tools.samples.orders import HISTORY, history, snapshot_of, stream

LEGACY_STREAM_ARN = STREAM_ARN.replace("banyan-EventsTable", "legacy-orders")
HEALED = "order-1006"


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
    return history().items([stream(order)])
