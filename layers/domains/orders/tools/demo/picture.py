"""The timeline as an SVG that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from orders.tools.demo.diary import Diary, Entry
from orders.tools.demo.ledger import Ledger

WIDTH: Final = 1200
LEFT: Final = 60
RIGHT: Final = 20
BANDS: Final = 60
CURVE: Final = 130
BASE: Final = 280
NOTES: Final = 330
LINE: Final = 20
SLICES: Final = 120
COMMANDS: Final = "#1565c0"
READS: Final = "#90a4ae"
INK: Final = "#37474f"
COLOURS: Final = {
    "legacy": "#8d6e63",
    "dual_write": "#f9a825",
    "canary": "#7cb342",
    "event_store": "#00897b",
    "complete": "#1565c0",
}
MARKS: Final = {"fault": "#c62828", "good": "#2e7d32", "step": "#37474f"}


class Scale:
    """Where a moment lies."""

    def __init__(self, began: float, ended: float) -> None:
        self._began = began
        self.seconds = max(ended - began, 1.0)
        self._width = WIDTH - LEFT - RIGHT

    def __call__(self, moment: float) -> float:
        return round(LEFT + self._width * (moment - self._began) / self.seconds, 1)


def drawn(title: str, diary: Diary, ledger: Ledger, ended: float) -> str:
    """Return the picture: the steps as bands, commands and reads as curves, faults and findings as marks."""
    scale = Scale(diary.began, ended)
    noted = [entry for entry in diary.entries if entry.kind != "step"]
    height = NOTES + LINE * len(noted) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(LEFT, 32, title, size=20),
        *_bands(diary, scale, ended),
        *_curve(ledger.reads, scale, diary.began, READS),
        *_curve([each.at for each in ledger.acknowledged], scale, diary.began, COMMANDS),
        *_legend(),
        *_axis(scale, diary.began),
        *_notes(noted, diary, scale),
        "</svg>",
    ]
    return "\n".join(parts)


def _bands(diary: Diary, scale: Scale, ended: float) -> Iterator[str]:
    steps = [entry for entry in diary.entries if entry.kind == "step"]
    for entry, until in zip(steps, [each.at for each in steps[1:]] + [ended], strict=True):
        left, right = scale(entry.at), scale(until)
        colour = COLOURS[entry.text.split()[0]]
        yield f'<rect x="{left}" y="{BANDS}" width="{right - left:.1f}" height="36" fill="{colour}" stroke="#fff"/>'
        if right - left > 7 * len(entry.text):
            yield _text(left + 4, BANDS + 23, entry.text, size=12, colour="#fff")
        elif right - left > 24:
            yield _text(left + 4, BANDS + 23, entry.text.removeprefix("canary "), size=10, colour="#fff")


def _curve(moments: Sequence[float], scale: Scale, began: float, colour: str) -> Iterator[str]:
    width = scale.seconds / SLICES
    counts = [0] * SLICES
    for moment in moments:
        counts[min(SLICES - 1, max(0, int((moment - began) / width)))] += 1
    highest = max([*counts, 1])
    places = [scale(began + (place + 0.5) * width) for place in range(SLICES)]
    heights = [BASE - (BASE - CURVE) * count / highest for count in counts]
    points = " ".join(f"{x},{y:.1f}" for x, y in zip(places, heights, strict=True))
    yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
    line = CURVE - 6 if colour == COMMANDS else CURVE + 10
    yield _text(WIDTH - RIGHT - 170, line, f"{highest / width:.0f} a second at most", 11, colour)


def _legend() -> Iterator[str]:
    yield _text(LEFT, CURVE - 6, "commands acknowledged", 11, COMMANDS)
    yield _text(LEFT, CURVE + 10, "reads answered", 11, READS)


def _axis(scale: Scale, began: float) -> Iterator[str]:
    yield f'<path d="M{LEFT} {BASE}H{WIDTH - RIGHT}" stroke="{INK}"/>'
    step = 10 if scale.seconds < 150 else 30
    for second in range(0, int(scale.seconds) + 1, step):
        yield _text(scale(began + second) - 8, BASE + 16, f"{second} s", 11, INK)


def _notes(entries: Sequence[Entry], diary: Diary, scale: Scale) -> Iterator[str]:
    for number, entry in enumerate(entries, start=1):
        x, colour = scale(entry.at), MARKS[entry.kind]
        yield f'<path d="M{x} {BANDS}V{BASE}" stroke="{colour}" stroke-dasharray="3"/>'
        yield f'<circle cx="{x}" cy="{BANDS - 8}" r="8" fill="{colour}"/>'
        yield _text(x - (4 if number < 10 else 7), BANDS - 4, str(number), 11, "#fff")
        text = f"{number}.  {diary.since(entry.at):5.1f} s  {entry.text}"
        yield _text(LEFT, NOTES + LINE * number - 10, text, 13, colour)


def _text(x: float, y: float, text: str, size: int = 12, colour: str = "#212121") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}">{escape(text)}</text>'
