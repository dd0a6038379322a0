"""A legacy system on DynamoDB: one item for a row, its sync point and its last commands."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from banyan.adapters.dynamodb.commits import TransactItem
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.documents import Documents
from banyan.errors import LegacyWritesOff, PrimaryChanged, RowRaced, RowRefused, StoreUnavailable
from banyan.events import Metadata
from banyan.migration.checks.rows_side import ChangeFeed, side_name
from banyan.migration.stores.adapter import LegacyAdapter
from banyan.migration.stores.items import ItemAttributes, Value
from banyan.migration.stores.legacy import BadRow, LegacyRow, NamedRow, OutboxEntry, SyncPoint, Unit
from banyan.migration.stores.rows import LegacyKey, key_at, nameable, place_of, read_row, readable
from banyan.migration.writes.primary import DynamoDBPrimary, Primary
from banyan.reconciliation.feeds import DirtySet
from banyan.store.chain import timestamp
from banyan.streams import StreamId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

R = TypeVar("R", bound=BaseModel)

KEY: Final = ("tenant", "id")
LINK, COMMANDS = "banyan_link", "banyan_commands"
REMEMBERED: Final = 50
LATEST: Final = "latest"

_logger = logging.getLogger(__name__)

_WHOLE = re.compile("-?[0-9]+")

_reader, _writer = TypeDeserializer(), TypeSerializer()

NO_ITEM: Final = "the item is too large, or holds a value that no item can hold"


@dataclass(frozen=True, slots=True)
class StoredRow(Generic[R]):
    """A row, the commands it remembers, newest last, and the item as it is stored."""

    row: LegacyRow[R]
    commands: tuple[Mapping[str, Any], ...]
    item: Mapping[str, Value]

    def answered(self, commit_id: str) -> OutboxEntry | None:
        """The entry of a command that it remembers, without its events."""
        found = next((command for command in self.commands if command["commitId"] == commit_id), None)
        return _entry(self.row.stream, found) if found else None


class DynamoDBLegacy(Generic[R]):
    """Rows of one entity in a table keyed by ``tenant`` and ``id``; whoever writes raises ``version``.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
    adapter : LegacyAdapter
    primary : DynamoDBPrimary
    stream : str, optional
        ARN of the table's stream that the change marker reads; with the label ``latest`` of the one it has now.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        adapter: LegacyAdapter[R, Any],
        primary: DynamoDBPrimary,
        *,
        stream: str = "",
    ) -> None:
        self._client = client
        self._table = table
        self._adapter = adapter
        self._attributes = ItemAttributes(adapter)
        self._primary = primary
        self._stream = stream
        self._gateway = Gateway(client)

    def load(self, stream: StreamId) -> LegacyRow[R] | None:
        """As in ``LegacyRepository``."""
        stored = self.stored(stream)
        return stored.row if stored else None

    def stored(self, stream: StreamId) -> StoredRow[R] | None:
        """A row and the commands it remembers. Raises ``UnreadableRow``, ``StoreUnavailable``."""
        item = self._call("get_item", Key=_key(stream), ConsistentRead=True).get("Item", {})
        row = readable(self._read(item)) if item else None
        commands = _reader.deserialize(item[COMMANDS]) if COMMANDS in item else ()
        return StoredRow(row, tuple(commands or ()), item) if row else None

    def rows(self, streams: Sequence[StreamId]) -> Mapping[StreamId, LegacyRow[R] | BadRow]:
        """As in ``LegacyRepository``: one batch read for up to 100."""
        items = self._gateway.get_many(self._table, [_key(stream) for stream in streams])
        found = [self._read(item) for item in items]
        return {stream: row for row in found if (stream := nameable(key_at(place_of(row)), self._adapter.entity))}

    def scan(self, after: NamedRow | None, limit: int) -> Sequence[LegacyRow[R] | BadRow]:
        """As in ``LegacyRepository``; the order is that of the table's partitions."""
        start = {"ExclusiveStartKey": _key(after)} if after else {}
        answer = self._call("scan", ConsistentRead=True, Limit=limit, **start)
        return [self._read(item) for item in answer["Items"]]

    def count(self) -> int:
        """As in ``LegacyRepository``: the table's own count, up to 6 hours old."""
        return int(self._call("describe_table")["Table"]["ItemCount"])

    def out_of_sync(self, limit: int) -> Sequence[StreamId]:
        """As in ``LegacyRepository``; reads the whole table."""
        found: list[StreamId] = []
        rows = self.scan(None, limit)
        while rows and len(found) < limit:
            streams = [nameable(key_at(place_of(row)), self._adapter.entity) for row in rows if not row.in_sync]
            found += filter(None, streams)
            rows = self.scan(key_at(place_of(rows[-1])), limit)
        return found[:limit]

    def changes(self, documents: Documents) -> ChangeFeed | None:
        """As in ``TracksChanges``: what the table's stream told of, as long as it is the one that is read."""
        if not self._stream:
            return None
        table = self._call("describe_table")["Table"]
        label = table.get("LatestStreamLabel", "")
        if not table.get("StreamSpecification", {}).get("StreamEnabled") or not self._reads(label):
            _logger.error("the legacy table has no such stream any more, so all its rows are read: %s", self._stream)
            return None
        return ChangeFeed(label, DirtySet(documents, side_name(self._adapter.entity)))

    @contextmanager
    def unit(self, stream: StreamId, primary: Primary) -> Iterator[Unit[R]]:
        """As in ``LegacyRepository``: nothing is locked, but the write fails when another one came first."""
        unit = _Unit(self.stored(stream))
        yield unit
        if unit.written:
            items = [self.update(unit.stored, unit.written, unit.added), self._primary.check(stream, primary)]
            self._write(items)

    def primary(self) -> Primary:
        """As in ``LegacyRepository``."""
        return self._primary.get()

    def transfer(self, primary: Primary, token: int) -> bool:
        """As in ``LegacyRepository``."""
        return self._primary.put(primary, token)

    def companions(
        self, stored: StoredRow[R] | None, row: LegacyRow[R], entries: Sequence[OutboxEntry] = ()
    ) -> Sequence[TransactItem]:
        """What a transaction holds to write a row: ``update``, and a check that the table still takes writes."""
        return [self.update(stored, row, entries), self._primary.check_not_off(row.stream)]

    def update(
        self, stored: StoredRow[R] | None, row: LegacyRow[R], entries: Sequence[OutboxEntry] = ()
    ) -> TransactItem:
        """What a transaction holds to write a row, as long as it is the one that was read; other attributes stay."""
        item = stored.item if stored else {}
        written = self._attributes.changed(item, stored.row.data if stored else None, row.data)
        written["version"] = {_type(item.get("version")): str(row.version)}
        if row.sync_point and row.sync_point != (stored.row.sync_point if stored else None):
            written[LINK] = _writer.serialize([row.sync_point.row_version, row.sync_point.version])
        if entries:
            remembered = (*(stored.commands if stored else ()), *map(_command, entries))[-REMEMBERED:]
            written[COMMANDS] = _writer.serialize(list(remembered))
        seen = {name: item.get(name) for name in ("version", LINK)}
        return {"Update": {"TableName": self._table, "Key": _key(row.stream), **_expressions(written, seen)}}

    def _reads(self, label: str) -> bool:
        return self._stream.rpartition("/")[2] in (label, LATEST)

    def _read(self, item: Mapping[str, Any]) -> LegacyRow[R] | BadRow:
        content = {name: _reader.deserialize(value) for name, value in item.items() if name != COMMANDS}
        key, sync_point = LegacyKey(content.pop("tenant"), content.pop("id")), content.pop(LINK, None)
        version = _WHOLE.fullmatch(str(content.pop("version", None)))
        if version is None:
            why = "the row cannot be read: put version right in the legacy system"
            return BadRow(key.tenant, self._adapter.entity, key.id, why, "version")
        return read_row(
            self._adapter,
            key,
            int(version[0]),
            SyncPoint(*map(int, sync_point)) if sync_point else None,
            lambda: self._adapter.row.model_validate(content),
        )

    def _write(self, items: Sequence[TransactItem]) -> None:
        try:
            self._client.transact_write_items(TransactItems=items)  # type: ignore[arg-type]
        except ClientError as error:
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if reasons and reasons[-1] == "ConditionalCheckFailed":
                raise self._other_primary() from error
            if {"ConditionalCheckFailed", "TransactionConflict"} & set(reasons):
                raise RowRaced("another transaction wrote the row first") from error
            expect_no_refusal(error)
            raise StoreUnavailable(f"the legacy table refused: {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise StoreUnavailable(f"no answer from the legacy table: {type(error).__name__}") from error

    def _other_primary(self) -> PrimaryChanged:
        off = self._primary.get() is Primary.OFF
        return LegacyWritesOff() if off else PrimaryChanged("another side is primary than the caller believes")

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._client, operation)(TableName=self._table, **request)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"no answer from the legacy table: {type(error).__name__}") from error


