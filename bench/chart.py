"""Draws the chart of ``docs/performance.md`` from bars on standard input; runs in an environment that has matplotlib.

The chart follows the reader's colour scheme, as the other drawings of the documentation do.
"""

from __future__ import annotations

import json
import re
import sys
from io import StringIO
from typing import Any

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt

OURS, THEIRS, BARE, TEXT, CARD = "#558b2f", "#90a4ae", "#cfd8dc", "#212121", "#ffffff"
DARK = {OURS: "#9ccc65", THEIRS: "#78909c", BARE: "#455a64", TEXT: "#eceff1", CARD: "#1e2129"}
CLASSES = {OURS: "ours", THEIRS: "theirs", BARE: "bare", TEXT: "text", CARD: "card"}
TITLE = "Banyan, its peers and the bare SDK: how long folds take, and what appends and loads consume"
COLOURS = (OURS, BARE, THEIRS)
"""In the order of bars."""
BAR_INCHES, HEAD_INCHES, WIDTH_INCHES = 0.27, 0.62, 12.0

Panels = dict[str, list[list[Any]]]


def drawn(panels: Panels) -> str:
    """The chart as SVG: what takes time on the left, what is paid on the right."""
    plt.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "banyan", "font.family": "sans-serif", "font.size": 10}
    columns = [
        {name: bars for name, bars in panels.items() if name.endswith(": ms") is timed} for timed in (True, False)
    ]
    columns = [column for column in columns if column]
    height = max(sum(map(inches, column.values())) for column in columns)
    figure = plt.figure(figsize=(WIDTH_INCHES, height), facecolor=CARD, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.06)
    for part, column in zip(figure.subfigures(1, len(columns), squeeze=False)[0], columns, strict=True):
        part.set_facecolor(CARD)
        heights = [inches(bars) for bars in column.values()]
        rest = height - sum(heights)
        axes = part.subplots(len(column) + 1, 1, height_ratios=[*heights, rest + 0.01], squeeze=False)[:, 0]
        axes[-1].axis("off")
        for (title, bars), axis in zip(column.items(), axes, strict=False):
            draw(axis, title, bars)
    output = StringIO()
    figure.savefig(output, format="svg", metadata={"Date": None, "Creator": None})
    return themed(output.getvalue())


def inches(bars: list[list[Any]]) -> float:
    """Height of a panel."""
    return HEAD_INCHES + BAR_INCHES * len(bars)


def draw(axis: Any, title: str, bars: list[list[Any]]) -> None:
    """One panel: Banyan, the bare SDK, and peers from the shortest bar on, each with its figure behind it."""
    ordered = sorted(bars, key=lambda bar: (COLOURS.index(colour(bar[0])), float(bar[1])))
    names = [bar[0] for bar in ordered]
    drawn_bars = axis.barh(names, [bar[1] for bar in ordered], color=list(map(colour, names)), height=0.7)
    axis.bar_label(drawn_bars, [f" {bar[2]}" for bar in ordered], color=TEXT)
    axis.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=TEXT)
    axis.set_facecolor(CARD)
    axis.invert_yaxis()
    axis.margins(x=0.2)
    axis.tick_params(length=0, colors=TEXT)
    axis.xaxis.set_visible(False)
    for side in axis.spines.values():
        side.set_visible(False)


def colour(name: str) -> str:
    """Of a bar."""
    return OURS if name.startswith("Banyan") else BARE if name.startswith("bare") else THEIRS


def themed(svg: str) -> str:
    """Colours as classes, which a style sheet sets for light and for dark."""
    for colour, name in CLASSES.items():
        svg = re.sub(rf'style="([^"]*?)fill: {colour}', rf'class="{name}" style="\1', svg)
        svg = svg.replace(f"fill: {colour}", "")
    light = " ".join(f".{name} {{ fill: {colour}; }}" for colour, name in CLASSES.items())
    dark = " ".join(f".{CLASSES[colour]} {{ fill: {other}; }}" for colour, other in DARK.items())
    style = f"<title>{TITLE}</title>\n<style>{light} @media (prefers-color-scheme: dark) {{ {dark} }}</style>"
    svg = re.sub("<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    return svg.replace(">", f">\n{style}", 1)


if __name__ == "__main__":
    sys.stdout.write(drawn(json.load(sys.stdin)))
