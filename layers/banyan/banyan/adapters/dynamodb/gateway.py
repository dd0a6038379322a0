"""The one way to DynamoDB: sends, parses, says what an error means, tries again, reads to the last page, measures."""

from __future__ import annotations

import logging
import random
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, cast

import botocore
import orjson
from botocore.exceptions import BotoCoreError, ClientError

from banyan.adapters.clients import MISCONFIGURED, REJECTED
from banyan.errors import StoreBusy, StoreMisconfigured, StoreRejected, StoreUnavailable
from banyan.store.eventstore import Clock
from banyan.store.items import Item
from banyan.telemetry import Telemetry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTEMPTS: Final = 6
ATTEMPTS_PER_ITEM: Final = 3
"""Of a larger transaction: the more items it has, the more likely another one is at work on one of them."""

MOST_ATTEMPTS: Final = 64
BACKOFF_SECONDS: Final = 0.025
LONGEST_WAIT: Final = 2
"""Of a larger transaction, as the number of an attempt: others are short, and it must meet a moment between them."""

MAX_BATCH_READ: Final = 100
MAX_BATCH_WRITE: Final = 25
MAX_TRANSACTION: Final = 100
MAX_STATEMENTS: Final = 25

FAILED: Final = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
CONTENTION: Final = frozenset({"TransactionConflict", "TransactionConflictException"})
THROTTLING: Final = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
"""Inside a cancelled transaction, which the SDK does not repeat for it."""

_logger = logging.getLogger(__name__)


class ConditionFailed(Exception):
    """A conditional write found something else; nothing was written.

    Parameters
    ----------
    standing : Mapping[int, Item]
        What stands there, by the index of each condition that failed; empty where the request did not ask for it.
    repeated : bool
        Whether the SDK had sent the request before, so that an earlier one may have been carried out.
    """

    def __init__(self, standing: Mapping[int, Item], *, repeated: bool = False) -> None:
        super().__init__("a condition failed")
        self.standing = standing
        self.repeated = repeated


class Gateway:
    """Sends requests of one client.

    Parameters
    ----------
    sleep : Callable[[float], None]
        Waits before a request, or the rest of a batch, is sent again; seconds.
    """

    def __init__(self, client: DynamoDBClient, sleep: Callable[[float], None] = time.sleep) -> None:
        parse_items_of(client)
        self.client = client
        self._sleep = sleep

    def send(self, operation: str, request: Mapping[str, Any]) -> Any:
        """The answer to a request, by the client's name for the operation, as ``put_item``.

        Raises
        ------
        ConditionFailed, StoreRejected, StoreUnavailable
        """
        try:
            return getattr(self.client, operation)(**request)
        except (ClientError, BotoCoreError) as error:
            raise _translated(error, _tables(request)) from error

    def write(self, operation: str, request: Mapping[str, Any]) -> None:
        """Send a write, a bounded number of times while another one is in its way; large transactions more often.

        Raises
        ------
        ConditionFailed, StoreRejected, StoreUnavailable
        """
        attempts = _attempts(request)
        for attempt in range(attempts - 1):
            try:
                self.send(operation, request)
                return
            except StoreBusy:
                self._wait(attempt if attempts == ATTEMPTS else min(attempt, LONGEST_WAIT))
        self.send(operation, request)

    def items(self, operation: str, request: Mapping[str, Any], first: int | None = None) -> Iterator[Item]:
        """The items of a query or a scan, to the last page.

        Parameters
        ----------
        first : int, optional
            Items of the first page; each later one holds twice as many.
        """
        start: Item | None = None
        while True:
            limit = {"Limit": first} if first else {}
            items, start = self.page(operation, {**request, **limit}, start)
            yield from items
            if not start:
                return
            first = first and first * 2

    def page(
        self, operation: str, request: Mapping[str, Any], start: Item | None = None
    ) -> tuple[Sequence[Item], Item | None]:
        """The items of one page, and the key behind which the next one begins."""
        answer = self.send(operation, {**request, **({"ExclusiveStartKey": start} if start else {})})
        return answer["Items"], answer.get("LastEvaluatedKey") or None

    def get(self, table: str, key: Item) -> Item | None:
        """One item, strongly consistent."""
        answer = self.send("get_item", {"TableName": table, "Key": key, "ConsistentRead": True})
        return cast(Item | None, answer.get("Item"))

    def get_many(self, table: str, keys: Sequence[Item], **options: Any) -> Iterator[Item]:
        """Items by key, strongly consistent: one batch read for up to 100, and again for those that were left out."""
        for start in range(0, len(keys), MAX_BATCH_READ):
            asked = {"Keys": list(keys[start : start + MAX_BATCH_READ]), "ConsistentRead": True, **options}
            for answer in self._whole("batch_get_item", {table: asked}, "UnprocessedKeys"):
                yield from answer["Responses"].get(table, ())

    def write_many(self, table: str, requests: Sequence[Item]) -> None:
        """Send puts and deletes: one batch write for up to 25, and again for those that were left out."""
        for start in range(0, len(requests), MAX_BATCH_WRITE):
            wanted = {table: list(requests[start : start + MAX_BATCH_WRITE])}
            for _ in self._whole("batch_write_item", wanted, "UnprocessedItems"):
                pass

    def insert_many(self, table: str, items: Sequence[Item]) -> Iterator[int]:
        """Put items where none stands yet; the places of those that were not put."""
        return self.execute_each([insert_statement(table, item) for item in items])

    def execute_each(self, statements: Sequence[Item]) -> Iterator[int]:
        """Carry out statements, each for itself: one batch for up to 25.

        Unlike a batch write they have conditions, and unlike a transaction they cost what single writes do.

        Returns
        -------
        Iterator[int]
            Places of those that were not carried out, for whatever reason: a write of its own says why.
        """
        for start in range(0, len(statements), MAX_STATEMENTS):
            part = statements[start : start + MAX_STATEMENTS]
            try:
                answer = self.send("batch_execute_statement", {"Statements": part})
            except (StoreBusy, StoreRejected):
                yield from range(start, start + len(part))
            else:
                yield from (start + place for place, each in enumerate(answer["Responses"]) if "Error" in each)

    def _whole(self, operation: str, wanted: Mapping[str, Any], rest: str) -> Iterator[Any]:
        for attempt in range(ATTEMPTS):
            answer = self.send(operation, {"RequestItems": wanted})
            yield answer
            wanted = answer.get(rest)
            if not wanted:
                return
            self._wait(attempt)
        raise StoreUnavailable(f"{', '.join(wanted)} leaves a part of a batch undone: it is throttled, try again")

    def _wait(self, attempt: int) -> None:
        self._sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))


