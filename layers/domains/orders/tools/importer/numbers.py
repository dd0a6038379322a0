"""Amounts and ids as spreadsheets write them: separators of thousands, decimal commas, currencies, `.0` behind ids."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NOTHING: Final = frozenset({"", "nan", "null", "none", "na", "n/a", "#n/a", "<na>"})
"""What exports write where a value is missing."""

_CURRENCY: Final = re.compile(r"[£$€¥₹]|\b(?:GBP|USD|EUR)\b", re.I)
_COMMA_DECIDES: Final = re.compile(r"-?(?:\d+,(?:\d{1,2}|\d{4,})|0,\d+|[\d.]*\.\d{3},\d+)")
_POINT_DECIDES: Final = re.compile(r"-?(?:\d+\.(?:\d{1,2}|\d{4,})|0\.\d+|[\d,]*,\d{3}\.\d+)")
_BY_COMMAS: Final = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_BY_POINTS: Final = re.compile(r"-?\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_COMMA: Final = re.compile(r"-?\d+,\d+")
_POINT: Final = re.compile(r"-?\d+(?:\.\d+)?")

_MANGLED: Final = re.compile(r"\d+(?:\.\d*E[+-]?|E[+-])\d+", re.I)
_WHOLE: Final = re.compile(r"([A-Za-z]?(?:\d+|\d{1,3}(?:,\d{3})+))\.0+|\d{1,3}(?:,\d{3})+")


@dataclass(frozen=True, slots=True)
class NumberReader:
    """Reads the numbers of one file: what its commas and points are was decided from all of them.

    `comma` and `point`: that sign stands before decimals somewhere in the file.
    """

    comma: bool
    point: bool

    def read(self, text: str) -> str | None:
        """The number as digits with a decimal point, its decimals as in the file; `None` for what is none, or two."""
        bare = _bare(text)
        if _BY_COMMAS.fullmatch(bare) and _BY_POINTS.fullmatch(bare):
            return None
        if _BY_COMMAS.fullmatch(bare) and (self.point > self.comma or "." in bare or bare.count(",") > 1):
            return bare.replace(",", "")
        if _BY_POINTS.fullmatch(bare) and (self.comma or "," in bare or bare.count(".") > 1):
            clear = self.comma > self.point or "," in bare or bare.count(".") > 1
            return bare.replace(".", "").replace(",", ".") if clear else None
        if _COMMA.fullmatch(bare) and (self.comma > self.point or not _BY_COMMAS.fullmatch(bare)):
            return bare.replace(",", ".")
        return bare if _POINT.fullmatch(bare) else None


def reader(texts: Iterable[str]) -> NumberReader:
    """Decide from all numbers of a file what its commas and points mean."""
    bare = {_bare(text) for text in texts}
    return NumberReader(any(map(_COMMA_DECIDES.fullmatch, bare)), any(map(_POINT_DECIDES.fullmatch, bare)))


def identity(text: str) -> str | None:
    """An id as it was before a spreadsheet took it for a number; `None` where digits of it are lost."""
    if text.casefold() in NOTHING:
        return ""
    if _MANGLED.fullmatch(text):
        return None
    whole = _WHOLE.fullmatch(text)
    return (whole[1] or whole[0]).replace(",", "") if whole else text


def _bare(text: str) -> str:
    """Without currency, spaces between groups, and with a minus for brackets."""
    bare = _CURRENCY.sub("", text).replace("−", "-").strip()
    bare = re.sub(r"(?<=\d)[\s'](?=\d{3}(?:\D|$))", "", bare)
    bare = re.sub(r"^-\s+", "-", bare)
    return f"-{bare[1:-1].strip()}" if bare.startswith("(") and bare.endswith(")") else bare
