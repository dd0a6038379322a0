"""What the engine reports: measurements, and spans that continue the W3C trace context of what caused them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final, Protocol


class Telemetry(Protocol):
    """A sink for counts and durations; names are those of the dashboards."""

    def count(self, name: str, value: int = 1) -> None:
        """Add to a counter."""

    def duration(self, name: str, milliseconds: float) -> None:
        """Report one duration in milliseconds."""

    def gauge(self, name: str, value: float, of: str = "") -> None:
        """Report how something stands now; ``of`` names which one of several."""


class NoTelemetry:
    """Reports nothing."""

    def count(self, name: str, value: int = 1) -> None:
        pass

    def duration(self, name: str, milliseconds: float) -> None:
        pass

    def gauge(self, name: str, value: float, of: str = "") -> None:
        pass


_watcher: ContextVar[Callable[[BaseException], None] | None] = ContextVar("watcher", default=None)


@contextmanager
def watching_failures(watch: Callable[[BaseException], None]) -> Iterator[None]:
    """Hand on every error that is logged as a failure in this context; deployed functions never do."""
    token = _watcher.set(watch)
    try:
        yield
    finally:
        _watcher.reset(token)


def notice_failure(error: BaseException) -> None:
    """Hand an error to whoever watches."""
    if watch := _watcher.get():
        watch(error)


Attributes = Mapping[str, str | int]

_TRACEPARENT: Final = re.compile(
    r"((?!ff)[0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]{1,200})?", re.ASCII
)


class Tracing(Protocol):
    """Where spans go. Attributes hold names of code and counts, never what a caller sent."""

    def span(self, name: str, parent: str, attributes: Attributes) -> AbstractContextManager[str]: ...

    def flush(self) -> None:
        """Export what has ended; a frozen process exports nothing."""


_installed: Tracing | None = None


def install_tracing(tracing: Tracing | None) -> None:
    """Send the spans of this process somewhere, or nowhere."""
    global _installed
    _installed = tracing


def is_traced() -> bool:
    """Whether spans go somewhere."""
    return _installed is not None


def span(name: str, parent: str = "", attributes: Attributes | None = None) -> AbstractContextManager[str]:
    """Trace a block; gives the ``traceparent`` to hand on to what the block causes.

    Parameters
    ----------
    parent : str
        The ``traceparent`` that caused the block. A span that is open in this thread and belongs to the same trace,
        or to any when there is no parent, comes first. Without tracing the parent itself is handed on.
    """
    if _installed is None:
        return nullcontext(parent)
    return _installed.span(name, parent, attributes or {})


def flush_spans() -> None:
    """Export what has ended."""
    if _installed is not None:
        _installed.flush()


def read_traceparent(text: str) -> str:
    """The trace context of a request, or nothing when it is malformed: a trace never makes a request fail.

    Of a version later than 00 only what 00 has is kept, as the W3C recommendation says.
    """
    match = _TRACEPARENT.fullmatch(text)
    if match is None or (match[1] == "00" and match[2]):
        return ""
    return f"00{text[2:55]}"
