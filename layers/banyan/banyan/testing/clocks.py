"""Another clock for code that reads one although it should not."""

from __future__ import annotations

import datetime as datetimes
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

SHIFT: Final = datetimes.timedelta(days=400, hours=7, minutes=11, seconds=13)

_NANOSECONDS: Final = frozenset({"time_ns", "monotonic_ns", "perf_counter_ns"})
_SECONDS: Final = frozenset({"time", "monotonic", "perf_counter"})


class _SameInstances(type):
    """Moments made before count as moments of the other clock."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])


class _Datetime(datetimes.datetime, metaclass=_SameInstances):
    @classmethod
    def now(cls, tz: datetimes.tzinfo | None = None) -> Any:
        return _REAL_DATETIME.now(tz) + SHIFT

    @classmethod
    def utcnow(cls) -> Any:
        return _REAL_DATETIME.now(datetimes.UTC).replace(tzinfo=None) + SHIFT

    @classmethod
    def today(cls) -> Any:
        return cls.now()


class _Date(datetimes.date, metaclass=_SameInstances):
    @classmethod
    def today(cls) -> Any:
        return (_REAL_DATETIME.now() + SHIFT).date()


_REAL_DATETIME: Final = datetimes.datetime
_REAL_DATE: Final = datetimes.date


@contextmanager
def another_clock(package: str) -> Iterator[None]:
    """Let every clock of Python be more than a year ahead.

    Parameters
    ----------
    package : str
        In the modules of this package the clocks that were imported by name are replaced, too.
    """
    replaced = _replacements()
    own = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == package and module]
    with ExitStack() as patches:
        for module in (datetimes, time, *own):
            for name, other in _clocks_in(module, replaced):
                patches.enter_context(patch.object(module, name, other))
        yield


def _replacements() -> dict[int, Any]:
    """The other clock by the identity of the one it takes the place of."""
    clocks = [(getattr(time, name), 1.0) for name in _SECONDS] + [(getattr(time, name), 1e9) for name in _NANOSECONDS]
    found: dict[int, Any] = {id(clock): _ahead(clock, unit) for clock, unit in clocks}
    return found | {id(_REAL_DATETIME): _Datetime, id(_REAL_DATE): _Date}


def _clocks_in(module: ModuleType, replaced: dict[int, Any]) -> list[tuple[str, Any]]:
    return [(name, replaced[id(value)]) for name, value in vars(module).items() if id(value) in replaced]


def _ahead(clock: Callable[[], Any], unit: float) -> Callable[[], Any]:
    shift = type(clock())(SHIFT.total_seconds() * unit)
    return lambda: clock() + shift
