"""What a migration remembers besides its events: small texts under a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from banyan.migration.stores.requests import Requests, item_key

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
        self._requests = Requests(client, table)
        self._part = f"note#{entity}"

    def get(self, name: str) -> str | None:
        """A note. Raises ``StoreUnavailable``."""
        answer = self._requests.sent("get_item", Key=item_key(self._part, name), ConsistentRead=True)
        return str(answer["Item"]["text"]["S"]) if "Item" in answer else None

    def put(self, name: str, text: str) -> None:
        """Keep a note, over the one of the same name. Raises ``StoreUnavailable``."""
        self._requests.sent("put_item", Item=self._item(name, text))

    def remove(self, name: str) -> None:
        """Forget a note. Raises ``StoreUnavailable``."""
        self._requests.sent("delete_item", Key=item_key(self._part, name))

    def under(self, prefix: str) -> Iterator[str]:
        """Every note whose name begins so, by name. Raises ``StoreUnavailable``."""
        found = self._requests.items(self._part, "begins_with(#item, :prefix)", {":prefix": prefix})
        return (item["text"]["S"] for item in found)

    def replace(self, name: str, seen: str | None, text: str) -> bool:
        """Keep a note if the one of that name is still as it was seen; whether it was. Raises ``StoreUnavailable``."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#text)"}
        if seen is not None:
            values = {":seen": {"S": seen}}
            condition = {"ConditionExpression": "#text = :seen", "ExpressionAttributeValues": values}
        refusal = self._requests.refusal(
            "put_item",
            Item=self._item(name, text),
            ExpressionAttributeNames={"#text": "text"},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **condition,
        )
        if refusal is None:
            return True
        found: Any = refusal.response.get("Item", {})
        return bool(found) and found["text"]["S"] == text

    def _item(self, name: str, text: str) -> dict[str, Any]:
        return {**item_key(self._part, name), "text": {"S": text}}
