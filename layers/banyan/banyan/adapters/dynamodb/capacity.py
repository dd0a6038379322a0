"""The capacity that a process consumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

READS: Final = ("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems")
WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


class ConsumedCapacity:
    """Asks DynamoDB what each request of a client consumes, and adds it up, indexes included.

    Parameters
    ----------
    client : DynamoDBClient

    Attributes
    ----------
    read_units, write_units : float
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self.read_units = 0.0
        self.write_units = 0.0
        for operation in READS + WRITES:
            client.meta.events.register(f"provide-client-params.dynamodb.{operation}", _ask)
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._add)

    def _add(self, model: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        units = _units(parsed.get("ConsumedCapacity", []))
        if model.name in READS:
            self.read_units += units
        else:
            self.write_units += units


def _ask(params: dict[str, Any], **_: Any) -> None:
    params["ReturnConsumedCapacity"] = "TOTAL"


def _units(consumed: Any) -> float:
    entries = consumed if isinstance(consumed, list) else [consumed]
    return sum(float(entry.get("CapacityUnits", 0)) for entry in entries)
