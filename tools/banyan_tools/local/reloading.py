"""A domain that changes while the stack runs: its modules and the handlers are imported again, the engine is not."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Final

from banyan_tools.local.console import Console
from banyan_tools.local.errors import StackError
from banyan_tools.local.handlers import file_of
from banyan_tools.local.loops import looping

LOOK_SECONDS: Final = 0.5

Seen = dict[Path, tuple[int, int]]


class Reloading:
    """Looks at the modules below some folders, and imports them again when one of them has changed.

    Parameters
    ----------
    load : Callable[[], Callable[[], None]]
        Imports everything, and returns what puts it in the place of the version before.
    """

    def __init__(self, folders: Sequence[Path], load: Callable[[], Callable[[], None]], console: Console) -> None:
        self._folders = folders
        self._load = load
        self._console = console
        self._seen = self._look()

    @contextmanager
    def running(self, stopping: threading.Event) -> Iterator[None]:
        """Look in the background until the block is left."""
        with looping("reload", self.step, self._console, stopping):
            yield

    def step(self) -> float:
        """Look once; returns the seconds until it is worth looking again."""
        found = self._look()
        if changed := {path for path, _ in found.items() ^ self._seen.items()}:
            self._seen = found
            self._reload(sorted(changed))
        return LOOK_SECONDS

    def _reload(self, changed: Sequence[Path]) -> None:
        names = ", ".join(f"{path.parent.name}/{path.name}" for path in changed)
        have_changed = f"{names} {'has' if len(changed) == 1 else 'have'} changed"
        before = self._forget()
        try:
            for path in filter(Path.exists, changed):
                compile(path.read_bytes(), path, "exec")
            use = self._load()
        except (Exception, SystemExit) as error:
            self._forget()
            sys.modules.update(before)
            self._console.warn(f"{have_changed}, but the previous version keeps running. {_reason(error)}")
            return
        use()
        self._console.event(f"Loaded again, as {have_changed}.")

    def _forget(self) -> dict[str, ModuleType]:
        """Let the modules below the folders be imported again; those that were."""
        inside = tuple(f"{folder}/" for folder in self._folders)
        found = {name: module for name, module in list(sys.modules.items()) if file_of(module).startswith(inside)}
        for name in found:
            del sys.modules[name]
        return found

    def _look(self) -> Seen:
        found: Seen = {}
        for path in (path for folder in self._folders for path in folder.rglob("*.py")):
            with suppress(FileNotFoundError):
                stat = path.stat()
                found[path] = (stat.st_mtime_ns, stat.st_size)
        return found


def _reason(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{Path(error.filename or '').name}, line {error.lineno}: {error.msg}."
    kind = "" if isinstance(error, StackError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())
