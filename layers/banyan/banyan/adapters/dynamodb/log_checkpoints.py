"""Checkpoints in the log of all streams on DynamoDB, in the table of the cursors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from banyan.adapters.dynamodb.commit_items import Item
from banyan.adapters.dynamodb.requests import Patience, sent
from banyan.projections.views import Generation
from banyan.store.chain import timestamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX: Final = "catchup#"


class DynamoDBCheckpoints:
    """Keeps each moment in one item, ``catchup#<projection>@<generation>#<bucket>``.

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

    def get(self, generation: Generation, buckets: Sequence[int]) -> Mapping[int, datetime]:
        """As in ``LogCheckpoints``."""
        keys = [_key(generation, bucket) for bucket in buckets]
        return {
            int(item["cursor"]["S"].rpartition("#")[2]): datetime.fromisoformat(item["moment"]["S"])
            for item in self._patience.read_batch(self._client, self._table, keys)
        }

    def put(self, generation: Generation, bucket: int, moment: datetime) -> None:
        """As in ``LogCheckpoints``: one ``PutItem``."""
        item = _key(generation, bucket) | {"moment": {"S": timestamp(moment)}}
        sent(self._client.put_item, {"TableName": self._table, "Item": item})


def _key(generation: Generation, bucket: int) -> Item:
    return {"cursor": {"S": f"{PREFIX}{generation}#{bucket}"}}
