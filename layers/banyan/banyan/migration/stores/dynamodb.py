"""A legacy system on DynamoDB: one item for a row, its sync point and its last commands."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Generic, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from pydantic import BaseModel

from banyan.adapters.dynamodb.commits import TransactItem
from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.documents import Documents
from banyan.errors import (
    InvalidStreamId,
    LegacyWritesOff,
    PrimaryChanged,
    RowRaced,
    RowRefused,
    StoreBusy,
    StoreRejected,
)
from banyan.events import Metadata
from banyan.migration.stores.adapter import AnyAdapter, LegacyAdapter, Lines, continued
from banyan.migration.stores.legacy import (
    BadRow,
    ChangeFeed,
    LegacyRow,
    NamedRow,
    OutboxEntry,
    SyncPoint,
    Unit,
    side_name,
)
from banyan.migration.stores.rows import LegacyKey, key_at, nameable, place_of, read_row, readable
from banyan.migration.writes.primary import DynamoDBPrimary, Primary
from banyan.reconciliation.feeds import DirtySet
from banyan.store.base import timestamp
from banyan.streams import StreamId
from banyan.telemetry import Telemetry

Value = Mapping[str, Any]
"""An attribute as DynamoDB has it, such as ``{"N": "1"}``."""

DIGITS: Final = 38
MAGNITUDES: Final = range(-130, 126)
NULL: Final[Value] = {"NULL": True}
R = TypeVar("R", bound=BaseModel)
KEY: Final = ("tenant", "id")
LINK, COMMANDS = "banyan_link", "banyan_commands"
REMEMBERED: Final = 50
LATEST: Final = "latest"
TOO_LARGE: Final = "the item is too large, or holds a value that no item can hold"
_logger = logging.getLogger(__name__)
_WHOLE = re.compile("-?[0-9]+")
_reader, _writer = TypeDeserializer(), TypeSerializer()


class ItemAttributes:
    """The attributes that an adapter's row maps to."""

    def __init__(self, adapter: AnyAdapter) -> None:
        self._lines = adapter.lines
        self._numbers = frozenset(adapter.numbers)
        fields: Mapping[str, Any] = adapter.row.model_fields
        self._optional = {name for name, f in fields.items() if not f.is_required() and f.get_default() is None}

    def changed(self, item: Mapping[str, Value], before: BaseModel | None, after: BaseModel) -> dict[str, Value | None]:
        """What is to be written of a row, by attribute; ``None`` for one that is to be removed.

        Parameters
        ----------
        item : Mapping[str, Value]
            As it is stored.
        before, after : Row
            What it says, and what it is to say.
        """
        old, new = _plain(before) if before else {}, _plain(after)
        return {
            name: self._value(name, item.get(name), old.get(name), value)
            if value is not None or name not in self._optional
            else None
            for name, value in _differing(old, new).items()
        }

    def _value(self, name: str, stored: Value | None, old: Any, new: Any) -> Value:
        kind = next(iter(stored)) if stored else "N" if name in self._numbers else ""
        if isinstance(new, dict):
            return {"M": self._map((stored or {}).get("M", {}), old if isinstance(old, dict) else {}, new)}
        if isinstance(new, list) and not _is_set(kind, new):
            return {"L": self._list(name, (stored or {}).get("L", []), old if isinstance(old, list) else [], new)}
        return _scalar(kind, new)

    def _map(self, stored: Mapping[str, Value], old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Value]:
        kept = {name: value for name, value in stored.items() if name not in old or name in new}
        for name, value in _differing(old, new).items():
            kept[name] = self._value(name, stored.get(name), old.get(name), value)
        return kept

    def _list(self, name: str, stored: Sequence[Value], old: Sequence[Any], new: Sequence[Any]) -> list[Value]:
        """Lines with what is stored of them; a new one takes the types of its fields from the one before."""
        if len(stored) != len(old):
            stored, old = [], []
        places = continued(old, new, self._lines.get(name, Lines()).identity)
        found: list[Value] = []
        for place, value in zip(places, new, strict=True):
            if place is None:
                found.append(self._value(name, _types(stored, value), None, value))
            elif old[place] == value:
                found.append(stored[place])
            else:
                found.append(self._value(name, stored[place], old[place], value))
        return found


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
    """Rows of one entity in a table keyed by ``tenant`` and ``id``; every writer raises ``version``.

    Parameters
    ----------
    stream : str, optional
        ARN of the table's stream that the change marker reads; with the label ``latest`` of the one it has now.
    """

    def __init__(
        self,
        gateway: Gateway,
        table: str,
        adapter: LegacyAdapter[R, Any],
        primary: DynamoDBPrimary,
        *,
        stream: str = "",
    ) -> None:
        self._gateway = gateway
        self._table = table
        self._adapter = adapter
        self._attributes = ItemAttributes(adapter)
        self._primary = primary
        self._stream = stream

    def load(self, stream: StreamId) -> LegacyRow[R] | None:
        stored = self.stored(stream)
        return stored.row if stored else None

    def stored(self, stream: StreamId) -> StoredRow[R] | None:
        """A row and the commands it remembers. Raises ``UnreadableRow``, ``StoreUnavailable``."""
        item = self._gateway.get(self._table, _key(stream)) or {}
        row = readable(self._read(item)) if item else None
        commands = _reader.deserialize(item[COMMANDS]) if COMMANDS in item else ()
        return StoredRow(row, tuple(commands or ()), item) if row else None

    def rows(self, streams: Sequence[StreamId]) -> Mapping[StreamId, LegacyRow[R] | BadRow]:
        """One batch read for up to 100."""
        items = self._gateway.get_many(self._table, [_key(stream) for stream in streams])
        found = [self._read(item) for item in items]
        return {stream: row for row in found if (stream := nameable(key_at(place_of(row)), self._adapter.entity))}

    def scan(self, after: NamedRow | None, limit: int) -> Sequence[LegacyRow[R] | BadRow]:
        """The order is that of the table's partitions."""
        request = {"TableName": self._table, "ConsistentRead": True, "Limit": limit}
        items, _ = self._gateway.page("scan", request, _key(after) if after else None)
        return [self._read(item) for item in items]

    def count(self) -> int:
        """The table's own count, up to 6 hours old."""
        return int(self._described()["ItemCount"])

    def out_of_sync(self, limit: int) -> Sequence[StreamId]:
        """Reads the whole table."""
        found: list[StreamId] = []
        rows = self.scan(None, limit)
        while rows and len(found) < limit:
            streams = [nameable(key_at(place_of(row)), self._adapter.entity) for row in rows if not row.in_sync]
            found += filter(None, streams)
            rows = self.scan(key_at(place_of(rows[-1])), limit)
        return found[:limit]

    def changes(self, documents: Documents) -> ChangeFeed | None:
        """What the table's stream recorded, as long as it is the one that is read."""
        if not self._stream:
            return None
        table = self._described()
        label = table.get("LatestStreamLabel", "")
        if not table.get("StreamSpecification", {}).get("StreamEnabled") or not self._reads(label):
            _logger.error("the legacy table has no such stream any more, so all its rows are read: %s", self._stream)
            return None
        return ChangeFeed(label, DirtySet(documents, side_name(self._adapter.entity)))

    @contextmanager
    def unit(self, stream: StreamId, primary: Primary) -> Iterator[Unit[R]]:
        """Nothing is locked, but the write fails when another one came first."""
        unit = DynamoDBUnit(self.stored(stream))
        yield unit
        if unit.written:
            items = [self.update(unit.stored, unit.written, unit.added), self._primary.check(stream, primary)]
            self._write(items)

    def primary(self) -> Primary:
        return self._primary.get()

    def transfer(self, primary: Primary, token: int) -> bool:
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
        found = content.pop("version", None)
        version = _WHOLE.fullmatch(str(found)) if isinstance(found, Decimal | str) else None
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
        """Write all or nothing; the last item checks which side is primary."""
        try:
            self._gateway.send("transact_write_items", {"TransactItems": items})
        except StoreRejected:
            raise RowRefused(TOO_LARGE) from None
        except StoreBusy as error:
            raise RowRaced("another transaction wrote the row first") from error
        except ConditionFailed as error:
            if len(items) - 1 in error.standing:
                raise self._other_primary() from error
            raise RowRaced("another transaction wrote the row first") from error

    def _other_primary(self) -> PrimaryChanged:
        off = self._primary.get() is Primary.OFF
        return LegacyWritesOff() if off else PrimaryChanged("another side is primary than the caller believes")

    def _described(self) -> Any:
        return self._gateway.send("describe_table", {"TableName": self._table})["Table"]


