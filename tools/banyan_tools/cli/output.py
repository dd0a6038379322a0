"""How answers are printed: as tables for people, or as the API's own JSON."""

from __future__ import annotations

import os
from typing import Annotated, Final

import typer
from rich.console import RenderableType

from banyan_tools.cli.client import Answer
from banyan_tools.terminal import SafeConsole

WIDE: Final = 10_000
"""Where no terminal says how wide it is, nothing is folded: what reads a pipe wants one line for each row."""

Json = Annotated[bool, typer.Option("--json", help="Print the API's answer as it is.")]


def show(answer: Answer, json: bool, *shown: RenderableType) -> None:
    """Print an answer as it came, or what it says."""
    if json:
        print(answer.text)
    else:
        say(*shown)


def say(*shown: RenderableType) -> None:
    """Print for a person."""
    console = SafeConsole(emoji=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console = SafeConsole(width=WIDE, emoji=False)
    for each in shown:
        console.print(each, highlight=False)
