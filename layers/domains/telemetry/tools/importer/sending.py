"""Sends a series in the order of its times: over the Kinesis stream, or as requests."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Protocol

import boto3
import httpx
from botocore.exceptions import BotoCoreError, ClientError

from banyan_tools.importing import ApiError, NotReadyError
from telemetry.names import month_of
from telemetry.tools.importer.api import MOST, RecordedReadings, RefusedMonth, TelemetryApi, as_content
from telemetry.tools.importer.series import Numbered

_A_SECOND: Final = 4
"""Batches, at most, when a rate is given."""


class Way(Protocol):
    """Takes readings of one device, in the order of their times; alarms depend on it."""

    def send(self, readings: Sequence[Numbered]) -> RecordedReadings | None:
        """Send up to a thousand; what became of them, where the answer says it."""


class HttpWay:
    """Requests, one after the other."""

    def __init__(self, api: TelemetryApi, device: str) -> None:
        self._api, self._device = api, device

    def send(self, readings: Sequence[Numbered]) -> RecordedReadings:
        try:
            return self._api.record(self._device, readings)
        except ApiError as error:
            if not error.is_conflict:
                raise
            months = Counter(month_of(reading.at) for reading in readings)
            return RecordedReadings(refused=[_refused(month, count, error) for month, count in sorted(months.items())])


class KinesisWay:
    """Records of a Kinesis stream, one after the other: only so their order is kept."""

    def __init__(self, client: Any, stream: str, device: str) -> None:
        self._client, self._stream, self._device = client, stream, device

    def send(self, readings: Sequence[Numbered]) -> None:
        content = {"deviceId": self._device, "readings": [as_content(reading) for reading in readings]}
        data = json.dumps(content, separators=(",", ":")).encode()
        try:
            self._client.put_record(StreamName=self._stream, Data=data, PartitionKey=self._device)
        except (BotoCoreError, ClientError) as error:
            raise NotReadyError(
                f"The Kinesis stream {self._stream} takes no record ({error}); import the same file again to continue."
            ) from None


def _refused(month: str, readings: int, error: ApiError) -> RefusedMonth:
    return RefusedMonth(month=month, readings=readings, code=error.code, detail=error.detail)


def kinesis(url: str, stream: str, device: str) -> KinesisWay:
    """The way over the Kinesis stream of the local stack at `url`, or over `stream` of an AWS account.

    Raises
    ------
    NotReadyError
        When the stack has no Kinesis stream.
    """
    if stream:
        return KinesisWay(boto3.client("kinesis"), stream, device)
    try:
        found = httpx.get(f"{url}/_local/status", timeout=30).json().get("streams", [])
    except (httpx.HTTPError, ValueError):
        raise NotReadyError(f"{url} is not a local stack: say STREAM= or VIA=http.") from None
    if len(found) != 1:
        raise NotReadyError(f"{url} has {len(found)} Kinesis streams: say VIA=http, or run it with DOMAIN=telemetry.")
    client = boto3.client(
        "kinesis",
        region_name="eu-central-1",
        endpoint_url=f"{url}/_local/kinesis",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    return KinesisWay(client, found[0], device)


class Pace:
    """Waits so that no more than `rate` readings a second go through; without a rate it does not wait."""

    def __init__(
        self,
        rate: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate, self._clock, self._pause = rate, clock, pause
        self._start: float | None = None
        self._sent = 0

    @property
    def batch(self) -> int:
        """How many readings to send at a time."""
        return MOST if self._rate is None else max(1, min(MOST, int(self._rate / _A_SECOND)))

    def wait(self, count: int) -> None:
        """Wait until `count` more may be sent."""
        if self._start is None:
            self._start = self._clock()
        if self._rate:
            self._pause(max(0.0, self._start + self._sent / self._rate - self._clock()))
        self._sent += count


def send_series(
    way: Way, series: Iterable[Numbered], pace: Pace, done: Callable[[int], None] = lambda _: None
) -> RecordedReadings | None:
    """Send all readings; what became of them, where answers say it. `done` is called with how many went.

    Raises
    ------
    ApiError, NotReadyError
        When it cannot continue. What was sent is recorded; the same series sent again continues.
    """
    answers: list[RecordedReadings] = []
    for readings in _batches(series, pace.batch):
        pace.wait(len(readings))
        answer = way.send(readings)
        answers.extend([answer] if answer else [])
        done(len(readings))
    return _together(answers) if answers else None


def _batches(series: Iterable[Numbered], size: int) -> Iterator[list[Numbered]]:
    iterator = iter(series)
    while batch := list(islice(iterator, size)):
        yield batch


def _together(answers: Sequence[RecordedReadings]) -> RecordedReadings:
    refused: dict[str, RefusedMonth] = {}
    for each in (each for answer in answers for each in answer.refused):
        before = refused[each.month].readings if each.month in refused else 0
        refused[each.month] = each.model_copy(update={"readings": before + each.readings})
    return RecordedReadings(
        recorded=sum(answer.recorded for answer in answers),
        repeated=sum(answer.repeated for answer in answers),
        late=sum(answer.late for answer in answers),
        refused=list(refused.values()),
    )
