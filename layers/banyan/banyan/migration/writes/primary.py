"""The primary: the side whose transaction decides a command, and which the other side follows."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from banyan.adapters.dynamodb.commits import TransactItem
from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.errors import Overtaken
from banyan.store.items import Item, bucket_of
from banyan.streams import StreamId

SHARDS: Final = 8


class Primary(StrEnum):
    """The side whose transaction decides a command."""

    LEGACY = "legacy"
    EVENTS = "events"
    NONE = "nobody"
    """While the primary changes: writes wait."""
    OFF = "off"
    """Events for good: the legacy system takes no more writes."""


def fencing_token(cutover: int, *, done: bool = False) -> int:
    """The fencing token of a cutover: a store that has met it takes no lower one any more.

    Parameters
    ----------
    cutover : int
        Grows with every cutover, and when one is reversed.
    done : bool
        Whether the new primary may begin; before, the old one is stopped.
    """
    return 2 * cutover + done


def already_made(found: int, given: int) -> bool:
    """Whether a store that holds a fencing token has seen the very cutover of another one to its end.

    Raises
    ------
    Overtaken
        A later cutover has been there.
    """
    if found // 2 > given // 2:
        raise Overtaken(f"cutover {found // 2} has overtaken cutover {given // 2}")
    return found > given


class DynamoDBPrimary:
    """Which side is primary, for transactions to check: one item for each of a few shards, so that none gets hot.

    Parameters
    ----------
    table : str
        Keyed by ``part`` and ``item``.
    """

    def __init__(self, gateway: Gateway, table: str, entity: str) -> None:
        self._gateway = gateway
        self._table = table
        self._part = f"lead#{entity}"

    def get(self) -> Primary:
        """Which side is primary; while it changes this may be either. Raises ``StoreUnavailable``."""
        item = self._first()
        return Primary(item["leader"]["S"]) if item else Primary.LEGACY

    def put(self, primary: Primary, token: int) -> bool:
        """Change the primary for all shards at once: every transaction that checked another one is over or fails.

        Returns
        -------
        bool
            False when this cutover has been made already.

        Raises
        ------
        Overtaken
            A later cutover has been here.
        StoreUnavailable
        """
        puts = [self._put(shard, primary, token) for shard in range(SHARDS)]
        try:
            self._gateway.write("transact_write_items", {"TransactItems": puts})
        except ConditionFailed:
            item: Any = self._first()
            return not already_made(int(item["token"]["N"]), token)
        return True

    def check(self, stream: StreamId, primary: Primary) -> TransactItem:
        """What a transaction on a stream holds, so that it fails when another side is primary."""
        absent = "attribute_not_exists(leader) OR " if primary is Primary.LEGACY else ""
        return self._check(stream, f"{absent}leader = :leader", primary)

    def check_not_off(self, stream: StreamId) -> TransactItem:
        """What a transaction on a stream holds, so that it fails once the legacy system takes no more writes."""
        return self._check(stream, "attribute_not_exists(leader) OR leader <> :leader", Primary.OFF)

    def _check(self, stream: StreamId, condition: str, primary: Primary) -> TransactItem:
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": self._key(bucket_of(stream, SHARDS)),
                "ConditionExpression": condition,
                "ExpressionAttributeValues": {":leader": {"S": primary.value}},
            }
        }

    def _put(self, shard: int, primary: Primary, token: int) -> TransactItem:
        item = {**self._key(shard), "leader": {"S": primary.value}, "token": {"N": str(token)}}
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(#token) OR #token <= :token",
                "ExpressionAttributeNames": {"#token": "token"},
                "ExpressionAttributeValues": {":token": {"N": str(token)}},
            }
        }

    def _first(self) -> Item | None:
        return self._gateway.get(self._table, self._key(0))

    def _key(self, shard: int) -> Item:
        return {"part": {"S": self._part}, "item": {"S": str(shard)}}
