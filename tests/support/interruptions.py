"""A process whose every request to the outside can be its last, or can let another process in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

T = TypeVar("T")

Request = Callable[[], Any]
Interruption = Callable[[Request], Any]


class Killed(BaseException):
    """The process is gone; nothing in it gets to see why."""


def killed_before(request: Request) -> Any:  # noqa: ARG001
    """The process ends before its request takes effect."""
    raise Killed


def killed_after(request: Request) -> Any:
    """The request takes effect, and the process does not hear of it."""
    request()
    raise Killed


def meanwhile(action: Callable[[], object]) -> Interruption:
    """Another process acts before the request does."""

    def interruption(request: Request) -> Any:
        action()
        return request()

    return interruption


class Outside:
    """Counts a process's requests, and interrupts some of them.

    Parameters
    ----------
    interruptions : Mapping[int, Interruption]
        By the number of the request, from 1.
    """

    def __init__(self, interruptions: Mapping[int, Interruption] | None = None) -> None:
        self.requests = 0
        self._interruptions = interruptions or {}

    def tap(self, service: T) -> T:
        """The service, behind this wire: each call of a method is a request."""
        return cast(T, _Tapped(service, self))

    def send(self, request: Request) -> Any:
        """Carry out a request, unless it is interrupted."""
        self.requests += 1
        interruption = self._interruptions.get(self.requests)
        return interruption(request) if interruption else request()


class _Tapped:
    def __init__(self, service: Any, outside: Outside) -> None:
        self._service = service
        self._outside = outside

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._service, name)
        return self._method(found) if callable(found) else found

    def _method(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def request(*arguments: Any, **named: Any) -> Any:
            return self._outside.send(lambda: _fetched(method(*arguments, **named)))

        return request


def _fetched(answer: Any) -> Any:
    """An answer that is read lazily, read at once: it is one request."""
    return iter(list(answer)) if isinstance(answer, Iterator) else answer
