"""A small series for users who have none: the temperature of a boiler, as it comes out of two loggers.

``python -m telemetry.tools.importer.sample`` writes both files again.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import sin, tau
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

SAMPLE: Final = Path(__file__).with_name("boiler.csv")
COMMAS: Final = Path(__file__).with_name("boiler-commas.csv")
ZONE: Final = "Europe/Vienna"

_START: Final = datetime(2026, 1, 30, 22, tzinfo=UTC)
_INTERVAL: Final = timedelta(minutes=10)
_COUNT: Final = 288
_OFF: Final = range(100, 131)
_TOO_HOT: Final = range(200, 209)
_UNPLUGGED: Final = range(150, 153)

Line = tuple[datetime, str]


def lines() -> Iterator[Line]:
    """Two days over the end of a month: a gap, values that are missing, a line that comes twice, two of one time."""
    for number in range(_COUNT):
        if number in _OFF:
            continue
        at = _START + number * _INTERVAL
        yield at, _value(number)
        if number == 40:
            yield at, _value(number)
        if number == 60:
            yield at, f"{float(_value(number)) - 0.5:.2f}"


def _value(number: int) -> str:
    if number in _UNPLUGGED:
        return "-200"
    if number in (20, 21, 250):
        return "NaN"
    heat = 17.5 if number in _TOO_HOT else 0
    return f"{72 + 4 * sin(tau * number / 144) + number * 7919 % 100 / 80 + heat:.2f}"


def text() -> str:
    """Times in UTC, decimal points, a comma between columns."""
    return "timestamp,value\n" + "".join(f"{at:%Y-%m-%d %H:%M:%S},{value}\n" for at, value in lines())


def text_with_commas() -> str:
    """The same series in local time, days first, with decimal commas and semicolons."""
    local = ((at.astimezone(ZoneInfo(ZONE)), value.replace(".", ",")) for at, value in lines())
    return "Zeit;Temperatur\n" + "".join(f"{at:%d.%m.%Y %H:%M};{value}\n" for at, value in local)


if __name__ == "__main__":
    SAMPLE.write_text(text())
    COMMAS.write_text(text_with_commas())
