"""Idempotency records on DynamoDB."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.commands.idempotency import Record, StoredAnswer
from banyan.store.items import Item


class DynamoDBIdempotency:
    """Keeps records in a table keyed by ``key``, whose TTL attribute is ``expires_at``."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        self._gateway = gateway
        self._name = name

    def get(self, key: str) -> Record | None:
        """One ``GetItem``."""
        item = self._gateway.get(self._name, {"key": {"S": key}})
        return _record(item) if item else None

    def claim(self, record: Record, now: datetime) -> Record:
        """One ``PutItem``, which also brings what stands there."""
        condition = "attribute_not_exists(#key) OR #expires_at <= :now"
        names = {"#key": "key", "#expires_at": "expires_at"}
        return self._put(record, condition, names, {":now": _seconds(now)})

    def replace(self, record: Record, owner: str) -> Record:
        """One ``PutItem``."""
        condition = "#owner = :owner AND attribute_not_exists(#answer)"
        return self._put(record, condition, {"#owner": "owner", "#answer": "answer"}, {":owner": {"S": owner}})

    def _put(self, record: Record, condition: str, names: dict[str, str], values: Item) -> Record:
        request = {
            "TableName": self._name,
            "Item": _item(record),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            self._gateway.write("put_item", request)
        except ConditionFailed as failed:
            return _record(failed.standing[0]) if failed.standing[0] else record
        return record


def _item(record: Record) -> Item:
    item: Item = {
        "key": {"S": record.key},
        "fingerprint": {"S": record.fingerprint},
        "owner": {"S": record.owner},
        "started_at": {"S": record.started_at.isoformat()},
        "lease_until": {"S": record.lease_until.isoformat()},
        "expires_at": _seconds(record.expires_at),
    }
    if record.answer:
        stored = {"status": record.answer.status, "headers": record.answer.headers, "body": record.answer.body}
        item["answer"] = {"S": orjson.dumps(stored).decode()}
    return item


def _record(item: Any) -> Record:
    answer = item.get("answer")
    return Record(
        key=item["key"]["S"],
        fingerprint=item["fingerprint"]["S"],
        owner=item["owner"]["S"],
        started_at=datetime.fromisoformat(item["started_at"]["S"]),
        lease_until=datetime.fromisoformat(item["lease_until"]["S"]),
        expires_at=datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC),
        answer=StoredAnswer(**orjson.loads(answer["S"])) if answer else None,
    )


def _seconds(moment: datetime) -> Any:
    return {"N": str(int(moment.timestamp()))}
