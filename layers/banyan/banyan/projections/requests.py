"""Sending requests about read models: what is tried again, and what an error means."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from banyan.errors import StoreUnavailable
from banyan.projections.views import WatermarkMoved
from banyan.store.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

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
        WatermarkMoved
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

    def read_batch(self, client: DynamoDBClient, table: str, wanted: Mapping[str, Any]) -> Iterator[Item]:
        """Items of a batch read, asking again for those that were left out. Raises ``StoreUnavailable``."""
        for attempt in range(ATTEMPTS):
            try:
                answer = client.batch_get_item(RequestItems=wanted)
            except (ClientError, BotoCoreError) as error:
                raise translated(error) from error
            yield from answer["Responses"].get(table, [])
            wanted = answer.get("UnprocessedKeys", {})
            if not wanted:
                return
            self._wait(attempt)
        raise StoreUnavailable("the views table leaves keys unread: it is throttled, try again")

    def write_batch(self, client: DynamoDBClient, wanted: Any) -> None:
        """Send a batch write, and again what was left out. Raises ``StoreUnavailable``."""
        for attempt in range(ATTEMPTS):
            try:
                wanted = client.batch_write_item(RequestItems=wanted).get("UnprocessedItems", {})
            except (ClientError, BotoCoreError) as error:
                raise translated(error) from error
            if not wanted:
                return
            self._wait(attempt)
        raise StoreUnavailable("the read models leave writes undone: they are throttled, try again")

    def _wait(self, attempt: int) -> None:
        self.sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))


def translated(error: ClientError | BotoCoreError) -> Exception:
    """The engine's error for a failed request; a request that can never succeed stays what it is."""
    if isinstance(error, BotoCoreError):
        return StoreUnavailable(f"no answer from the read models: {type(error).__name__}")
    codes = _codes(error)
    if codes & MOVED or codes & CONTENTION:
        return WatermarkMoved()
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
