"""Documents on DynamoDB, in whatever items a table has kept them from its beginning."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from banyan.adapters.dynamodb.gateway import MAX_TRANSACTION, ConditionFailed, Gateway
from banyan.documents import Key
from banyan.errors import StoreBusy
from banyan.store.items import Item, pack, unpack

LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Layout:
    """The attributes of an item that hold a document.

    Parameters
    ----------
    sort : str, optional
        Where there is none, ``partition`` holds both parts of a key with a ``#`` between them, and no page can be read.
    digest : str, optional
        Of the text, which is compressed then, and stands for it in conditions.
    """

    partition: str
    sort: str | None
    text: str
    digest: str | None = None

    def key(self, key: Key) -> Item:
        """The key of an item."""
        if self.sort is None:
            return {self.partition: {"S": f"{key.partition}#{key.sort}"}}
        return {self.partition: {"S": key.partition}, self.sort: {"S": key.sort}}

    def key_of(self, item: Item) -> Key:
        """Undo ``key``."""
        if self.sort is None:
            partition, _, sort = item[self.partition]["S"].partition("#")
            return Key(partition, sort)
        return Key(item[self.partition]["S"], item[self.sort]["S"])

    def item(self, key: Key, text: str) -> Item:
        """The item of a document."""
        if self.digest is None:
            return {**self.key(key), self.text: {"S": text}}
        return {**self.key(key), self.text: pack(text), self.digest: {"S": _sha(text)}}

    def read(self, item: Item) -> str:
        """The text in an item."""
        return unpack(item[self.text])

    def unchanged(self, seen: str | None) -> Item:
        """The condition that a text, or nothing, stands where it was seen."""
        if seen is None:
            return _condition("attribute_not_exists(#name)", self.partition)
        if self.digest is None:
            return _condition("#name = :seen", self.text, {"S": seen})
        return _condition("#name = :seen", self.digest, {"S": _sha(seen)})


CELLS: Final = Layout("part", "cell", "content", digest="sha")
"""Of the digests table."""

STATES: Final = Layout("cursor", None, "control")
LOG_CHECKPOINTS: Final = Layout("cursor", None, "moment")
BUILDS: Final = Layout("cursor", None, "build")
SEGMENTS: Final = Layout("cursor", None, "segment")
"""Of the table of cursors."""


class DynamoDBDocuments:
    """Keeps documents in a table."""

    def __init__(self, gateway: Gateway, table: str, layout: Layout) -> None:
        self._gateway = gateway
        self._table = table
        self._layout = layout

    def get(self, key: Key) -> str | None:
        """One ``GetItem``."""
        item = self._gateway.get(self._table, self._layout.key(key))
        return self._layout.read(item) if item else None

    def get_many(self, keys: Sequence[Key]) -> Mapping[Key, str]:
        """One ``BatchGetItem`` for 100 keys."""
        items = self._gateway.get_many(self._table, [self._layout.key(key) for key in keys])
        return {self._layout.key_of(item): self._layout.read(item) for item in items}

    def page(self, partition: str, limit: int, *, after: str = "", prefix: str = "") -> Sequence[tuple[str, str]]:
        """One ``Query``, unless the page has more than 1 MB."""
        request = {
            "TableName": self._table,
            "ConsistentRead": True,
            **_range(self._layout, partition, after, prefix),
        }
        found: list[Item] = []
        start: Item | None = None
        while len(found) < limit:
            items, start = self._gateway.page("query", {**request, "Limit": limit - len(found)}, start)
            found += items
            if start is None:
                break
        return [(self._layout.key_of(item).sort, self._layout.read(item)) for item in found]

    def put(self, key: Key, text: str | None) -> None:
        """One ``PutItem`` or ``DeleteItem``."""
        self._gateway.write(*self._request(key, text))

    def put_many(self, documents: Mapping[Key, str | None]) -> None:
        """One ``BatchWriteItem`` for 25 documents."""
        self._gateway.write_many(self._table, [self._in_batch(key, text) for key, text in documents.items()])

    def replace(self, key: Key, seen: str | None, text: str | None) -> bool:
        """One conditional write."""
        return self._write_if(key, text, self._layout.unchanged(seen))

    def revise(self, key: Key, text: str, revision: int) -> bool:
        """One conditional write; the attribute ``revision`` counts."""
        condition = _condition("attribute_not_exists(#name)", "revision")
        if revision > 1:
            condition = _condition("#name = :seen", "revision", {"N": str(revision - 1)})
        return self._write_if(key, text, condition, {"revision": {"N": str(revision)}})

    def delete_unchanged(self, documents: Mapping[Key, str]) -> None:
        """One transaction for 100 documents, and one write each where some have changed."""
        for chunk in _chunks(list(documents.items())):
            deletes = [{"Delete": self._delete(key) | self._layout.unchanged(text)} for key, text in chunk]
            try:
                self._gateway.write("transact_write_items", {"TransactItems": deletes})
            except (ConditionFailed, StoreBusy):
                for key, text in chunk:
                    self.replace(key, text, None)

    def _write_if(self, key: Key, text: str | None, condition: Item, more: Item | None = None) -> bool:
        operation, request = self._request(key, text, more)
        try:
            self._gateway.write(operation, request | condition | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"})
        except ConditionFailed as failed:
            standing = failed.standing[0]
            return failed.repeated and (self._layout.read(standing) if standing else None) == text
        except StoreBusy:
            return False
        return True

    def _request(self, key: Key, text: str | None, more: Item | None = None) -> tuple[str, Item]:
        if text is None:
            return "delete_item", self._delete(key)
        return "put_item", {"TableName": self._table, "Item": self._layout.item(key, text) | (more or {})}

    def _delete(self, key: Key) -> Item:
        return {"TableName": self._table, "Key": self._layout.key(key)}

    def _in_batch(self, key: Key, text: str | None) -> Item:
        if text is None:
            return {"DeleteRequest": {"Key": self._layout.key(key)}}
        return {"PutRequest": {"Item": self._layout.item(key, text)}}


def _range(layout: Layout, partition: str, after: str, prefix: str) -> Item:
    """The part of a query that says which keys; no sort key comes between a text and the same with U+0000 behind it."""
    if layout.sort is None:
        raise TypeError(f"documents in one key, {layout.partition}, have no order")
    condition, values = "#partition = :partition", {":partition": {"S": partition}}
    names = {"#partition": layout.partition}
    if after or prefix:
        names["#sort"] = layout.sort
    if prefix:
        condition += " AND #sort BETWEEN :first AND :last"
        values |= {":first": {"S": f"{after}\x00" if after else prefix}, ":last": {"S": f"{prefix}{LAST}"}}
    elif after:
        condition += " AND #sort > :after"
        values[":after"] = {"S": after}
    return {
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _condition(expression: str, name: str, value: Item | None = None) -> Item:
    values = {"ExpressionAttributeValues": {":seen": value}} if value else {}
    return {"ConditionExpression": expression, "ExpressionAttributeNames": {"#name": name}, **values}


def _chunks(documents: Sequence[tuple[Key, str]]) -> Iterator[Sequence[tuple[Key, str]]]:
    return (documents[start : start + MAX_TRANSACTION] for start in range(0, len(documents), MAX_TRANSACTION))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
