"""What the answers of DynamoDB tell besides: the capacity consumed, and the time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from banyan.store.eventstore import Clock
from banyan.telemetry import Telemetry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

READS: Final = ("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems")
WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


class ConsumedCapacity:
    """Asks DynamoDB what each request of a client consumes, and adds it up, indexes included."""

    def __init__(self, client: DynamoDBClient) -> None:
        self.read_units = 0.0
        self.write_units = 0.0
        for operation in READS + WRITES:
            client.meta.events.register(f"provide-client-params.dynamodb.{operation}", _ask)
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._add)

    def _add(self, model: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        units = _units(parsed.get("ConsumedCapacity", []))
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

_logger = logging.getLogger(__name__)


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
