"""What was measured: one decimal sign for the whole file, and what stands for a value that is missing."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from math import isfinite
from typing import Final

from telemetry.tools.importer.rejections import LineRejected, Reason, UnusableFileError

NOTHING: Final = frozenset({"", "nan", "null", "none", "na", "n/a", "#n/a", "<na>", "-", "?"})
"""What exports write where a value is missing, in any case."""

_PLAIN: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
_WITH_COMMA: Final = re.compile(_PLAIN.pattern.replace(r"\.", ","))
_THOUSANDS: Final = re.compile(r"[+-]?[0-9]{1,3}(?:[.,'\u2019 \u00a0\u202f][0-9]{3})+(?:[.,][0-9]*)?")
_INFINITE: Final = re.compile(r"[+-]?(?:inf(?:inity)?|∞|1\.#inf|#div/0!)", re.I)


@dataclass(frozen=True, slots=True)
class ValueReader:
    """Reads the values of one file.

    Parameters
    ----------
    sentinels
        Numbers that devices send where they measured nothing, such as -200.
    """

    decimal: str = "."
    sentinels: Collection[float] = frozenset()

    def read(self, text: str) -> float | None:
        """The value, `None` where it is missing. Raises `LineRejected`."""
        bare = text.replace("\N{MINUS SIGN}", "-")
        if not self._form.fullmatch(bare):
            if bare.casefold() in NOTHING:
                return None
            raise LineRejected(self._reason(bare))
        value = float(bare.replace(",", "."))
        if not isfinite(value):
            raise LineRejected(Reason.NOT_FINITE)
        return None if value in self.sentinels else value + 0.0

    @property
    def _form(self) -> re.Pattern[str]:
        return _PLAIN if self.decimal == "." else _WITH_COMMA

    def _reason(self, text: str) -> Reason:
        if _INFINITE.fullmatch(text):
            return Reason.NOT_FINITE
        if _THOUSANDS.fullmatch(text):
            return Reason.THOUSANDS
        other = _WITH_COMMA if self.decimal == "." else _PLAIN
        return Reason.DECIMAL if other.fullmatch(text) else Reason.VALUE


def sentinels(text: str) -> frozenset[float]:
    """Numbers that stand for missing ones, apart by spaces or commas. Raises `UnusableFileError`."""
    parts = re.split(r"[\s,;]+", text.strip())
    if not all(_PLAIN.fullmatch(part) for part in parts if part):
        raise UnusableFileError(f"MISSING={text} are not numbers: say them with points, apart by spaces.")
    return frozenset(float(part) for part in parts if part)
