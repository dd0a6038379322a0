"""Controls on DynamoDB, in the table of the cursors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter

from banyan.errors import ControlChanged
from banyan.projections.control import Control
from banyan.projections.dynamodb import MAX_BATCH_READ
from banyan.projections.requests import MOVED, Patience, translated
from banyan.store.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX: Final = "control#"

_JSON: Final = TypeAdapter(Control)


class DynamoDBControls:
    """Keeps each control in one item, ``control#<projection>``.

    Parameters
    ----------
    client : DynamoDBClient
    cursors_table : str
        Keyed by ``cursor``.
    sleep : Callable[[float], None]
        Waits before keys that were left unread are asked for again, seconds.
    """

    def __init__(self, client: DynamoDBClient, cursors_table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = cursors_table
        self._patience = Patience(sleep)

    def get(self, projections: Sequence[str]) -> Mapping[str, Control]:
        """As in ``Controls``."""
        found = {control.projection: control for control in map(_read, self._items(projections))}
        return {name: found.get(name, Control(name)) for name in projections}

    def put(self, control: Control) -> Control:
        """As in ``Controls``: one ``PutItem``, which finds out when it is only repeated."""
        kept = replace(control, revision=control.revision + 1)
        try:
            self._client.put_item(**self._put(kept))
        except ClientError as error:
            if error.response["Error"]["Code"] not in MOVED:
                raise translated(error) from error
            if _standing(error) != kept:
                raise ControlChanged(control.projection) from error
        except BotoCoreError as error:
            raise translated(error) from error
        return kept

    def _items(self, projections: Sequence[str]) -> Iterator[Item]:
        for start in range(0, len(projections), MAX_BATCH_READ):
            keys = [_key(name) for name in projections[start : start + MAX_BATCH_READ]]
            wanted = {self._table: {"Keys": keys, "ConsistentRead": True}}
            yield from self._patience.read_batch(self._client, self._table, wanted)

    def _put(self, kept: Control) -> dict[str, Any]:
        before = kept.revision - 1
        seen = {"ExpressionAttributeValues": {":seen": {"N": str(before)}}} if before else {}
        return {
            "TableName": self._table,
            "Item": _item(kept),
            "ConditionExpression": "revision = :seen" if before else "attribute_not_exists(revision)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **seen,
        }


def _key(projection: str) -> Item:
    return {"cursor": {"S": PREFIX + projection}}


def _item(control: Control) -> Item:
    return _key(control.projection) | {
        "revision": {"N": str(control.revision)},
        "control": {"S": _JSON.dump_json(control).decode()},
    }


def _read(item: Mapping[str, Any]) -> Control:
    return _JSON.validate_json(item["control"]["S"])


def _standing(error: ClientError) -> Control | None:
    item: Mapping[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
    return _read(item) if item else None
