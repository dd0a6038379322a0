"""Sending requests about read models: what is tried again, and what an error means."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from banyan.adapters.dynamodb.commit_items import Item
from banyan.errors import StoreUnavailable
from banyan.projections.views import WriteConflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_BATCH_READ: Final = 100
ATTEMPTS: Final = 6
BACKOFF_SECONDS: Final = 0.025
CONTENTION: Final = frozenset({"TransactionConflict", "TransactionConflictException", "TransactionInProgressException"})
THROTTLING: Final = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
MOVED: Final = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
REJECTED: Final = frozenset({"ValidationException", "ValidationError", "ItemCollectionSizeLimitExceeded"})


@dataclass(frozen=True, slots=True)
class Patience:
    """Tries a request again, a bounded number of times, while another one is in its way.

    Parameters
    ----------
    sleep : Callable[[float], None]
        Seconds.
    """

    sleep: Callable[[float], None]

    def write(self, operation: Callable[..., Any], request: Mapping[str, Any]) -> None:
        """Send a conditional write.

        Raises
        ------
        WriteConflict
            The condition failed, or other writes stayed in the way.
        StoreUnavailable
            The outcome is unknown.
        """
        for attempt in range(ATTEMPTS):
            try:
                operation(**request)
                return
            except (ClientError, BotoCoreError) as error:
                if attempt == ATTEMPTS - 1 or not _busy(error):
                    raise translated(error) from error
            self._wait(attempt)

    def read_batch(self, client: DynamoDBClient, table: str, keys: Sequence[Item]) -> Iterator[Item]:
        """Items by key, strongly consistent: one batch read for up to 100, and again for those that were left out.

        Raises
        ------
        StoreUnavailable
        """
        for start in range(0, len(keys), MAX_BATCH_READ):
            yield from self._read(client, table, keys[start : start + MAX_BATCH_READ])

    def write_batch(self, client: DynamoDBClient, wanted: Any) -> None:
        """Send a batch write, and again what was left out. Raises ``StoreUnavailable``."""
        for attempt in range(ATTEMPTS):
            wanted = sent(client.batch_write_item, {"RequestItems": wanted}).get("UnprocessedItems", {})
            if not wanted:
                return
            self._wait(attempt)
        raise StoreUnavailable("the read models leave writes undone: they are throttled, try again")

    def _read(self, client: DynamoDBClient, table: str, keys: Sequence[Item]) -> Iterator[Item]:
        wanted: Mapping[str, Any] = {table: {"Keys": list(keys), "ConsistentRead": True}}
        for attempt in range(ATTEMPTS):
            answer = sent(client.batch_get_item, {"RequestItems": wanted})
            yield from answer["Responses"].get(table, [])
            wanted = answer.get("UnprocessedKeys", {})
            if not wanted:
                return
            self._wait(attempt)
        raise StoreUnavailable("the views table leaves keys unread: it is throttled, try again")

    def _wait(self, attempt: int) -> None:
        self.sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))


def sent(operation: Callable[..., Any], request: Mapping[str, Any]) -> Any:
    """The answer to a request. Raises what ``translated`` makes of an error."""
    try:
        return operation(**request)
    except (ClientError, BotoCoreError) as error:
        raise translated(error) from error


def put_revision(client: DynamoDBClient, table: str, item: Item) -> bool:
    """Put an item whose ``revision`` is one more than that of the standing one, or 1 where none stands.

    Returns
    -------
    bool
        Whether it stands now, by this request or by an earlier one whose answer was lost.

    Raises
    ------
    StoreUnavailable
    """
    before = int(item["revision"]["N"]) - 1
    request: dict[str, Any] = {
        "TableName": table,
        "Item": item,
        "ConditionExpression": "revision = :seen" if before else "attribute_not_exists(revision)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if before:
        request["ExpressionAttributeValues"] = {":seen": {"N": str(before)}}
    try:
        client.put_item(**request)
    except (ClientError, BotoCoreError) as error:
        if not isinstance(error, ClientError) or error.response["Error"]["Code"] not in MOVED:
            raise translated(error) from error
        return error.response.get("Item") == item
    return True


def translated(error: ClientError | BotoCoreError) -> Exception:
    """The engine's error for a failed request; a request that can never succeed stays what it is."""
    if isinstance(error, BotoCoreError):
        return StoreUnavailable(f"no answer from the read models: {type(error).__name__}")
    codes = _codes(error)
    if codes & MOVED or codes & CONTENTION:
        return WriteConflict()
    return (
        error if codes & REJECTED else StoreUnavailable(f"the read models refused for now: {', '.join(sorted(codes))}")
    )


def _busy(error: ClientError | BotoCoreError) -> bool:
    codes = _codes(error) if isinstance(error, ClientError) else frozenset()
    return not codes & MOVED and bool(codes & (CONTENTION | THROTTLING))


def _codes(error: ClientError) -> frozenset[str]:
    reasons: list[Any] = list(error.response.get("CancellationReasons", []))
    found = {reason.get("Code") for reason in reasons} - {"None", None}
    return frozenset(found or {error.response["Error"]["Code"]})
