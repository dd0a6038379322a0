"""Watching this process's clock against that of the service it writes to."""

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

TOLERANCE: Final = timedelta(seconds=60)
"""Half of what the catch-up allows for: a commit that a slower clock dated is missed if its record is lost, too."""
LOOK_SECONDS: Final = 60.0

_logger = logging.getLogger(__name__)


class ClockWatch:
    """Compares the date of DynamoDB's answers with the clock that dates commits, once a minute.

    Parameters
    ----------
    clock : Callable[[], datetime]
    telemetry : Telemetry
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
