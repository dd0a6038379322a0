"""The table of a legacy system on DynamoDB as lines."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from banyan.errors import StoreUnavailable
from banyan.migration.archive.tables import DirectWrites, TablePage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ITEMS: Final = "items"


class DynamoDBTables:
    """Items as DynamoDB's own JSON, so that every attribute keeps its type.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
    entity : str
    """

    kind = "dynamodb"
    line_format = 1

    def __init__(self, client: DynamoDBClient, table: str, entity: str) -> None:
        self._client = client
        self._table = table
        self._entity = entity

    def in_format(self, line_format: int) -> DynamoDBTables:  # noqa: ARG002
        """As in ``LegacyTables``: there is one."""
        return self

    def names(self) -> Sequence[str]:
        """As in ``LegacyTables``: the table may have another name where it is restored."""
        return (ITEMS,)

    def page(self, table: str, after: str | None, limit: int) -> TablePage:  # noqa: ARG002
        """As in ``LegacyTables``; the order is that of the table's partitions."""
        start = {"ExclusiveStartKey": _item(after.encode())} if after else {}
        answer = self._call("scan", ConsistentRead=True, Limit=limit, **start)
        items = answer["Items"]
        end = answer.get("LastEvaluatedKey")
        out_of_sync = [self._stream(item) for item in items if not _in_sync(item)]
        return TablePage([_line(item) for item in items], _line(end).decode() if end else None, out_of_sync)

    def insert(self, table: str, lines: Sequence[bytes]) -> None:  # noqa: ARG002
        """As in ``LegacyTables``."""
        for line in lines:
            with suppress(self._client.exceptions.ConditionalCheckFailedException):
                self._call("put_item", Item=_item(line), ConditionExpression="attribute_not_exists(id)")

    def rehearse(self, table: str, lines: Sequence[bytes]) -> Sequence[bytes]:  # noqa: ARG002
        """As in ``LegacyTables``: DynamoDB takes back every item that it gave, if the lines hold all of it."""
        return [_line(_item(line)) for line in lines]

    def end_restoration(self) -> None:
        """As in ``LegacyTables``: nothing."""

    def filled(self) -> str | None:
        """As in ``LegacyTables``."""
        return ITEMS if self._call("scan", ConsistentRead=True, Limit=1)["Items"] else None

    def direct_writes(self) -> DirectWrites:
        """As in ``LegacyTables``: DynamoDB does not say who uses it; only its content does."""
        return DirectWrites()

    def _stream(self, item: Mapping[str, Any]) -> str:
        return f"{item['tenant']['S']}:{self._entity}:{item['id']['S']}"

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._client, operation)(TableName=self._table, **request)
        except self._client.exceptions.ConditionalCheckFailedException:
            raise
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"no answer from the legacy table: {type(error).__name__}") from error


def _in_sync(item: Mapping[str, Any]) -> bool:
    sync_point = item.get("banyan_link", {}).get("L")
    return bool(sync_point) and sync_point[0] == item.get("version")


def _line(item: Mapping[str, Any]) -> bytes:
    return orjson.dumps({name: _written(*next(iter(value.items()))) for name, value in item.items()}, option=_SORTED)


def _item(line: bytes) -> dict[str, Any]:
    return {name: _read(*next(iter(value.items()))) for name, value in orjson.loads(line).items()}


def _written(kind: str, value: Any) -> Mapping[str, Any]:
    """An attribute as JSON: binary values as text, sets in order."""
    match kind:
        case "B":
            return {kind: b64encode(bytes(value)).decode()}
        case "BS":
            return {kind: sorted(b64encode(bytes(each)).decode() for each in value)}
        case "SS" | "NS":
            return {kind: sorted(value)}
    return {kind: _nested(kind, value, _written)}


def _read(kind: str, value: Any) -> Mapping[str, Any]:
    match kind:
        case "B":
            return {kind: b64decode(value)}
        case "BS":
            return {kind: [b64decode(each) for each in value]}
    return {kind: _nested(kind, value, _read)}


def _nested(kind: str, value: Any, each: Any) -> Any:
    match kind:
        case "M":
            return {name: each(*next(iter(inner.items()))) for name, inner in value.items()}
        case "L":
            return [each(*next(iter(inner.items()))) for inner in value]
    return value


_SORTED: Final = orjson.OPT_SORT_KEYS