class _Unit(Generic[R]):
    """A row as it was read, and what is to replace it."""

    def __init__(self, stored: StoredRow[R] | None) -> None:
        self.stored = stored
        self.row: LegacyRow[R] | BadRow | None = stored.row if stored else None
        self.sync_point = self.row.sync_point if self.row else None
        self.written: LegacyRow[R] | None = None
        self.added: Sequence[OutboxEntry] = ()

    def answered(self, commit_id: str) -> OutboxEntry | None:
        return self.stored.answered(commit_id) if self.stored else None

    def write(self, row: LegacyRow[R], entries: Sequence[OutboxEntry]) -> None:
        self.written, self.added = row, entries


def expect_no_refusal(error: ClientError) -> None:
    """Raise ``RowRefused`` when DynamoDB cannot hold an item, which it says of the item or of the whole request."""
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
    if {"ValidationError", "ItemCollectionSizeLimitExceeded"} & reasons or _code(error) == "ValidationException":
        raise RowRefused(NO_ITEM) from None


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _command(entry: OutboxEntry) -> Mapping[str, Any]:
    return {
        "commitId": entry.commit_id,
        "version": entry.version,
        "count": entry.count,
        "rowVersion": entry.row_version,
        "state": entry.state,
        "writtenAt": timestamp(entry.written_at),
    }


