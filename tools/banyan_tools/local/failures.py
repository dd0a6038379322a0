"""Why a request failed, in a line that names a place in the user's own code."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from traceback import FrameSummary

OF_PYTHON = (AttributeError, ImportError, NameError, TypeError)
"""Their text names code, unless code raised them with a text of its own."""


@dataclass(frozen=True)
class Failures:
    """Explains errors on the user's own screen, without what their text may quote from a request.

    Parameters
    ----------
    code : Callable[[], Sequence[Path]]
        Folders of the project's own code.
    log : Path
        Where the functions log.
    """

    code: Callable[[], Sequence[Path]]
    log: Path

    @contextmanager
    def seen(self) -> Iterator[list[BaseException]]:
        """What the engine logs as a failure while the block runs."""
        from banyan.telemetry import watching_failures

        errors: list[BaseException] = []
        with watching_failures(errors.append):
            yield errors

    def explain(self, error: BaseException) -> str:
        """Return class, message and place of an error, and where its log is."""
        frames = traceback.extract_tb(error.__traceback__)
        what = ": ".join(filter(None, (type(error).__name__, _message(error, frames))))
        place = next((f", at {_place(frame)}" for frame in reversed(frames) if self._is_own(frame)), "")
        return f"{what}{place}. The log is {self.log}."

    def _is_own(self, frame: FrameSummary) -> bool:
        file = Path(frame.filename).resolve()
        return any(file.is_relative_to(folder.resolve()) for folder in self.code())


def _message(error: BaseException, frames: Sequence[FrameSummary]) -> str:
    from banyan.errors import BanyanError

    raised = bool(frames) and "raise" in (frames[-1].line or "").split()
    is_safe = isinstance(error, BanyanError) or (isinstance(error, OF_PYTHON) and not raised)
    return " ".join(str(error).split()).rstrip(".") if is_safe else ""


def _place(frame: FrameSummary) -> str:
    file, here = Path(frame.filename).resolve(), Path.cwd()
    return f"{file.relative_to(here) if file.is_relative_to(here) else file}:{frame.lineno}, in {frame.name}"
