"""How answers are printed: as tables for people, or as the API's own JSON."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console, RenderableType

from tools.cli.client import Answer

Json = Annotated[bool, typer.Option("--json", help="Print the API's answer as it is.")]


def show(answer: Answer, json: bool, *shown: RenderableType) -> None:
    """Print an answer as it came, or what it says."""
    if json:
        print(answer.text)
    else:
        say(*shown)


def say(*shown: RenderableType) -> None:
    """Print for a person."""
    console = Console()
    for each in shown:
        console.print(each, highlight=False)
