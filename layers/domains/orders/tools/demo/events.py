"""The event table read without the engine: scanned, unpacked, and added up order by order."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orders.tools.demo.ledger import Standing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(slots=True)
class History:
    """What the events of one order say.

    Parameters
    ----------
    types : list[str]
        Types of its events, by version.
    standing : Standing
        What they add up to.
    gap : bool
        Whether a version is missing or there twice.
    """

    types: list[str] = field(default_factory=list)
    standing: Standing = field(default_factory=Standing)
    gap: bool = False

    def take(self, position: int, events: list[Mapping[str, Any]]) -> None:
        """The next commit."""
        self.gap = self.gap or position != len(self.types) + 1
        for event in events:
            self.types.append(event["type"])
            self.standing = _after(self.standing, event["type"], event["data"])


def histories(client: DynamoDBClient, table: str, tenant: str) -> dict[str, History]:
    """The histories of a tenant's orders, by their ids."""
    commits: defaultdict[str, list[tuple[int, list[Mapping[str, Any]]]]] = defaultdict(list)
    for item in _items(client, table):
        if "commit_id" not in item:
            continue
        owner, entity, order = item["stream"]["S"].split(":")
        if (owner, entity) == (tenant, "order"):
            commits[order].append((int(item["position"]["N"]), _unpacked(item["events"])))
    found = {order: History() for order in commits}
    for order, history in found.items():
        for commit in sorted(commits[order], key=lambda commit: commit[0]):
            history.take(*commit)
    return found


def _items(client: DynamoDBClient, table: str) -> Iterator[Any]:
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]


def _unpacked(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    text = zlib.decompress(value["B"]).decode() if "B" in value else value["S"]
    events: list[Mapping[str, Any]] = json.loads(text)
    return events


def _after(standing: Standing, kind: str, data: Mapping[str, Any]) -> Standing:
    match kind:
        case "OrderImported" | "OrderCorrected":
            order = data["order"]
            lines = tuple(map(_line, order["items"]))
            return Standing(order["customerId"], order["status"], lines, Decimal(order["refundedAmount"]))
        case "OrderCreated":
            return Standing(data["customerId"], "created", tuple(map(_line, data["items"])))
        case "OrderItemAdded":
            return replace(standing, lines=(*standing.lines, _line(data["item"])))
        case "OrderPaid":
            return replace(standing, status="paid")
        case "OrderCancelled":
            return replace(standing, status="cancelled", refunded=Decimal(data["refundedAmount"]))
    return standing


def _line(item: Mapping[str, Any]) -> tuple[str, int, Decimal]:
    return item["sku"], item["quantity"], Decimal(item["price"])
