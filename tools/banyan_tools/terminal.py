"""A console that prints what strangers wrote: their control characters are shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from unicodedata import category

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from typer import rich_utils

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def run_for_make(app: typer.Typer, module: str) -> None:
    """Run the command line behind a target of make; who mistypes an option is sent to what lists the target's."""
    rich_utils.RICH_HELP = "Try [blue]'make help'[/], which lists what the target takes."
    app(prog_name=f"python -m {module}")


class SafeConsole(Console):
    """Prints text of files, rows and events, in which a terminal's escape sequences or marks of direction may stand."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of something printed. Those of the console's own styles hold no text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


def harmless(text: str) -> str:
    """The text with a mark in place of each character that a terminal would obey; lines stay lines."""
    return "".join(REPLACEMENT if category(c)[0] == "C" and c != "\n" else c for c in text)
