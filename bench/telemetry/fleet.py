"""Devices that send a reading a second: records as they would put them on a stream."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from banyan.bootstrap import Application
from banyan.streams import StreamId
from telemetry.names import PROFILE, SERIES, series_id
from telemetry.profiles.decider import RegisterDevice
from telemetry.profiles.events import Limits, Timing

TENANT: Final = "acme"
MONTH: Final = "2026-01"
FIRST_MS: Final = 1_767_225_600_000
"""The beginning of that month."""
INTERVAL_MS: Final = 1000
TIMING: Final = Timing(
    interval_seconds=1, silent_after_seconds=60, watch_seconds=900, allowed_lateness_seconds=31 * 24 * 3600
)
VALUES: Final = 10_007


@dataclass(frozen=True)
class Fleet:
    """Devices that send in turn.

    Parameters
    ----------
    readings : int
        In a record.
    hot : int
        So many records of every hundred come from one further device, the hot one.
    """

    name: str
    devices: int
    readings: int
    hot: int = 0

    def sender(self, number: int) -> tuple[str, int]:
        """The device that sends a record, and how many records it has sent before."""
        of_hot = number * self.hot // 100
        if (number + 1) * self.hot // 100 > of_hot:
            return self.hot_device, of_hot
        others = number - of_hot
        return self.device(others % self.devices), others // self.devices

    @property
    def greeting(self) -> int:
        """So many records until each device has sent one."""
        others = -(-self.devices * 100 // (100 - self.hot))
        return max(others, -(-100 // self.hot)) if self.hot else others

    def record(self, number: int) -> bytes:
        """What is on the stream at a place, in JSON."""
        device, before = self.sender(number)
        values, first = _values(), before * self.readings
        parts = [
            f'{{"at":{FIRST_MS + each * INTERVAL_MS},"value":{values[(each + number) % VALUES]},"sequence":{each}}}'
            for each in range(first, first + self.readings)
        ]
        return f'{{"deviceId":"{device}","readings":[{",".join(parts)}]}}'.encode()

    @property
    def hot_device(self) -> str:
        """The one that sends far more than the others."""
        return f"{self.name}-hot"

    def device(self, number: int) -> str:
        """A device by its place."""
        return f"{self.name}-{number}"

    @property
    def ids(self) -> Sequence[str]:
        """All devices."""
        return [*map(self.device, range(self.devices)), *([self.hot_device] if self.hot else [])]

    def register(self, application: Application) -> None:
        """Register all devices."""
        for device in self.ids:
            command = RegisterDevice(device_id=device, unit="°C", timing=TIMING, limits=Limits(), groups=())
            application.handlers[PROFILE].handle(StreamId(TENANT, PROFILE, device), command)

    def streams(self) -> Sequence[StreamId]:
        """Where the readings are."""
        return [stream_of(device) for device in self.ids]


def stream_of(device: str) -> StreamId:
    """The stream of a device's readings."""
    return StreamId(TENANT, SERIES, series_id(device, MONTH))


@cache
def _values() -> Sequence[str]:
    """Temperatures with two decimals, as sensors have them."""
    chance = random.Random(7)
    return [f"{chance.gauss(20, 3):.2f}" for _ in range(VALUES)]
