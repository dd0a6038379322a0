"""Telemetry's HTTP API as the importer sees it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from banyan_tools.importing import ApiError, ImportClient
from telemetry.names import micros, moment_of
from telemetry.tools.importer.series import Numbered

MOST: Final = 1_000
"""Readings of one request, or of one record."""

_PAGE: Final = 1_000


class _Read(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Device(_Read):
    """What is registered of a device."""

    unit: str
    interval_seconds: int


class RefusedMonth(_Read):
    """Why readings of a month were not recorded, while those of others were, and how many."""

    month: str
    readings: int
    code: str
    detail: str


class RecordedReadings(_Read):
    """What became of the readings of a request."""

    recorded: int = 0
    repeated: int = 0
    late: int = 0
    refused: list[RefusedMonth] = []


class Window(_Read):
    """A window as the API shows it; sum and mean are `None` where they are too large for a float."""

    start: datetime
    count: int
    sum: float | None
    min: float
    max: float
    first: float
    last: float
    mean: float | None
    p50: float
    p95: float
    p99: float

    @property
    def since_1970(self) -> int:
        """Its start in microseconds since 1970."""
        return micros(self.start)


class _Windows(_Read):
    windows: list[Window]
    cursor: str | None = None


class _LateReading(_Read):
    sequence: int


class _LateReadings(_Read):
    readings: list[_LateReading]
    cursor: str | None = None


Answer = TypeVar("Answer", bound=_Read)


class TelemetryApi(ImportClient):
    """The telemetry of one tenant."""

    def device(self, id: str) -> Device | None:
        """What is registered, `None` where nothing is. Raises `ApiError`."""
        return self._found(Device, f"/devices/{id}", {})

    def register(self, id: str, unit: str, interval_seconds: int) -> Device:
        """Let a device exist. Raises `ApiError` when it is refused, as for an id that cannot be one."""
        body = {"deviceId": id, "unit": unit, "intervalSeconds": interval_seconds}
        return self.request(Device, "POST", "/devices", json=body)[0]

    def record(self, id: str, readings: Sequence[Numbered]) -> RecordedReadings:
        """Record up to a thousand readings; those that were recorded before change nothing. Raises `ApiError`."""
        content = [as_content(reading) for reading in readings]
        return self.request(RecordedReadings, "POST", f"/devices/{id}/readings", json={"readings": content})[0]

    def windows(self, id: str, size: str, start: int, end: int) -> Iterator[Window]:
        """The windows that begin from one moment until before another, ascending; none of a device that is not shown.

        Raises
        ------
        ApiError
        """
        asked = {"size": size, "from": _text(start), "to": _text(end), "limit": str(_PAGE)}
        cursor: str | None = None
        while page := self._found(_Windows, f"/devices/{id}/windows", asked | ({"cursor": cursor} if cursor else {})):
            yield from page.windows
            if not (cursor := page.cursor):
                return

    def late(self, id: str, start: int, end: int) -> Iterator[int]:
        """Sequences of the readings from one moment until before another that came too late. Raises `ApiError`."""
        asked = {"from": _text(start), "to": _text(end), "limit": str(_PAGE)}
        cursor: str | None = None
        while page := self._found(_LateReadings, f"/devices/{id}/late", asked | ({"cursor": cursor} if cursor else {})):
            yield from (reading.sequence for reading in page.readings)
            if not (cursor := page.cursor):
                return

    def _found(self, model: type[Answer], path: str, asked: Mapping[str, str]) -> Answer | None:
        try:
            return self.request(model, "GET", path, params=asked)[0]
        except ApiError as error:
            if error.status != 404:
                raise
            return None


def as_content(reading: Numbered) -> dict[str, str | float | int]:
    """A reading as a request or a record has it."""
    return {"at": _text(reading.at), "value": reading.value, "sequence": reading.sequence}


def _text(at: int) -> str:
    return moment_of(at).isoformat().replace("+00:00", "Z")
