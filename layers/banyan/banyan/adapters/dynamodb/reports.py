"""Reports of the reconciliation on DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.reconciliation.report import Report
from banyan.store.base import timestamp
from banyan.store.items import Item, pack, unpack

RECONCILIATION: Final = "reconciliation"


class DynamoDBReports:
    """Keeps reports in a table keyed by ``report`` and ``started_at``."""

    def __init__(self, gateway: Gateway, table: str) -> None:
        self._gateway = gateway
        self._table = table

    def put(self, report: Report) -> None:
        """One ``PutItem``."""
        item = {
            **_key(report.started_at),
            "drift_percent": {"N": str(report.drift_percent)},
            "content": pack(report.model_dump_json(by_alias=True)),
        }
        self._gateway.write("put_item", {"TableName": self._table, "Item": item})

    def latest(self, limit: int = 10) -> Sequence[Report]:
        """One ``Query``, unless the reports have more than 1 MB."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "report = :report",
            "ExpressionAttributeValues": {":report": {"S": RECONCILIATION}},
            "ScanIndexForward": False,
        }
        return [_read(item) for item in islice(self._gateway.items("query", request, limit), limit)]

    def find(self, started_at: datetime) -> Report | None:
        """One ``GetItem``."""
        item = self._gateway.get(self._table, _key(started_at))
        return _read(item) if item else None


def _key(started_at: datetime) -> Item:
    return {"report": {"S": RECONCILIATION}, "started_at": {"S": timestamp(started_at)}}


def _read(item: Item) -> Report:
    return Report.model_validate_json(unpack(item["content"]))
