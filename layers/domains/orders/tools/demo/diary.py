"""What happened when: steps, faults and findings of a performance, for the table and the picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["step", "fault", "good"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    Parameters
    ----------
    at : float
        Seconds of a clock that only goes forward.
    kind : "step" | "fault" | "good"
        The migration stands at another step; something was broken; something was found or put right.
    """

    at: float
    kind: Kind
    text: str


@dataclass(slots=True)
class Diary:
    """Kept by the story, read by all threads.

    Parameters
    ----------
    announce : Callable[[Entry], None]
        Hears of each entry.
    """

    announce: Callable[[Entry], None] = lambda _: None
    began: float = field(default_factory=time.monotonic)
    entries: list[Entry] = field(default_factory=list)

    def note(self, kind: Kind, text: str) -> float:
        """Write something down, and return when."""
        entry = Entry(time.monotonic(), kind, text)
        self.entries.append(entry)
        self.announce(entry)
        return entry.at

    def since(self, moment: float) -> float:
        """Seconds since the beginning."""
        return moment - self.began
