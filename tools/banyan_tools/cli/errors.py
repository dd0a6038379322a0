"""What ends a command early: one sentence, and an exit code."""

from __future__ import annotations

from typing import Final

import typer
from typer.core import TyperGroup

from banyan_tools.terminal import SafeConsole

REFUSED: Final = 1
UNREACHABLE: Final = 2
INTERRUPTED: Final = 130


class CliError(Exception):
    """A sentence that says what to do next, and the exit code: 1 refused or failed, 2 not even asked, 130 Ctrl-C."""

    def __init__(self, sentence: str, code: int = REFUSED) -> None:
        super().__init__(sentence)
        self.code = code


class Commands(TyperGroup):
    """Commands that end with a sentence instead of a traceback."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Run a command."""
        try:
            return super().invoke(ctx)
        except CliError as error:
            SafeConsole(stderr=True).print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
            raise typer.Exit(error.code) from None
