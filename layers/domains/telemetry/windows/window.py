"""A window of a series: what is kept of the readings in one minute, hour or day of UTC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from banyan import CamelModel
from telemetry.windows.exact import ExactSum, total
from telemetry.windows.sketch import Place, Sketch, merged_sketch, packed, unpacked

QUANTILES: Final = (0.5, 0.95, 0.99)

Moment = tuple[int, int, float]
"""A reading: its time in microseconds since 1970 UTC, its sequence, its value."""


class Window(CamelModel):
    """Some readings together, at least one.

    Two windows of the same readings are equal, in whatever order and pieces they were made.

    Parameters
    ----------
    total : str
        Exact sum of the values, as ``ExactSum.text``.
    first, last : Moment
        By time, then by sequence.
    above, below : tuple[int, ...]
        Bins of the sketch, as ``sketch.packed``; the other values are zero.
    """

    count: int
    total: str
    low: float
    high: float
    first: Moment
    last: Moment
    above: tuple[int, ...] = ()
    below: tuple[int, ...] = ()

    @property
    def sum(self) -> float | None:
        """Exact sum, rounded once; ``None`` when it is beyond the largest float."""
        return ExactSum.read(self.total).rounded

    @property
    def mean(self) -> float | None:
        """The sum divided by the count; where that is beyond the largest float, from the exact sum."""
        sum = self.sum
        return ExactSum.read(self.total).divided(self.count) if sum is None else sum / self.count

    @property
    def sketch(self) -> Sketch:
        """Of the values."""
        above, below = unpacked(self.above), unpacked(self.below)
        return Sketch(above, below, self.count - sum(above.values()) - sum(below.values()))

    def quantiles(self, wanted: Iterable[float] = QUANTILES) -> list[float]:
        """Values for some quantiles, each from 0 to 1, as exact as ``sketch`` says; never beyond the extremes."""
        return [min(max(value, self.low), self.high) for value in self.sketch.quantiles(wanted)]


def window_of(moments: Sequence[Moment], places: Sequence[Place]) -> Window:
    """The window of some readings, in the order of their time and sequence."""
    values = [value for _, _, value in moments]
    sketch = Sketch.of(places)
    return Window.model_construct(
        count=len(values),
        total=ExactSum.of(values).text,
        low=min(values) + 0.0,
        high=max(values) + 0.0,
        first=moments[0],
        last=moments[-1],
        above=packed(sketch.above),
        below=packed(sketch.below),
    )


def merged(*windows: Window) -> Window:
    """The window of the readings of all of them, of which there is at least one."""
    if len(windows) == 1:
        return windows[0]
    sketch = merged_sketch([window.sketch for window in windows])
    return Window.model_construct(
        count=sum(window.count for window in windows),
        total=total(ExactSum.read(window.total) for window in windows).text,
        low=min(window.low for window in windows),
        high=max(window.high for window in windows),
        first=min(window.first for window in windows),
        last=max(window.last for window in windows),
        above=packed(sketch.above),
        below=packed(sketch.below),
    )
