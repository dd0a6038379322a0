"""What the audience sees: a line for each thing that happens, how far traffic has come, and what was proven."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from orders.tools.demo.checks import EXAMPLES, Check
from orders.tools.demo.diary import Diary, Entry

STYLES = {"step": "bold cyan", "fault": "bold red", "good": "green"}
SIGNS = {"step": "→", "fault": "✗", "good": "✓"}


class Screen:
    """Rich progress while the story is played.

    Parameters
    ----------
    commands : int
        That the clients will send.
    """

    def __init__(self, console: Console, commands: int) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
        self._commands = self.progress.add_task("commands acknowledged", total=commands)
        self._backfill = self.progress.add_task("rows imported by the backfill", total=None, visible=False)
        self.diary = Diary(self._announce)

    def acknowledged(self, count: int) -> None:
        """So many commands were answered."""
        self.progress.update(self._commands, completed=count)

    def backfilled(self, done: int, of: int) -> None:
        """So many rows were looked at."""
        self.progress.update(self._backfill, completed=done, total=max(of, done), visible=done < of)

    def _announce(self, entry: Entry) -> None:
        moment = f"{self.diary.since(entry.at):6.1f} s"
        line = f"{moment}  [{STYLES[entry.kind]}]{SIGNS[entry.kind]} {entry.text}[/]"
        self.progress.console.print(line, highlight=False)


def table(checks: Sequence[Check]) -> Table:
    """What was proven, and what is off."""
    found = Table(title="What was proven", title_justify="left", title_style="bold")
    found.add_column("")
    found.add_column("", justify="right")
    found.add_column("")
    for check in checks:
        if not check.faults:
            found.add_row(check.what, check.value, "[green]✓[/]")
            continue
        more = len(check.faults) - EXAMPLES
        shown = [*check.faults[:EXAMPLES], *([f"and {more} more"] if more > 0 else [])]
        found.add_row(f"[red]{check.what}[/]", check.value, "[red]✗[/] " + "\n".join(shown))
    return found