class DynamoDBUnit(Generic[R]):
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


def mark_legacy_rows(
    records: Sequence[Mapping[str, Any]], entity: str, documents: Documents, at: datetime, telemetry: Telemetry
) -> None:
    """Mark rows of an entity that were written or removed, each once.

    Raises
    ------
    StoreUnavailable
        The batch is to be delivered again.
    """
    found: set[str] = set()
    for record in records:
        keys = record["dynamodb"]["Keys"]
        try:
            found.add(str(StreamId(keys["tenant"]["S"], entity, keys["id"]["S"])))
        except InvalidStreamId:
            telemetry.count("UnreadableRecords")
            _logger.error("a row of the legacy table that no stream can be named after was passed over")
    DirtySet(documents, side_name(entity)).add(sorted(found), at)


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in new.items() if name not in old or old[name] != value}


def _types(stored: Sequence[Value], value: Any) -> Value | None:
    """The last line as far as a new one has its fields."""
    if not stored or "M" not in stored[-1] or not isinstance(value, dict):
        return None
    return {"M": {name: each for name, each in stored[-1]["M"].items() if name in value}}


def _plain(row: BaseModel) -> dict[str, Any]:
    """A row as JSON, a float as the shortest number that stands for it."""
    plain: dict[str, Any] = json.loads(row.model_dump_json(), parse_float=Decimal)
    return plain


def _scalar(kind: str, value: Any) -> Value:
    match value:
        case None:
            return NULL
        case bool():
            spelled = {"N": str(int(value)), "S": str(value).lower()}
            return {kind: spelled[kind]} if kind in spelled else {"BOOL": value}
        case str():
            return {"N": value} if kind == "N" and _is_number(value) else {"S": value}
        case list():
            return {kind: [str(each) for each in value]}
    return {"S": format(value, "f") if isinstance(value, Decimal) else str(value)} if kind == "S" else {"N": str(value)}


def _is_set(kind: str, values: Collection[Any]) -> bool:
    """Whether values can be a set of a kind, which is never empty and holds nothing twice."""
    if kind not in ("SS", "NS") or len({*map(str, values)}) != len(values) or not values:
        return False
    return all(isinstance(value, str) if kind == "SS" else _is_number(str(value)) for value in values)


def _is_number(text: str) -> bool:
    """Whether a number of DynamoDB's says all that the text does: not of ``007``, nor of 39 digits."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    fits = number.is_finite() and len(number.as_tuple().digits) <= DIGITS and number.adjusted() in MAGNITUDES
    return fits and str(number) == text


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
