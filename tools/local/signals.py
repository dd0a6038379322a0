"""The signals that end a program."""

from __future__ import annotations

import signal

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def interrupt_on_every_signal() -> None:
    """Let each of them do what Ctrl-C does, so that what was started is stopped."""
    _handle(signal.default_int_handler)


def ignore_every_signal() -> None:
    """Let none of them disturb the stopping."""
    _handle(signal.SIG_IGN)


def _handle(handler: signal.Handlers | object) -> None:
    for number in SIGNALS:
        signal.signal(number, handler)  # type: ignore[arg-type]
