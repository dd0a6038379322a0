"""What Lambda keeps of a function's output in the JSON log format."""

from __future__ import annotations

import io
import json
import threading
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final, TextIO

EVERYTHING: Final = "TRACE"
RANKS: Final = {"TRACE": 0, "DEBUG": 1, "INFO": 2, "WARN": 3, "WARNING": 3, "ERROR": 4, "FATAL": 5, "CRITICAL": 5}
UNKNOWN: Final = "INFO"
application_level: ContextVar[str] = ContextVar("application_level", default=EVERYTHING)
"""``ApplicationLogLevel`` of the function that runs in this thread."""


def passes(line: str, level: str) -> bool:
    """Tell whether Lambda keeps a line at an ``ApplicationLogLevel``.

    A line that is not JSON, or has no level that Lambda knows or no RFC 3339 timestamp, counts as INFO.
    """
    return RANKS[level_of(line)] >= RANKS[level.upper()]


def level_of(line: str) -> str:
    """Return the level that Lambda takes a line for."""
    try:
        found: Any = json.loads(line)
    except ValueError:
        return UNKNOWN
    if not isinstance(found, dict) or not is_rfc_3339(found.get("timestamp")):
        return UNKNOWN
    level = str(found.get("level", "")).upper()
    return level if level in RANKS else UNKNOWN


def is_rfc_3339(value: Any) -> bool:
    """Tell whether a value is a date, ``T``, a time with seconds and the offset from UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return moment.tzinfo is not None and value[10] in "Tt" and value[16:17] == ":"


class FilteredLog(io.TextIOBase):
    """Passes on what functions print, line by line, as far as Lambda would; all else as it is.

    Parameters
    ----------
    out : TextIO
        A file that outlives this.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._begun = threading.local()
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Write the lines that are complete, and keep what is not for the thread's next text."""
        *lines, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        level = application_level.get()
        kept = "".join(f"{line}\n" for line in lines if passes(line, level))
        with self._lock:
            self._out.write(kept)
        return len(text)

    def flush(self) -> None:
        """Let the file write what it holds."""
        self._out.flush()

    def writable(self) -> bool:
        return True
