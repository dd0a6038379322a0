"""Cells of the reconciliation on DynamoDB."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from banyan.adapters.dynamodb.commit_items import Item, pack, unpack
from banyan.adapters.dynamodb.requests import ATTEMPTS, BACKOFF_SECONDS, Patience, translated
from banyan.errors import StoreUnavailable
from banyan.projections.views import WriteConflict
from banyan.reconciliation.cells import Key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_BATCH_WRITE: Final = 25
MAX_TRANSACTION: Final = 100


class DynamoDBCells:
    """Keeps cells in a table keyed by ``part`` and ``cell``.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
    sleep : Callable[[float], None]
        Waits before what was left out is asked for again, seconds.
    """

    def __init__(self, client: DynamoDBClient, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep
        self._patience = Patience(sleep)

    def read(self, keys: Sequence[Key]) -> Mapping[Key, str]:
        """As in ``Cells``: one ``BatchGetItem`` for 100 keys."""
        items = self._patience.read_batch(self._client, self._table, [_key(key) for key in keys])
        return {Key(item["part"]["S"], item["cell"]["S"]): unpack(item["content"]) for item in items}

    def write(self, cells: Mapping[Key, str | None]) -> None:
        """As in ``Cells``: one ``BatchWriteItem`` for 25 cells."""
        requests = [_request(key, text) for key, text in cells.items()]
        for start in range(0, len(requests), MAX_BATCH_WRITE):
            self._write_batch({self._table: requests[start : start + MAX_BATCH_WRITE]})

    def page(self, partition: str, limit: int, after: str = "") -> Sequence[tuple[str, str]]:
        """As in ``Cells``: one ``Query``."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "part = :part" + (" AND cell > :after" if after else ""),
            "ExpressionAttributeValues": {":part": {"S": partition}} | ({":after": {"S": after}} if after else {}),
            "Limit": limit,
        }
        items = self._call(self._client.query, request)["Items"]
        return [(item["cell"]["S"], unpack(item["content"])) for item in items]

    def replace(self, key: Key, old: str | None, new: str | None) -> bool:
        """As in ``Cells``: one conditional write."""
        request = {"TableName": self._table, **_still(old)}
        operation, request = (
            (self._client.delete_item, request | {"Key": _key(key)})
            if new is None
            else (self._client.put_item, request | {"Item": _item(key, new)})
        )
        try:
            self._patience.write(operation, request)
        except WriteConflict:
            return False
        return True

    def remove(self, cells: Mapping[Key, str]) -> None:
        """As in ``Cells``: one transaction for 100 cells, and one write each where some have changed."""
        found = list(cells.items())
        for start in range(0, len(found), MAX_TRANSACTION):
            chunk = found[start : start + MAX_TRANSACTION]
            deletes = [{"Delete": {"TableName": self._table, "Key": _key(key), **_still(text)}} for key, text in chunk]
            try:
                self._patience.write(self._client.transact_write_items, {"TransactItems": deletes})
            except WriteConflict:
                for key, text in chunk:
                    self.replace(key, text, None)

    def _write_batch(self, wanted: Mapping[str, Any]) -> None:
        for attempt in range(ATTEMPTS):
            wanted = self._call(self._client.batch_write_item, {"RequestItems": wanted}).get("UnprocessedItems", {})
            if not wanted:
                return
            self._sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))
        raise StoreUnavailable("the digests table leaves cells unwritten: it is throttled, try again")

    def _call(self, operation: Callable[..., Any], request: Mapping[str, Any]) -> Any:
        try:
            return operation(**request)
        except (ClientError, BotoCoreError) as error:
            raise translated(error) from error


def _request(key: Key, text: str | None) -> Item:
    return {"DeleteRequest": {"Key": _key(key)}} if text is None else {"PutRequest": {"Item": _item(key, text)}}


def _key(key: Key) -> Item:
    return {"part": {"S": key.partition}, "cell": {"S": key.sort}}


def _item(key: Key, text: str) -> Item:
    return {**_key(key), "content": pack(text), "sha": {"S": _sha(text)}}


def _still(old: str | None) -> Item:
    if old is None:
        return {"ConditionExpression": "attribute_not_exists(part)"}
    return {"ConditionExpression": "sha = :old", "ExpressionAttributeValues": {":old": {"S": _sha(old)}}}


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
