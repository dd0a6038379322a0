"""Compares the windows of a device with what a batch computation says of a file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from banyan_tools.importing import ApiError
from telemetry.names import moment_of
from telemetry.tools.importer.api import TelemetryApi, Window
from telemetry.tools.importer.series import SECOND, BatchWindow, Series
from telemetry.windows.sketch import RELATIVE_ERROR

SIZES: Final = {"1m": 60 * SECOND, "1h": 3600 * SECOND, "1d": 24 * 3600 * SECOND}
_FIELDS: Final = ("count", "sum", "min", "max", "first", "last", "mean")
_QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_SLACK: Final = 1e-9
_CLOSEST: Final = 1 / 6e8
"""Of the value furthest from zero: no error is promised of what is closer."""
_PROMISED: Final = (2.3e-308, 1.77e308)
"""Nor of what is closer to zero, or further from it, than the values that a sketch has bins for."""
NOT_KEPT: Final = "size_not_kept"


@dataclass(frozen=True, slots=True)
class WindowDifference:
    """One figure of a window that differs; `None` where there is no such window."""

    size: str
    start: datetime
    field: str
    shown: float | None
    file: float | None


@dataclass(slots=True)
class Check:
    """How many windows were compared, and the first difference of each that differs; sizes that are `not_kept`."""

    compared: int
    differences: list[WindowDifference]
    not_kept: list[str]


def check(api: TelemetryApi, device: str, series: Series, done: Callable[[int], None] = lambda _: None) -> Check:
    """Compare all windows in the time of a series; `done` is called for each. Raises `ApiError`."""
    result = Check(0, [], [])
    begin, end = series.span()
    for size, length in SIZES.items():
        shown = api.windows(device, size, begin - begin % length, end + 1)
        try:
            for start, one, other in _paired(shown, series.windows(length)):
                result.compared += 1
                found = _difference(one, other)
                if found:
                    result.differences.append(WindowDifference(size, moment_of(start), *found))
                done(1)
        except ApiError as error:
            if error.code != NOT_KEPT:
                raise
            result.not_kept.append(size)
    return result


def _paired(
    shown: Iterable[Window], file: Iterable[BatchWindow]
) -> Iterator[tuple[int, Window | None, BatchWindow | None]]:
    """The windows of both by their start, ascending as both are."""
    ones, others = iter(shown), iter(file)
    one, other = next(ones, None), next(others, None)
    while one or other:
        start = min(([one.since_1970] if one else []) + ([other.start] if other else []))
        mine = one if one and one.since_1970 == start else None
        theirs = other if other and other.start == start else None
        yield start, mine, theirs
        one, other = next(ones, None) if mine else one, next(others, None) if theirs else other


def _difference(shown: Window | None, file: BatchWindow | None) -> tuple[str, float | None, float | None] | None:
    if shown is None or file is None:
        return "count", shown.count if shown else None, file.count if file else None
    for field in _FIELDS:
        if getattr(shown, field) != getattr(file, field):
            return field, getattr(shown, field), getattr(file, field)
    for field, quantile in _QUANTILES.items():
        exact = file.quantile(quantile)
        if abs(getattr(shown, field) - exact) > abs(exact) * (RELATIVE_ERROR + _SLACK) and _is_promised(exact, file):
            return field, getattr(shown, field), exact
    return None


def _is_promised(exact: float, file: BatchWindow) -> bool:
    """Whether an error is promised of a quantile: not of what is too close to zero to have a bin of its own."""
    furthest = max(abs(file.min), abs(file.max))
    return exact == 0 or (abs(exact) >= furthest * _CLOSEST and _PROMISED[0] <= abs(exact) <= _PROMISED[1])
