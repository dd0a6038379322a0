"""Reads during a migration: a growing share from the read models, a sample of them compared with the other side."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

from pydantic import BaseModel, TypeAdapter

from banyan.adapters.dynamodb.gateway import ConditionFailed, Gateway
from banyan.answers import Answer, Provenance
from banyan.errors import VersionNotReached
from banyan.migration.checks.usage import READ
from banyan.migration.phases.aggregate import ALL_READS, MigrationState, Phase, Step
from banyan.migration.sync.contents import view_of
from banyan.migration.writes.parked import Owner
from banyan.migration.writes.primary import Primary
from banyan.projections.base import StreamProjection
from banyan.queries import Queries
from banyan.reconciliation.content import FieldDifference, differing
from banyan.store.base import timestamp
from banyan.store.items import Item, bucket_of
from banyan.streams import StreamId

if TYPE_CHECKING:
    from banyan.migration.migration import Migration

KEPT: Final = timedelta(days=30)
ADD: Final = "ADD compared :compared, differing :differing SET expires_at = :expires_at"
RAISE: Final = "SET lag_ms = :lag_ms"
LOWER: Final = "attribute_not_exists(lag_ms) OR lag_ms < :lag_ms"
LAST: Final = "~"
"""Sorts after every time."""

_FIELDS: Final = TypeAdapter(list[FieldDifference])
S = TypeVar("S", bound=BaseModel)


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


@dataclass(eq=False)
class SampledReads:
    """Counters in a table keyed by ``part`` and ``item``: one item a minute, however many reads are compared."""

    gateway: Gateway
    table: str
    entity: str

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
        before : str, optional
            Where the page before ended.

        Raises ``StoreUnavailable``.
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
        self.gateway.send("put_item", {"TableName": self.table, "Item": item})

    def _count(self, state: MigrationState, compared: int, differing: int, lag_ms: int, now: datetime) -> None:
        key = self._key("sample", _name(state, now))
        values = {
            ":compared": {"N": str(compared)},
            ":differing": {"N": str(int(differing))},
            ":expires_at": {"N": _expiry(now)},
        }
        request = {**self._update(key, ADD, values), "ReturnValues": "ALL_NEW"}
        counted = self.gateway.send("update_item", request)["Attributes"]
        if _number(counted, "lag_ms") < lag_ms:
            self._raise_lag(key, lag_ms)

    def _raise_lag(self, key: Any, lag_ms: int) -> None:
        """Raise the lag, unless a greater one stands there by now."""
        raised = self._update(key, RAISE, {":lag_ms": {"N": str(lag_ms)}})
        with suppress(ConditionFailed):
            self.gateway.write("update_item", {**raised, "ConditionExpression": LOWER})

    def _between(self, kind: str, first: str, last: str, **options: Any) -> Iterator[Any]:
        """Items of a kind between two names."""
        values = {":part": self._part(kind), ":first": first, ":last": last}
        request = {
            "TableName": self.table,
            "KeyConditionExpression": "part = :part AND #item BETWEEN :first AND :last",
            "ExpressionAttributeNames": {"#item": "item"},
            "ExpressionAttributeValues": {name: {"S": text} for name, text in values.items()},
            "ConsistentRead": True,
        }
        return self.gateway.items("query", {**request, **options})

    def _update(self, key: Item, expression: str, values: Item) -> Item:
        return {
            "TableName": self.table,
            "Key": key,
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
        }

    def _key(self, kind: str, name: str) -> Item:
        return {"part": {"S": self._part(kind)}, "item": {"S": name}}

    def _part(self, kind: str) -> str:
        return f"{kind}#{self.entity}"


def reads_from_projection(stream: StreamId, percentage: int) -> bool:
    """Whether a stream is among the share whose reads come from the read models; a larger share keeps the smaller."""
    return bucket_of(stream, ALL_READS) < percentage


class MigratingQueries(Queries):
    """Queries of which some are answered by the legacy system, and some by both to compare them.

    Parameters
    ----------
    compared_percent : float
        Share of the reads that are compared, %.
    dice : Callable[[], float]
        Decides which: numbers between 0 and 1.
    queries : Any
        Of ``Queries``.
    """

    def __init__(
        self,
        migration: Migration,
        compared_percent: float,
        dice: Callable[[], float] = random.random,
        **queries: Any,
    ) -> None:
        super().__init__(**queries)
        self._phases = migration.phases
        self._repository = migration.repository
        self._adapter = migration.adapter
        self._samples = migration.samples
        self._parked = migration.parked
        self._usage = migration.usage
        self._compared_percent = compared_percent
        self._dice = dice

    def get(self, projection: StreamProjection[S], stream: StreamId, min_version: int = 0) -> Answer[S] | None:
        """An answer from the legacy system says so."""
        state = self._phases.current()
        step = state.step
        if projection.name not in self._adapter.views or step.primary is Primary.OFF:
            return super().get(projection, stream, min_version)
        answer = self._answer(projection, stream, min_version, step)
        if answer and step.phase is not Phase.LEGACY and self._dice() * 100 < self._compared_percent:
            with suppress(Exception):
                self._compare(projection, stream, state)
        return answer

    def _answer(
        self, projection: StreamProjection[S], stream: StreamId, min_version: int, step: Step
    ) -> Answer[S] | None:
        """Of a stream that is parked, from the side that has it all."""
        parked = self._parked.get(stream) if self._parked and step.primary is Primary.LEGACY else None
        if parked and parked.owner is Owner.LEGACY_SYNC:
            return super().get(projection, stream, min_version)
        if parked or not reads_from_projection(stream, step.percentage):
            return self._of_legacy(projection, stream, min_version, step)
        try:
            found = super().get(projection, stream, min_version)
        except VersionNotReached:
            if step.primary is Primary.EVENTS:
                raise
            found = None
        if found or step.primary is Primary.EVENTS:
            return found
        return self._of_legacy(projection, stream, min_version, step)

    def _of_legacy(
        self, projection: StreamProjection[S], stream: StreamId, min_version: int, step: Step
    ) -> Answer[S] | None:
        row = self._repository.load(stream)
        self._usage.used(READ)
        if row is None:
            return None
        version = row.version if step.phase is Phase.LEGACY else row.stream_version
        if version < min_version:
            raise VersionNotReached(stream, min_version, version)
        state: Any = view_of(self._adapter, projection.name, row.data)
        return Answer(state, Provenance(version=version, as_of=self._clock(), staleness_ms=0, served_from="legacy"))

    def _compare(self, projection: StreamProjection[S], stream: StreamId, state: MigrationState) -> None:
        """Look at both sides; versions that differ mean a lag, and say nothing of the content."""
        read = super().get(projection, stream)
        row = self._repository.load(stream)
        if read is None or row is None:
            return
        lag = read.provenance.staleness_ms
        if read.provenance.version != row.stream_version or not row.in_sync:
            self._samples.lagged(state, lag, self._clock())
            return
        expected, actual = self._adapter.views[projection.name](row.data).model_dump(), read.value.model_dump()
        self._samples.compared(state, stream, differences(expected, actual), lag, self._clock())


def differences(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Sequence[FieldDifference]:
    """How two states differ, down to the field; of values without canonical form only which fields do."""
    names = sorted(name for name, value in expected.items() if actual.get(name) != value)
    unlike = [FieldDifference(name=name, expected=None, actual=None) for name in names]
    with suppress(TypeError):
        return differing(*({name: side.get(name) for name in names} for side in (expected, actual))) or unlike
    return unlike


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
