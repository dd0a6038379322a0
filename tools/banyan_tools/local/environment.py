"""Environment variables of this process, and of the functions that run in it."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Thread
from typing import Any

from banyan_tools.local.patching import patched

Variables = MutableMapping[str, str]
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
    """Let code that this thread runs, and threads that it starts, find variables of its own until the block is left.

    They stand in ``os.environ`` within `own_environments`.
    """
    token = _own.set(variables)
    try:
        yield
    finally:
        _own.reset(token)


@contextmanager
def own_environments() -> Iterator[None]:
    """Let ``os.environ`` hold what `own_environment` says besides what the process has, until the block is left."""
    start = Thread.start

    def start_with_own(thread: Thread) -> None:
        if (own := _own.get()) is not None:
            thread.run = _within(own, thread.run)  # type: ignore[method-assign]
        start(thread)

    with patched(os, "environ", _Environ(os.environ)), patched(Thread, "start", start_with_own):
        yield


def _within(variables: Variables, run: Any) -> Any:
    def run_within() -> None:
        with own_environment(variables):
            run()

    return run_within


class _Environ(ChainMap[str, str]):
    """The variables of the process below those of the function that asks."""

    def __init__(self, process: Variables) -> None:
        self._process = process

    @property
    def maps(self) -> list[Variables]:  # type: ignore[override]
        own = _own.get()
        return [self._process] if own is None else [own, self._process]

    def copy(self) -> dict[str, str]:  # type: ignore[override]
        return dict(self)

    def __or__(self, more: Mapping[str, str]) -> dict[str, str]:  # type: ignore[override]
        return self.copy() | dict(more)
