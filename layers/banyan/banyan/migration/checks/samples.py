"""What compared reads showed: counted by the minute and by the step, and those that differ kept one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pydantic import TypeAdapter

from banyan.migration.phases.aggregate import Migration
from banyan.migration.stores.requests import Requests, item_key
from banyan.reconciliation.content import FieldDifference
from banyan.store.chain import timestamp
from banyan.streams import StreamId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT: Final = timedelta(days=30)
ADD: Final = "ADD compared :compared, differing :differing SET expires_at = :expires_at"
RAISE: Final = "SET lag_ms = :lag_ms"
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
    client : DynamoDBClient
    table : str
    entity : str
    """

    def __init__(self, client: DynamoDBClient, table: str, entity: str) -> None:
        self._requests = Requests(client, table)
        self._entity = entity

    def compared(
        self, migration: Migration, stream: StreamId, fields: Sequence[FieldDifference], lag_ms: int, now: datetime
    ) -> None:
        """Count one compared read of a step: the fields that differ, and the lag. Raises ``StoreUnavailable``."""
        if fields:
            self._keep(stream, fields, now)
        self._count(migration, 1, bool(fields), lag_ms, now)

    def lagged(self, migration: Migration, lag_ms: int, now: datetime) -> None:
        """Count the lag of a read that could not be compared. Raises ``StoreUnavailable``."""
        self._count(migration, 0, False, lag_ms, now)

    def samples(self, migration: Migration, since: datetime) -> Samples:
        """What the reads of a step showed since the minute of a moment; one item is read for each minute."""
        items = list(self._between("sample", _name(migration, since), _name(migration, None) + LAST))
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
        self._requests.sent("put_item", Item=item)

    def _count(self, migration: Migration, compared: int, differing: int, lag_ms: int, now: datetime) -> None:
        key = self._key("sample", _name(migration, now))
        values = {
            ":compared": {"N": str(compared)},
            ":differing": {"N": str(int(differing))},
            ":expires_at": {"N": _expiry(now)},
        }
        request = {"Key": key, "UpdateExpression": ADD, "ExpressionAttributeValues": values}
        counted = self._requests.sent("update_item", **request, ReturnValues="ALL_NEW")["Attributes"]
        if _number(counted, "lag_ms") < lag_ms:
            self._raise_lag(key, lag_ms)

    def _raise_lag(self, key: Any, lag_ms: int) -> None:
        """Raise the lag, unless a greater one stands there by now."""
        self._requests.refusal(
            "update_item",
            Key=key,
            UpdateExpression=RAISE,
            ConditionExpression="attribute_not_exists(lag_ms) OR lag_ms < :lag_ms",
            ExpressionAttributeValues={":lag_ms": {"N": str(lag_ms)}},
        )

    def _between(self, kind: str, first: str, last: str, **options: Any) -> Iterator[Any]:
        """Items of a kind between two names."""
        names = {":first": first, ":last": last}
        return self._requests.items(f"{kind}#{self._entity}", "#item BETWEEN :first AND :last", names, **options)

    def _key(self, kind: str, name: str) -> dict[str, Any]:
        return item_key(f"{kind}#{self._entity}", name)


def _name(migration: Migration, moment: datetime | None) -> str:
    """The counter of a minute at a step: what was seen before a step says nothing about it."""
    step = timestamp(migration.moved_at) if migration.moved_at else "-"
    return f"{step}#{timestamp(moment)[:16] if moment else ''}"


def _number(item: Any, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def _expiry(now: datetime) -> str:
    return str(int((now + KEPT).timestamp()))


def _mismatch(item: Any) -> Mismatch:
    place = item["item"]["S"]
    fields = _FIELDS.validate_json(item["fields"]["S"])
    return Mismatch(place, datetime.fromisoformat(place.split("#")[0]), StreamId.parse(item["stream"]["S"]), fields)
