"""What compared reads showed: counted by the minute and by the step, and those that differ kept one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import uuid4

from pydantic import TypeAdapter

from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.migration.phases.aggregate import MigrationState
from banyan.reconciliation.content import FieldDifference
from banyan.store.chain import timestamp
from banyan.store.items import Item
from banyan.streams import StreamId

KEPT: Final = timedelta(days=30)
ADD: Final = "ADD compared :compared, differing :differing SET expires_at = :expires_at"
RAISE: Final = "SET lag_ms = :lag_ms"
LOWER: Final = "attribute_not_exists(lag_ms) OR lag_ms < :lag_ms"
LAST: Final = "~"
"""Sorts behind every time."""

_FIELDS: Final = TypeAdapter(list[FieldDifference])


@dataclass(frozen=True, slots=True)
class Samples:
    """What compared reads showed since a moment.

    Parameters
    ----------
    compared, differing : int
        Reads that were compared, and those that differed.
    lag_ms : int
        Longest lag of a read model among them.
    """

    compared: int = 0
    differing: int = 0
    lag_ms: int = 0

    @property
    def mismatch_rate(self) -> float:
        """Share of reads that differed, 0 to 1."""
        return self.differing / self.compared if self.compared else 0.0


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A compared read that differed.

    Parameters
    ----------
    place : str
        Sorts reads by time.
    at : datetime
    stream : StreamId
    fields : Sequence[FieldDifference]
        Of the legacy system, which is expected, and of the read model.
    """

    place: str
    at: datetime
    stream: StreamId
    fields: Sequence[FieldDifference]


@dataclass(frozen=True, slots=True)
class MismatchPage:
    """Compared reads that differed, the newest first, and where the next page begins, if there is one."""

    mismatches: tuple[Mismatch, ...]
    next: str | None


class SampledReads:
    """Counters in a table keyed by ``part`` and ``item``: one item a minute, however many reads are compared.

    Parameters
    ----------
    gateway : Gateway
    table : str
    entity : str
    """

    def __init__(self, gateway: Gateway, table: str, entity: str) -> None:
        self._gateway = gateway
        self._table = table
        self._entity = entity

    def compared(
        self, state: MigrationState, stream: StreamId, fields: Sequence[FieldDifference], lag_ms: int, now: datetime
    ) -> None:
        """Count one compared read of a step: the fields that differ, and the lag. Raises ``StoreUnavailable``."""
        if fields:
            self._keep(stream, fields, now)
        self._count(state, 1, bool(fields), lag_ms, now)

    def lagged(self, state: MigrationState, lag_ms: int, now: datetime) -> None:
        """Count the lag of a read that could not be compared. Raises ``StoreUnavailable``."""
        self._count(state, 0, False, lag_ms, now)

    def samples(self, state: MigrationState, since: datetime) -> Samples:
        """What the reads of a step showed since the minute of a moment; one item is read for each minute."""
        items = list(self._between("sample", _name(state, since), _name(state, None) + LAST))
        return Samples(
            sum(_number(item, "compared") for item in items),
            sum(_number(item, "differing") for item in items),
            max((_number(item, "lag_ms") for item in items), default=0),
        )

    def mismatches(self, since: datetime, limit: int, before: str | None = None) -> MismatchPage:
        """Compared reads that differed.

        Parameters
        ----------
        since : datetime
        limit : int
        before : str, optional
            Where the page before ended.

        Raises
        ------
        StoreUnavailable
        """
        start = {"ExclusiveStartKey": self._key("differing", before)} if before else {}
        items = self._between("differing", timestamp(since), LAST, ScanIndexForward=False, Limit=limit + 1, **start)
        found = [_mismatch(item) for item in islice(items, limit + 1)]
        return MismatchPage(tuple(found[:limit]), found[limit - 1].place if len(found) > limit else None)

    def _keep(self, stream: StreamId, fields: Sequence[FieldDifference], now: datetime) -> None:
        item = {
            **self._key("differing", f"{timestamp(now)}#{uuid4()}"),
            "stream": {"S": str(stream)},
            "fields": {"S": _FIELDS.dump_json(list(fields)).decode()},
            "expires_at": {"N": _expiry(now)},
        }
        self._gateway.send("put_item", {"TableName": self._table, "Item": item})

    def _count(self, state: MigrationState, compared: int, differing: int, lag_ms: int, now: datetime) -> None:
        key = self._key("sample", _name(state, now))
        values = {
            ":compared": {"N": str(compared)},
            ":differing": {"N": str(int(differing))},
            ":expires_at": {"N": _expiry(now)},
        }
        request = {**self._update(key, ADD, values), "ReturnValues": "ALL_NEW"}
        counted = self._gateway.send("update_item", request)["Attributes"]
        if _number(counted, "lag_ms") < lag_ms:
            self._raise_lag(key, lag_ms)

    def _raise_lag(self, key: Any, lag_ms: int) -> None:
        """Raise the lag, unless a greater one stands there by now."""
        raised = self._update(key, RAISE, {":lag_ms": {"N": str(lag_ms)}})
        with suppress(ConditionFailed):
            self._gateway.write("update_item", {**raised, "ConditionExpression": LOWER})

    def _between(self, kind: str, first: str, last: str, **options: Any) -> Iterator[Any]:
        """Items of a kind between two names."""
        values = {":part": self._part(kind), ":first": first, ":last": last}
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "part = :part AND #item BETWEEN :first AND :last",
            "ExpressionAttributeNames": {"#item": "item"},
            "ExpressionAttributeValues": {name: {"S": text} for name, text in values.items()},
            "ConsistentRead": True,
        }
        return self._gateway.items("query", {**request, **options})

    def _update(self, key: Item, expression: str, values: Item) -> Item:
        return {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
        }

    def _key(self, kind: str, name: str) -> Item:
        return {"part": {"S": self._part(kind)}, "item": {"S": name}}

    def _part(self, kind: str) -> str:
        return f"{kind}#{self._entity}"


def _name(state: MigrationState, moment: datetime | None) -> str:
    """The counter of a minute at a step: what was seen before a step says nothing about it."""
    step = timestamp(state.moved_at) if state.moved_at else "-"
    return f"{step}#{timestamp(moment)[:16] if moment else ''}"


def _number(item: Any, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def _expiry(now: datetime) -> str:
    return str(int((now + KEPT).timestamp()))


def _mismatch(item: Any) -> Mismatch:
    place = item["item"]["S"]
    fields = _FIELDS.validate_json(item["fields"]["S"])
    return Mismatch(place, datetime.fromisoformat(place.split("#")[0]), StreamId.parse(item["stream"]["S"]), fields)