def _attempts(request: Mapping[str, Any]) -> int:
    return max(ATTEMPTS, min(len(request.get("TransactItems", ())) * ATTEMPTS_PER_ITEM, MOST_ATTEMPTS))


def _translated(error: ClientError | BotoCoreError, where: str) -> Exception:
    if isinstance(error, BotoCoreError):
        return StoreUnavailable(f"no answer from {where}: {type(error).__name__}")
    reasons: Sequence[Any] = error.response.get("CancellationReasons", ())
    codes = frozenset(reason.get("Code") for reason in reasons) - {"None", None}
    codes = codes or frozenset({error.response["Error"]["Code"]})
    if codes & FAILED:
        repeated = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
        return ConditionFailed(_standing(error, reasons), repeated=repeated)
    what = f"{where} says {', '.join(sorted(codes))}"
    if codes & REJECTED:
        return StoreRejected(what)
    if codes & (CONTENTION | THROTTLING):
        return StoreBusy(f"other writes are in the way: {what}")
    if codes & MISCONFIGURED:
        return StoreMisconfigured(what)
    return StoreUnavailable(f"refused for now: {what}")


def insert_statement(table: str, item: Item) -> Item:
    """Puts an item where none stands yet."""
    fields = ", ".join(f"'{name}': ?" for name in item)
    return {"Statement": f'INSERT INTO "{table}" VALUE {{{fields}}}', "Parameters": list(item.values())}


def update_statement(table: str, key: Item, now: Item, before: Mapping[str, Any]) -> Item:
    """Changes attributes of an item while some others are as they were.

    Parameters
    ----------
    now : Item
        What is set; a name of ``before`` that is missing here is removed, if it was there.
    before : Mapping[str, Any]
        Values that these attributes have, ``None`` of those that are not there.
    """
    removed = [name for name, value in before.items() if value is not None and name not in now]
    changes = [f'SET "{name}"=?' for name in now] + [f'REMOVE "{name}"' for name in removed]
    found = {**key, **before}
    where = [f'"{name}" IS MISSING' if value is None else f'"{name}"=?' for name, value in found.items()]
    return {
        "Statement": f'UPDATE "{table}" {" ".join(changes)} WHERE {" AND ".join(where)}',
        "Parameters": [*now.values(), *(value for value in found.values() if value is not None)],
    }


def _tables(request: Mapping[str, Any]) -> str:
    """The tables of a request, for a message."""
    if "TableName" in request:
        return str(request["TableName"])
    if "RequestItems" in request:
        return ", ".join(request["RequestItems"])
    if "Statements" in request:
        return ", ".join(dict.fromkeys(each["Statement"].split('"')[1] for each in request["Statements"]))
    writes = (write for item in request["TransactItems"] for write in item.values())
    return ", ".join(dict.fromkeys(write["TableName"] for write in writes))


def _standing(error: ClientError, reasons: Sequence[Any]) -> Mapping[int, Item]:
    if not reasons:
        answer: Any = error.response
        return {0: answer.get("Item") or {}}
    return {i: reason.get("Item") or {} for i, reason in enumerate(reasons) if reason.get("Code") in FAILED}


TESTED_BOTOCORE: Final = frozenset({"1.40", "1.41", "1.42", "1.43", "1.44"})
"""Minor versions of botocore that ``parse_items`` was compared on: the first and the last patch of each."""

