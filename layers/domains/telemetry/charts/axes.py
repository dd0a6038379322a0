"""Where values and times lie in a chart, and the ticks of its axes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor, inf, isfinite, log10, ulp
from sys import float_info
from typing import Final

from telemetry.names import micros, moment_of

MINUTE: Final = 60_000_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_STEPS: Final = (
    *(count * MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * HOUR for count in (1, 2, 3, 6, 12)),
    *(count * DAY for count in (1, 2, 5, 10)),
)
_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 600)
_MOST_TICKS: Final = 9
_LEAST: Final = 1e-300
"""Of an axis of values: far from where floats lose their digits."""
_LABEL_DIGITS: Final = 12
_FLOAT_DIGITS: Final = 17
_DIGITS: Final = 256
"""Floats that an axis has above and below its values, at least: between two neighbours there is no room for ticks."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in the chart's units, and what is written there."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From one number, at a place, to another; numbers may be as far apart as floats can be."""

    low: float
    high: float
    start: float
    end: float

    def place(self, number: float) -> float:
        """Where a number lies."""
        share = (number / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return round(self.start + share * (self.end - self.start), 2)


def value_axis(values: Iterable[float], limits: Iterable[float], start: float, end: float) -> Axis:
    """An axis that shows all values, and those limits that are not far from them."""
    listed = list(values)
    low, high = min(listed), max(listed)
    reach = high - low or abs(high) * 0.1 or 1.0
    near = [limit for limit in limits if low - reach <= limit <= high + reach]
    low, high = min([low, *near]), max([high, *near])
    pad = max((high / 2 - low / 2) / 8 or reach / 2, _DIGITS * ulp(max(abs(low), abs(high))), _LEAST)
    return Axis(max(low - pad, -float_info.max), min(high + pad, float_info.max), start, end)


def value_ticks(axis: Axis) -> Iterator[Tick]:
    """Round numbers along an axis of values."""
    step = _round_step(axis.high / 5 - axis.low / 5)
    first, last = ceil(axis.low / step), floor(axis.high / step)
    for number in range(first, last + 1):
        value = number * step
        if isfinite(value):
            yield Tick(axis.place(value), _label(value, step))


def _label(value: float, step: float) -> str:
    """As many digits as tell it from its neighbours, and no trace of how floats are rounded."""
    digits = floor(log10(abs(value) or step)) - floor(log10(step)) + 1
    return f"{value:.{min(max(digits, _LABEL_DIGITS), _FLOAT_DIGITS)}g}"


def _round_step(least: float) -> float:
    """The next number up that is 1, 2 or 5 times a power of ten."""
    size = 10.0 ** floor(log10(least)) if least >= float_info.min else float_info.min
    return next((factor * size for factor in (1, 2, 5) if factor * size >= least), min(10 * size, float_info.max))


def time_ticks(first: int, end: int, axis: Axis) -> Sequence[Tick]:
    """Round times of UTC along an axis of times, each with its day where the day is another one than before."""
    step = next((each for each in _STEPS if (end - first) // each < _MOST_TICKS), None)
    times = _months(first, end) if step is None else range(-(-first // step) * step, end + 1, step)
    ticks: list[Tick] = []
    day = ""
    for at in times:
        moment = moment_of(at)
        shown = f"{moment:%Y-%m-%d}"
        if step is None:
            label = f"{moment:%Y-%m}"
        elif step >= DAY:
            label = shown
        else:
            label = f"{moment:%H:%M}" if shown == day else f"{moment:%H:%M}\n{shown}"
        ticks.append(Tick(axis.place(at), label))
        day = shown
    return ticks


def _months(first: int, end: int) -> list[int]:
    begin, last = moment_of(first), moment_of(end)
    numbers = range(begin.year * 12 + begin.month - 1, last.year * 12 + last.month)
    stride = next(each for each in (*_MONTHS, inf) if len(numbers) / each <= _MOST_TICKS)
    found = [micros(datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC)) for n in numbers if n % stride == 0]
    return [at for at in found if first <= at <= end]
