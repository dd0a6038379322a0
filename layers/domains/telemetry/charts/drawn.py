"""The charts of a device and of a group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from telemetry.charts.chart import Chart, ChartLimit, ChartPoint
from telemetry.profiles.events import Limits
from telemetry.projections.series import SIZES, Size
from telemetry.reads.asked import Span
from telemetry.rejections import Code, rejected
from telemetry.windows.exact import ExactSum
from telemetry.windows.window import Window

MOST_POINTS: Final = 1_000
SHOWN: Final = 168
"""Windows, unless the query says from when."""

_WORDS: Final[dict[Size, str]] = {"1m": "1 minute", "1h": "1 hour", "1d": "1 day"}


def chart_span(size: Size, first: int | None, end: int | None, newest: int) -> Span:
    """What a chart spans; by default up to the newest reading, and a number of windows.

    Raises ``CommandRejected``: ``invalid_range``, or ``range_too_long`` where there might be too many windows.
    """
    length = SIZES[size]
    until = max(newest - newest % length + length, first or 0) if end is None else end
    span = Span.of(max(0, until - SHOWN * length) if first is None else first, until)
    starts = span.starts(size)
    if (starts.end - starts.first) // length >= MOST_POINTS:
        detail = f"a chart shows up to {MOST_POINTS} windows: choose larger ones or a shorter time"
        raise rejected(Code.RANGE_TOO_LONG, detail, "size")
    return span


def chart(
    name: str,
    unit: str,
    size: Size,
    span: Span,
    windows: Iterable[tuple[int, Window]],
    limits: Limits | None = None,
    *,
    given: bool = True,
) -> str:
    """The chart of windows by their start, as SVG.

    Parameters
    ----------
    given : bool
        Whether it begins where the query says; otherwise it does with the first window.
    """
    points = [_point(start, window) for start, window in windows]
    first = span.first if given or not points else points[0].start
    end = max([span.end, *(point.start + SIZES[size] for point in points[-1:])])
    drawn = tuple(_limits(limits)) if limits else ()
    return Chart(name, unit, SIZES[size], _WORDS[size], first, end, points, drawn).svg()


def _point(start: int, window: Window) -> ChartPoint:
    mean = ExactSum.read(window.total).divided(window.count)
    (p95,) = window.quantiles([0.95])
    assert mean is not None
    return ChartPoint(start, window.low, window.high, mean, p95)


def _limits(limits: Limits) -> Iterator[ChartLimit]:
    for name, limit in limits:
        if limit:
            yield ChartLimit(name, limit.raise_at, raises=True)
            if limit.clear_at != limit.raise_at:
                yield ChartLimit(f"{name} clears", limit.clear_at, raises=False)
