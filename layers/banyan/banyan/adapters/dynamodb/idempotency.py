"""Idempotency records on DynamoDB."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from banyan.adapters.dynamodb.commit_items import Item
from banyan.adapters.dynamodb.commits import REJECTIONS
from banyan.commands.idempotency import Record, StoredAnswer
from banyan.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_FAILED = "ConditionalCheckFailedException"


class DynamoDBIdempotency:
    """Keeps records in a table keyed by ``key``, whose TTL attribute is ``expires_at``.

    Parameters
    ----------
    client : DynamoDBClient
    name : str
        Name of the table.
    """

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, key: str) -> Record | None:
        """As in ``IdempotencyTable``: one ``GetItem``."""
        try:
            answer = self._client.get_item(TableName=self._name, Key={"key": {"S": key}}, ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise _translated(error) from error
        return _record(answer["Item"]) if "Item" in answer else None

    def claim(self, record: Record, now: datetime) -> Record:
        """As in ``IdempotencyTable``: one ``PutItem``, which also brings what stands there."""
        condition = "attribute_not_exists(#key) OR #expires_at <= :now"
        names = {"#key": "key", "#expires_at": "expires_at"}
        return self._put(record, condition, names, {":now": _seconds(now)})

    def replace(self, record: Record, owner: str) -> Record:
        """As in ``IdempotencyTable``: one ``PutItem``."""
        condition = "#owner = :owner AND attribute_not_exists(#answer)"
        return self._put(record, condition, {"#owner": "owner", "#answer": "answer"}, {":owner": {"S": owner}})

    def _put(self, record: Record, condition: str, names: dict[str, str], values: Item) -> Record:
        try:
            self._client.put_item(
                TableName=self._name,
                Item=_item(record),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _FAILED:
                raise _translated(error) from error
            found: Any = error.response
            return _record(found["Item"]) if "Item" in found else record
        except BotoCoreError as error:
            raise _translated(error) from error
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


def _translated(error: ClientError | BotoCoreError) -> Exception:
    if isinstance(error, ClientError) and error.response["Error"]["Code"] in REJECTIONS:
        return error
    return StoreUnavailable(f"no answer from the idempotency table: {type(error).__name__}")