def _entry(stream: StreamId, command: Mapping[str, Any]) -> OutboxEntry:
    return OutboxEntry(
        stream,
        int(command["version"]),
        int(command["count"]),
        int(command["rowVersion"]),
        str(command["commitId"]),
        "[]",
        Metadata(),
        str(command["state"]),
        datetime.fromisoformat(str(command["writtenAt"])),
        relay=False,
    )


def _key(row: NamedRow) -> dict[str, Any]:
    return {name: {"S": getattr(row, name)} for name in KEY}


def _type(version: Value | None) -> str:
    return "S" if version and "S" in version else "N"


def _expressions(written: Mapping[str, Value | None], seen: Mapping[str, Value | None]) -> dict[str, Any]:
    """An update of some attributes, ``None`` to remove one, while others are as they were seen."""
    places = {name: f"a{number}" for number, name in enumerate({**written, **seen})}
    sets = ", ".join(f"#{places[name]} = :{places[name]}" for name, value in written.items() if value)
    removed = ", ".join(f"#{places[name]}" for name, value in written.items() if not value)
    as_seen = (
        f"#{places[name]} = :{places[name]}_seen" if value else f"attribute_not_exists(#{places[name]})"
        for name, value in seen.items()
    )
    return {
        "UpdateExpression": f"SET {sets}" + (f" REMOVE {removed}" if removed else ""),
        "ConditionExpression": " AND ".join(as_seen),
        "ExpressionAttributeNames": {f"#{place}": name for name, place in places.items()},
        "ExpressionAttributeValues": {
            **{f":{places[name]}": value for name, value in written.items() if value},
            **{f":{places[name]}_seen": value for name, value in seen.items() if value},
        },
    }
