"""The signals that end a program."""

from __future__ import annotations

import signal

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def interrupt_on_every_signal() -> None:
    """Let each of them do what Ctrl-C does, so that what was started is stopped; ``nohup`` is respected."""
    _handle(signal.default_int_handler)


def ignore_every_signal() -> None:
    """Let none of them disturb the stopping."""
    _handle(signal.SIG_IGN)


def _handle(handler: signal.Handlers | object) -> None:
    for number in SIGNALS:
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)  # type: ignore[arg-type]
