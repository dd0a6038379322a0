"""Requests to the table of migrations: an outage is the engine's error, and pages are read to the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from banyan.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONDITION_FAILED: Final = "ConditionalCheckFailedException"


class Requests:
    """Sends requests to one table, keyed by ``part`` and ``item``.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
    """

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def sent(self, operation: str, **request: Any) -> Any:
        """The answer to a request. Raises ``StoreUnavailable``."""
        try:
            return self._answer(operation, request)
        except (ClientError, BotoCoreError) as error:
            raise unavailable(error) from error

    def refusal(self, operation: str, **request: Any) -> ClientError | None:
        """Send a conditional write; the error when its condition failed. Raises ``StoreUnavailable``."""
        try:
            self._answer(operation, request)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == CONDITION_FAILED:
                return error
            raise unavailable(error) from error
        return None

    def items(
        self, part: str, condition: str = "", values: Mapping[str, str] | None = None, **options: Any
    ) -> Iterator[Any]:
        """Items of a part, strongly consistent, by name.

        Parameters
        ----------
        part : str
        condition : str
            More of the key condition; the name of an item is ``#item`` there.
        values : Mapping[str, str]
            Its values, by placeholder.
        options : Any
            More of the query.

        Raises
        ------
        StoreUnavailable
        """
        texts = {":part": part, **(values or {})}
        query: dict[str, Any] = {
            "KeyConditionExpression": "#part = :part" + (f" AND {condition}" if condition else ""),
            "ExpressionAttributeNames": {"#part": "part", **({"#item": "item"} if condition else {})},
            "ExpressionAttributeValues": {name: {"S": text} for name, text in texts.items()},
            "ConsistentRead": True,
            **options,
        }
        while True:
            answer = self.sent("query", **query)
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _answer(self, operation: str, request: Mapping[str, Any]) -> Any:
        return getattr(self._client, operation)(TableName=self._table, **request)


def item_key(part: str, item: str) -> dict[str, Any]:
    """The key of an item."""
    return {"part": {"S": part}, "item": {"S": item}}


def unavailable(error: ClientError | BotoCoreError) -> StoreUnavailable:
    """What a failed request means."""
    return StoreUnavailable(f"no answer from the migration table: {type(error).__name__}")
