"""Draws the chart in docs/telemetry.md from the sample of a boiler: ``python -m telemetry.tools.picture``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from math import isnan
from typing import Final

from banyan_tools.project import ROOT
from telemetry.charts.drawn import chart
from telemetry.names import micros
from telemetry.profiles.events import Limit, Limits
from telemetry.projections.series import SIZES
from telemetry.reads.asked import Span
from telemetry.tools.importer.sample import lines
from telemetry.windows.sketch import places
from telemetry.windows.window import Moment, Window, window_of

PICTURE: Final = ROOT / "docs" / "telemetry-chart.svg"
MISSING: Final = -200.0
HOUR: Final = SIZES["1h"]


def picture() -> str:
    """The hours of the boiler, with a limit."""
    windows = list(_hours())
    span = Span(windows[0][0], windows[-1][0] + HOUR)
    return chart("boiler-1", "°C", "1h", span, windows, Limits(high=Limit(raise_at=90, clear_at=84)))


def _hours() -> Iterator[tuple[int, Window]]:
    moments: list[Moment] = [(micros(at), number, float(value)) for number, (at, value) in enumerate(lines())]
    sent = sorted(each for each in moments if each[2] != MISSING and not isnan(each[2]))
    for start, group in groupby(sent, key=lambda each: each[0] // HOUR * HOUR):
        hour = list(group)
        yield start, window_of(hour, places([value for _, _, value in hour]))


if __name__ == "__main__":
    PICTURE.write_text(picture())
