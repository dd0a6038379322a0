"""What a drill has proven, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Proof:
    """One statement, whether it holds, and what was seen."""

    drill: str
    statement: str
    holds: bool
    seen: str


@dataclass(slots=True)
class Proofs:
    """The statements of a drill, in the order in which they were tried."""

    found: list[Proof] = field(default_factory=list)

    @property
    def hold(self) -> bool:
        """Whether there are any, and all hold."""
        return bool(self.found) and all(proof.holds for proof in self.found)

    def add(self, drill: str, statement: str, holds: bool, seen: object) -> None:
        """Add one."""
        self.found.append(Proof(drill, statement, holds, str(seen)))

    def table(self, title: str) -> Table:
        """All of them, for a terminal."""
        table = Table(title=title, title_justify="left")
        for heading in ("drill", "proven", "", "seen"):
            table.add_column(heading, overflow="fold")
        for proof in self.found:
            verdict = Text("holds", style="green") if proof.holds else Text("FAILS", style="bold red")
            table.add_row(proof.drill, proof.statement, verdict, Text(proof.seen))
        return table
