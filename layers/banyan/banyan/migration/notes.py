"""What a migration remembers besides its events: small texts under a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from banyan.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Notes:
    """Keeps notes of one entity's migration in a table keyed by ``part`` and ``item``.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
    entity : str
    """

    def __init__(self, client: DynamoDBClient, table: str, entity: str) -> None:
        self._client = client
        self._table = table
        self._entity = entity

    def get(self, name: str) -> str | None:
        """A note. Raises ``StoreUnavailable``."""
        key = self._key("note", name)
        answer = _sent(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
        return str(answer["Item"]["text"]["S"]) if "Item" in answer else None

    def put(self, name: str, text: str) -> None:
        """Keep a note, over the one of the same name. Raises ``StoreUnavailable``."""
        item = {**self._key("note", name), "text": {"S": text}}
        _sent(self._client.put_item, TableName=self._table, Item=item)

    def under(self, prefix: str) -> Iterator[str]:
        """Every note whose name begins so, by name. Raises ``StoreUnavailable``."""
        start: dict[str, Any] = {}
        while True:
            answer = _sent(
                self._client.query,
                TableName=self._table,
                KeyConditionExpression="#part = :part AND begins_with(#item, :prefix)",
                ExpressionAttributeNames={"#part": "part", "#item": "item"},
                ExpressionAttributeValues={":part": self._key("note", "")["part"], ":prefix": {"S": prefix}},
                ConsistentRead=True,
                **start,
            )
            yield from (item["text"]["S"] for item in answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def replace(self, name: str, seen: str | None, text: str) -> bool:
        """Keep a note if the one of that name is still as it was seen; whether it was. Raises ``StoreUnavailable``."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#text)"}
        if seen is not None:
            values = {":seen": {"S": seen}}
            condition = {"ConditionExpression": "#text = :seen", "ExpressionAttributeValues": values}
        item = {**self._key("note", name), "text": {"S": text}}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ExpressionAttributeNames={"#text": "text"},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise _unavailable(error) from error
            found: Any = error.response.get("Item", {})
            return bool(found) and found["text"]["S"] == text
        except BotoCoreError as error:
            raise _unavailable(error) from error
        return True

    def _key(self, kind: str, name: str) -> dict[str, Any]:
        return {"part": {"S": f"{kind}#{self._entity}"}, "item": {"S": name}}


def _sent(operation: Callable[..., Any], **request: Any) -> Any:
    try:
        return operation(**request)
    except (ClientError, BotoCoreError) as error:
        raise _unavailable(error) from error


def _unavailable(error: ClientError | BotoCoreError) -> StoreUnavailable:
    return StoreUnavailable(f"no answer from the migration table: {type(error).__name__}")