OK: Final = 200

PLAIN: Final = {"S": str, "N": str, "BOOL": bool, "NULL": bool, "SS": list, "NS": list}
"""The types in JSON of attribute values that botocore hands on as they are."""


def parse_items_of(client: DynamoDBClient) -> None:
    """Let ``parse_items`` read what a client gets, unless its botocore was not tested with it."""
    if is_tested(botocore.__version__):
        for operation in ITEMS:
            event = f"before-parse.dynamodb.{operation}"
            client.meta.events.register(event, parse_items, unique_id=event)


@cache
def is_tested(version: str) -> bool:
    """Whether a version of botocore was tested; the log says once when it was not."""
    tested = version.rpartition(".")[0] in TESTED_BOTOCORE
    if not tested:
        _logger.warning("botocore itself reads the items, which is slower", extra={"untested_version": version})
    return tested


def parse_items(operation_model: Any, response_dict: Any, customized_response_dict: Any, **_: Any) -> None:
    """Parse the items of an answer, and leave the rest of it to botocore.

    An answer that is an error, or that holds anything unexpected, is left as it is.
    """
    if response_dict["status_code"] != OK:
        return
    member, decode = ITEMS[operation_model.name]
    try:
        rest = orjson.loads(response_dict["body"])
        items = rest.pop(member)
        decode(items)
    except (AttributeError, KeyError, TypeError, ValueError):
        return
    customized_response_dict[member] = items
    response_dict["body"] = orjson.dumps(rest)


def _decode_tables(tables: dict[str, Any]) -> None:
    for items in tables.values():
        _decode_items(items)


def _decode_items(items: Any) -> None:
    if type(items) is not list:
        raise TypeError
    for item in items:
        _decode(item.values())


def _decode(values: Iterable[dict[str, Any]]) -> None:
    """Turn attribute values as JSON has them into what botocore makes of them, in place."""
    for value in values:
        for kind, content in value.items():
            if type(content) is PLAIN.get(kind):
                continue
            if kind == "B":
                value[kind] = b64decode(content)
            elif kind == "BS":
                value[kind] = [b64decode(each) for each in content]
            elif kind == "M":
                _decode(content.values())
            elif kind == "L" and type(content) is list:
                _decode(content)
            else:
                raise ValueError(kind)


ITEMS: Final[dict[str, tuple[str, Callable[[Any], None]]]] = {
    "Query": ("Items", _decode_items),
    "Scan": ("Items", _decode_items),
    "GetItem": ("Item", lambda item: _decode_items([item])),
    "BatchGetItem": ("Responses", _decode_tables),
}
"""By operation: the member of an answer that holds items, and what decodes it."""


READS: Final = ("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems")
WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "BatchExecuteStatement", "TransactWriteItems")


class ConsumedCapacity:
    """Asks DynamoDB what each request of a client consumes, and adds it up over all threads, indexes included."""

    def __init__(self, client: DynamoDBClient) -> None:
        self.read_units = 0.0
        self.write_units = 0.0
        self._adding = Lock()
        for operation in READS + WRITES:
            client.meta.events.register(f"provide-client-params.dynamodb.{operation}", _ask)
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._add)

    def _add(self, model: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        units = _units(parsed.get("ConsumedCapacity", []))
        with self._adding:
            if model.name in READS:
                self.read_units += units
            else:
                self.write_units += units


def _ask(params: dict[str, Any], **_: Any) -> None:
    params["ReturnConsumedCapacity"] = "TOTAL"


def _units(consumed: Any) -> float:
    entries = consumed if isinstance(consumed, list) else [consumed]
    return sum(float(entry.get("CapacityUnits", 0)) for entry in entries)


TOLERANCE: Final = timedelta(seconds=60)
"""Half of what the catch-up allows for: a commit that a slower clock dated is missed if its record is lost, too."""
LOOK_SECONDS: Final = 60.0


class ClockWatch:
    """Compares the date of DynamoDB's answers with the clock that dates commits, once a minute.

    Parameters
    ----------
    monotonic : Callable[[], float]
        Seconds.
    """

    def __init__(self, clock: Clock, telemetry: Telemetry, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._telemetry = telemetry
        self._monotonic = monotonic
        self._next_look = float("-inf")

    def watch(self, client: DynamoDBClient) -> None:
        """Look at the answers that a client gets."""
        client.meta.events.register("after-call.dynamodb", self._look)

    def _look(self, parsed: Mapping[str, Any], **_: Any) -> None:
        now = self._monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        date = parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        skew = self._clock() - _moment(date) if date else timedelta()
        if abs(skew) > TOLERANCE:
            self._telemetry.count("ClockSkewed")
            _logger.error("this clock is wrong", extra={"seconds": round(skew.total_seconds())})


def _moment(date: str) -> datetime:
    """An HTTP date; its zone is UTC whether or not it is named."""
    moment = parsedate_to_datetime(date)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
