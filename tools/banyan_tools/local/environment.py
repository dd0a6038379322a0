"""Environment variables of this process, and of the functions that run in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Thread
from typing import Self

from banyan_tools.local.patching import patched

Variables = MutableMapping[str, str | None]
"""Those that are None are removed."""
_own: ContextVar[Variables | None] = ContextVar("own", default=None)
"""What only the function that this thread belongs to finds in ``os.environ``."""


@contextmanager
def environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables, remove those that are None, and put back what stood there before."""
    before = {name: os.environ.get(name) for name in values}
    set_environment(values)
    try:
        yield
    finally:
        set_environment(before)


def set_environment(values: Mapping[str, str | None]) -> None:
    """Set environment variables and remove those that are None."""
    for name, value in values.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@contextmanager
def own_environment(variables: Variables) -> Iterator[None]:
    """Give this thread, and threads that it starts, variables of their own until the block is left.

    They find them in ``os.environ`` within `own_environments`, and what they change there is changed for them alone.
    """
    token = _own.set(variables)
    try:
        yield
    finally:
        _own.reset(token)


@contextmanager
def own_environments() -> Iterator[None]:
    """Show each function's variables in ``os.environ``, on top of the process's, until the block is left."""
    start = Thread.start

    def start_with_own(thread: Thread) -> None:
        if (own := _own.get()) is not None:
            thread.run = _within(own, thread.run)  # type: ignore[method-assign]
        start(thread)

    with patched(os, "environ", _Environ(os.environ)), patched(Thread, "start", start_with_own):
        yield


def _within(variables: Variables, run: Callable[[], None]) -> Callable[[], None]:
    def run_within() -> None:
        with own_environment(variables):
            run()

    return run_within


class _Environ(MutableMapping[str, str]):
    """The variables of the process, and on top of them those of the function that asks."""

    def __init__(self, process: MutableMapping[str, str]) -> None:
        self._process = process

    def __getitem__(self, name: str) -> str:
        own = _own.get()
        if own is None or name not in own:
            return self._process[name]
        if (value := own[name]) is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        if (own := _own.get()) is None:
            self._process[name] = value
        elif isinstance(name, str) and isinstance(value, str):
            own[name] = value
        else:
            raise TypeError(f"names and values are text: {name!r}, {value!r}")

    def __delitem__(self, name: str) -> None:
        if (own := _own.get()) is None:
            del self._process[name]
        else:
            self[name]
            own[name] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self.copy())

    def __len__(self) -> int:
        return len(self.copy())

    def __or__(self, more: Mapping[str, str]) -> dict[str, str]:
        return self.copy() | dict(more)

    def __ror__(self, less: Mapping[str, str]) -> dict[str, str]:
        return dict(less) | self.copy()

    def __ior__(self, more: Mapping[str, str]) -> Self:
        self.update(more)
        return self

    def copy(self) -> dict[str, str]:
        """Return what the function, or the process, finds there now."""
        found = {**self._process, **(_own.get() or {})}
        return {name: value for name, value in found.items() if value is not None}
