"""A chart of windows: the mean as a line, from lowest to highest as a band, the 95th percentile, and the limits.

Where windows are missing, line and band are broken. Colours follow what the reader's system prefers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, NamedTuple

from banyan.text import counted
from telemetry.charts.axes import Axis, Tick, time_ticks, value_axis, value_ticks
from telemetry.names import moment_of

WIDTH: Final = 960
HEIGHT: Final = 380
LEFT, RIGHT, TOP, BOTTOM = 76, 40, 62, 52
WIDEST_LABEL: Final = 10
"""Characters of a tick that have room at the left; a longer one is drawn narrower."""

_BOX: Final = f'width="{WIDTH}" height="{HEIGHT}"'
_ROLE: Final = 'role="img" aria-labelledby="t d"'

_STYLE: Final = """
svg{--ground:#fff;--text:#1f2328;--faint:#6e7781;--grid:#d8dee4;--mean:#0969da;--band:#54aeff;--p95:#8250df;--limit:#cf222e}
@media (prefers-color-scheme:dark){svg{--ground:#0d1117;--text:#e6edf3;--faint:#8d96a0;--grid:#30363d;--mean:#58a6ff;
--band:#1f6feb;--p95:#bc8cff;--limit:#ff7b72}}
text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:var(--faint)}
.title{font-size:16px;font-weight:600;fill:var(--text)}.value{text-anchor:end}.time{text-anchor:middle}
.ground{fill:var(--ground)}.grid{stroke:var(--grid);fill:none}.band{fill:var(--band);stroke:var(--band);opacity:.3}
.mean{stroke:var(--mean);stroke-width:1.8;fill:none;stroke-linejoin:round}.dot{fill:var(--mean)}
.p95{stroke:var(--p95);stroke-width:1.6;stroke-dasharray:1 3;stroke-linecap:round;fill:none}
.raise{stroke:var(--limit);stroke-dasharray:7 4}.clear{stroke:var(--limit);stroke-dasharray:2 4;opacity:.7}
.limit{fill:var(--limit)}
""".replace("\n", "")


class ChartPoint(NamedTuple):
    """A window: when it begins, in microseconds since 1970, and its figures."""

    start: int
    low: float
    high: float
    mean: float
    p95: float


class ChartLimit(NamedTuple):
    """A threshold: what it is called, its value, and whether it raises an alarm or clears it."""

    name: str
    value: float
    raises: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn.

    Parameters
    ----------
    length : int
        Of a window, in microseconds.
    size : str
        The same in words.
    first, end : int
        The time it spans, in microseconds since 1970.
    points : Sequence[ChartPoint]
        Ascending.
    """

    name: str
    unit: str
    length: int
    size: str
    first: int
    end: int
    points: Sequence[ChartPoint]
    limits: Sequence[ChartLimit] = ()

    def svg(self) -> str:
        """The document."""
        across = Axis(self.first, max(self.end, self.first + 1), LEFT, WIDTH - RIGHT)
        heading = f"{self.name} · {self.unit}" if self.unit else self.name
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {_BOX} {_ROLE}>',
            f'<title id="t">{escape(heading)}</title>',
            f'<desc id="d">{escape(self._description())}</desc><style>{_STYLE}</style>',
            f'<rect class="ground" {_BOX}/>',
            f'<text class="title" x="{LEFT}" y="26">{escape(heading)}</text>',
            *(_time(tick) for tick in time_ticks(self.first, self.end, across)),
            f'<text class="value" x="{WIDTH - RIGHT}" y="26">times in UTC</text>',
        ]
        return "".join([*parts, *(self._series(across) if self.points else [_EMPTY]), "</svg>\n"])

    def _series(self, across: Axis) -> Iterator[str]:
        values = [value for point in self.points for value in (point.low, point.high)]
        up = value_axis(values, [limit.value for limit in self.limits], HEIGHT - BOTTOM, TOP)
        yield from (_value(tick) for tick in value_ticks(up))
        for stretch in self._stretches():
            yield from self._stretch(stretch, across, up)
        yield from (_limit(each, up) for each in self.limits if up.low <= each.value <= up.high)
        yield self._legend()

    def _stretches(self) -> Iterator[Sequence[ChartPoint]]:
        """Windows that follow one another."""
        stretch: list[ChartPoint] = []
        for point in self.points:
            if stretch and point.start != stretch[-1].start + self.length:
                yield stretch
                stretch = []
            stretch.append(point)
        yield stretch

    def _stretch(self, stretch: Sequence[ChartPoint], across: Axis, up: Axis) -> Iterator[str]:
        xs = [across.place(point.start + self.length / 2) for point in stretch]

        def line(values: Iterable[float]) -> list[str]:
            return [f"{x:g},{up.place(value):g}" for x, value in zip(xs, values, strict=True)]

        band = line(point.high for point in stretch) + line(point.low for point in stretch)[::-1]
        yield f'<polygon class="band" points="{" ".join(band)}"/>'
        if len(stretch) == 1:
            yield f'<circle class="dot" cx="{xs[0]:g}" cy="{up.place(stretch[0].mean):g}" r="2.4"/>'
            return
        yield f'<polyline class="p95" points="{" ".join(line(point.p95 for point in stretch))}"/>'
        yield f'<polyline class="mean" points="{" ".join(line(point.mean for point in stretch))}"/>'

    def _legend(self) -> str:
        y = TOP - 18
        return (
            f'<path class="mean" d="M{LEFT} {y - 4}h22"/>'
            f'<text x="{LEFT + 28}" y="{y}">mean of {escape(self.size)}</text>'
            f'<rect class="band" x="{LEFT + 148}" y="{y - 10}" width="22" height="11"/>'
            f'<text x="{LEFT + 176}" y="{y}">lowest to highest</text>'
            f'<path class="p95" d="M{LEFT + 292} {y - 4}h22"/><text x="{LEFT + 320}" y="{y}">95th percentile</text>'
        )

    def _description(self) -> str:
        span = f"from {moment_of(self.first):%Y-%m-%d %H:%M} to {moment_of(self.end):%Y-%m-%d %H:%M} UTC"
        if not self.points:
            return f"No readings {span}."
        low, high = min(self.points, key=lambda p: p.low), max(self.points, key=lambda p: p.high)
        windows, gaps = counted(len(self.points), "window"), counted(sum(1 for _ in self._stretches()) - 1, "gap")
        return (
            f"Readings {span}, by {self.size}: {windows} with {gaps} between them. "
            f"Lowest {low.low:.6g}, {moment_of(low.start):%Y-%m-%d %H:%M}; "
            f"highest {high.high:.6g}, {moment_of(high.start):%Y-%m-%d %H:%M}. "
            f"Drawn are the mean, the lowest and highest values, and the 95th percentile."
        )


_EMPTY: Final = (
    f'<text class="time" x="{(WIDTH + LEFT - RIGHT) // 2}" y="{HEIGHT // 2}">no readings in this time</text>'
)


def _value(tick: Tick) -> str:
    narrow = f' textLength="{LEFT - 12}" lengthAdjust="spacingAndGlyphs"' if len(tick.label) > WIDEST_LABEL else ""
    return (
        f'<path class="grid" d="M{LEFT} {tick.place:g}H{WIDTH - RIGHT}"/>'
        f'<text class="value" x="{LEFT - 8}" y="{tick.place + 4:g}"{narrow}>{escape(tick.label)}</text>'
    )


def _time(tick: Tick) -> str:
    lines = "".join(
        f'<text class="time" x="{tick.place:g}" y="{HEIGHT - BOTTOM + 18 + 15 * row}">{line}</text>'
        for row, line in enumerate(tick.label.split("\n"))
    )
    return f'<path class="grid" d="M{tick.place:g} {HEIGHT - BOTTOM}v5"/>{lines}'


def _limit(limit: ChartLimit, up: Axis) -> str:
    """A line with its label: at the right above it, or at the left below it, so that two close ones do not meet."""
    y = up.place(limit.value)
    kind, place = ("raise", _AT_THE_RIGHT) if limit.raises else ("clear", _AT_THE_LEFT)
    return (
        f'<path class="{kind}" d="M{LEFT} {y:g}H{WIDTH - RIGHT}"/>'
        f'<text {place} y="{y - 4 if limit.raises else y + 14:g}">{escape(limit.name)} {limit.value:.6g}</text>'
    )


_AT_THE_RIGHT: Final = f'class="value limit" x="{WIDTH - RIGHT}"'
_AT_THE_LEFT: Final = f'class="limit" x="{LEFT + 4}"'
