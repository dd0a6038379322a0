"""Capacity units by table and index, as DynamoDB charges them, where DynamoDB Local reports too few or too many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from banyan.adapters.settings import Tables
from banyan.store.items import item_size

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITES: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
KB: Final = 1024
INDEXED: Final = "log_bucket"
LOOKUPS: Final = {"lookup1", "lookup2", "lookup3"}
SNAPSHOT: Final = "state_version"


class ConsumedUnits:
    """Adds up what a client consumes.

    DynamoDB Local reports too little of a transaction, and nothing of a batch of writes or of a key that is not found.
    DynamoDB charges two units for each KB of each item of a transaction and for each key that is only checked, one for
    each KB of an entry of an index, and at least one for a strongly consistent read, whatever it finds.

    Attributes
    ----------
    written, read : defaultdict[str, float]
        ConsumedUnits by component: a table by its name, its indexes as ``<table>.index``, and snapshots.
    """

    def __init__(self, client: DynamoDBClient, tables: Tables) -> None:
        self.written: defaultdict[str, float] = defaultdict(float)
        self.read: defaultdict[str, float] = defaultdict(float)
        self._names = {getattr(tables, name): name for name in type(tables).model_fields}
        self._off = False
        client.meta.events.register("provide-client-params.dynamodb", self._ask)
        client.meta.events.register("after-call.dynamodb", self._add)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let what a test itself asks for go uncounted."""
        self._off = True
        yield
        self._off = False

    def _ask(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "INDEXES"
        context["asked"] = params

    def _add(self, model: Any, parsed: Mapping[str, Any], context: Mapping[str, Any], **_: Any) -> None:
        if self._off:
            return
        asked, name = context["asked"], model.name
        consumed = parsed.get("ConsumedCapacity") or []
        reported = consumed if isinstance(consumed, list) else [consumed]
        if name in WRITES:
            self._wrote(asked, reported or [{"TableName": asked["TableName"], "Table": {"CapacityUnits": 1.0}}])
        elif name == "TransactWriteItems":
            self._committed(asked)
        elif name == "BatchWriteItem":
            self._put_many(asked)
        elif name == "BatchExecuteStatement":
            self._inserted(asked)
        elif name == "BatchGetItem":
            self._found(asked, parsed)
        else:
            self._queried(asked, reported)

    def _wrote(self, asked: Mapping[str, Any], reported: list[Any]) -> None:
        for each in reported:
            component = self._names[each["TableName"]]
            if SNAPSHOT in asked.get("Item", {}):
                component = "snapshots"
            self.written[component] += each["Table"]["CapacityUnits"]
            self.written[f"{component}.index"] += _of_indexes(each)

    def _committed(self, asked: Mapping[str, Any]) -> None:
        for write in asked["TransactItems"]:
            ((kind, each),) = write.items()
            component, item = self._names[each["TableName"]], each.get("Item", {})
            self.written[f"{component}.checks" if kind == "ConditionCheck" else component] += 2 * _kb(item)
            self.written[f"{component}.index"] += _entries(item)

    def _put_many(self, asked: Mapping[str, Any]) -> None:
        for table, writes in asked["RequestItems"].items():
            for write in writes:
                put = write.get("PutRequest")
                self.written[self._names[table]] += _kb(put["Item"]) if put else 1

    def _inserted(self, asked: Mapping[str, Any]) -> None:
        for each in asked["Statements"]:
            text, units = each["Statement"], ceil(len(each["Statement"]) / KB)
            component = self._names[text.split('"')[1]]
            self.written[component] += units
            self.written[f"{component}.index"] += units * text.count("_sort'")

    def _found(self, asked: Mapping[str, Any], parsed: Mapping[str, Any]) -> None:
        found = {each["TableName"]: each["Table"]["CapacityUnits"] for each in parsed["ConsumedCapacity"]}
        for table, part in asked["RequestItems"].items():
            least = 1 if part.get("ConsistentRead") else 0.5
            self.read[self._names[table]] += max(found.get(table, 0.0), least * len(part["Keys"]))

    def _queried(self, asked: Mapping[str, Any], reported: list[Any]) -> None:
        least = 1 if asked.get("ConsistentRead") else 0.5
        units = sum(each["CapacityUnits"] for each in reported)
        component = self._names[asked["TableName"]]
        self.read[f"{component}.index" if "IndexName" in asked else component] += max(units, least)


def _of_indexes(reported: Mapping[str, Any]) -> float:
    return sum(float(each["CapacityUnits"]) for each in reported.get("GlobalSecondaryIndexes", {}).values())


def _kb(item: dict[str, Any]) -> int:
    """Write units of an item; of one that is not known, such as one that is updated, those of a small one."""
    return max(1, ceil(item_size(item) / KB))


def _entries(item: dict[str, Any]) -> int:
    """Write units of an item's entries in indexes: keys alone in that of the log, all of it in lookups."""
    if INDEXED in item:
        return 1
    return _kb(item) * len(LOOKUPS & item.keys())
