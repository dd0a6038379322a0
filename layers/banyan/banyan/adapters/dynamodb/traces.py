"""Traces on DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.store.base import timestamp
from banyan.store.items import POSITION_DIGITS, Item
from banyan.streams import StreamId
from banyan.traces import TraceRow


class DynamoDBTraces:
    """Keeps trace rows in a table keyed by ``trace`` and ``entry``, whose TTL attribute is ``expires_at``."""

    def __init__(self, gateway: Gateway, table: str) -> None:
        self._gateway = gateway
        self._table = table

    def put(self, row: TraceRow) -> None:
        """One ``PutItem``."""
        self._gateway.write("put_item", {"TableName": self._table, "Item": _item(row)})

    def rows(self, tenant: str, correlation_id: str, limit: int) -> Sequence[TraceRow]:
        """Eventually consistent, as the rows themselves are."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#trace = :trace",
            "ExpressionAttributeNames": {"#trace": "trace"},
            "ExpressionAttributeValues": {":trace": {"S": _trace(tenant, correlation_id)}},
        }
        found = islice(self._gateway.items("query", request, limit), limit)
        return [_row(item, correlation_id) for item in found]


def _trace(tenant: str, correlation_id: str) -> str:
    """No tenant holds a ``#``, so what a caller puts into a correlation id leads to no other one's."""
    return f"{tenant}#{correlation_id}"


def _item(row: TraceRow) -> Item:
    return {
        "trace": {"S": _trace(row.stream.tenant, row.correlation_id)},
        "entry": {"S": f"{timestamp(row.recorded_at)}#{row.stream}#{row.first:0{POSITION_DIGITS}}"},
        "last": {"N": str(row.last)},
        "expires_at": {"N": str(int(row.expires_at.timestamp()))},
    }


def _row(item: Mapping[str, Any], correlation_id: str) -> TraceRow:
    recorded_at, stream, first = item["entry"]["S"].split("#")
    return TraceRow(
        correlation_id=correlation_id,
        recorded_at=datetime.fromisoformat(recorded_at),
        stream=StreamId.parse(stream),
        first=int(first),
        last=int(item["last"]["N"]),
        expires_at=datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC),
    )
