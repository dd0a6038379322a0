"""The signals that end a program."""

from __future__ import annotations

import signal
from types import FrameType

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def interrupt_on_every_signal() -> None:
    """Let the first of them do what Ctrl-C does, so that what was started is stopped; others do not disturb that."""
    _handle(_interrupt)


def ignore_every_signal() -> None:
    """Let none of them disturb the stopping."""
    _handle(signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    ignore_every_signal()
    raise KeyboardInterrupt


def _handle(handler: signal.Handlers | object) -> None:
    for number in SIGNALS:
        signal.signal(number, handler)  # type: ignore[arg-type]
