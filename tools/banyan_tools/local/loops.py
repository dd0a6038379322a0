"""Background work that repeats until the stack stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from banyan_tools.local.console import Console

PAUSE_AFTER_ERROR_SECONDS = 1.0


@contextmanager
def looping(name: str, step: Callable[[], float], console: Console, stopping: threading.Event) -> Iterator[None]:
    """Repeat a step in a thread; leaving stops every loop of the same event and waits for this one.

    Parameters
    ----------
    name : str
        Of the thread, and in warnings.
    step : Callable[[], float]
        Returns the seconds to wait before it is called again. When it raises, a warning is written and it is
        called again a little later.
    """
    thread = threading.Thread(target=repeat, args=(name, step, console, stopping), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def repeat(name: str, step: Callable[[], float], console: Console, stopping: threading.Event) -> None:
    """Call a step until the event is set; see `looping`."""
    pause = 0.0
    while not stopping.wait(pause):
        pause = attempt(name, step, console)


def attempt(name: str, step: Callable[[], float], console: Console) -> float:
    """Call a step once; return the seconds to wait before the next, see `looping`."""
    try:
        return step()
    except Exception as error:
        console.warn(f"{name}: {error}")
        return PAUSE_AFTER_ERROR_SECONDS
