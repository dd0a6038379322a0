"""The few lines that the user of the local stack sees."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TextIO


class Console:
    """Writes whole lines, from any thread.

    Parameters
    ----------
    out : TextIO
        Where the lines go.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Write a line as it is."""
        with self._lock:
            print(text, file=self._out, flush=True)

    def event(self, text: str) -> None:
        """Write a line about something that happened, with the time."""
        self.say(f"{now()}  {text}")

    def request(self, method: str, path: str, status: int, milliseconds: float) -> None:
        """Write the line of one HTTP request."""
        self.event(f"{status}  {milliseconds:6.0f} ms  {method} {path}")

    def warn(self, text: str) -> None:
        """Write a line about something that failed."""
        self.event(f"warning: {text}")


def now() -> str:
    """Return the time of day in this place."""
    return datetime.now().astimezone().strftime("%H:%M:%S")
