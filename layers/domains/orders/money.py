"""Money: exact decimal amounts, text in JSON."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_AMOUNT: Final = Decimal("999999999999.9999")
ZERO: Final = Decimal("0.00")

_WHOLE_DIGITS: Final = 12
_DECIMALS: Final = 4
_PLAIN = re.compile(rf"-?[0-9]{{1,{_WHOLE_DIGITS}}}(\.[0-9]{{1,{_DECIMALS}}})?")
_EXACT_FLOATS = 10**11


def as_text(amount: Decimal) -> str:
    """Write an amount of any size with at least two decimals and no exponent; equal amounts, equal text."""
    whole, _, decimals = format(amount, "f").partition(".")
    text = f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
    return text.removeprefix("-") if amount == 0 else text


def parse(value: Any) -> Decimal:
    """Read an amount from text or a number.

    Parameters
    ----------
    value : str | int | float | Decimal
        At most 12 digits before the point and 4 behind it. A float counts as the shortest text that stands for it;
        from 10^11 on it may stand for several amounts and is refused.

    Raises
    ------
    PydanticCustomError
        A ``ValueError`` that says what to send instead.
    """
    text = _plain_text(value)
    if text is None or not _PLAIN.fullmatch(text):
        raise PydanticCustomError(
            "money", "an amount is text or a number with at most 12 digits before the point and 4 behind it"
        )
    return Decimal(text)


def _plain_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or not _fits(number):
        return None
    if isinstance(value, float) and abs(number) >= _EXACT_FLOATS:
        raise PydanticCustomError("money", "an amount of this size is exact as text only: put it in quotes")
    return format(number, "f")


def _fits(number: Decimal) -> bool:
    """Looks at the exponent alone, since writing out a number like 1e400000000 would fill the memory."""
    exponent = number.as_tuple().exponent
    return number.adjusted() < _WHOLE_DIGITS and isinstance(exponent, int) and exponent >= -_DECIMALS


Money = Annotated[
    Decimal,
    BeforeValidator(parse),
    PlainSerializer(as_text, return_type=str, when_used="json"),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^{_PLAIN.pattern}$"}, {"type": "number"}], "examples": ["2.55"]},
        mode="validation",
    ),
    WithJsonSchema({"type": "string", "examples": ["2.55"]}, mode="serialization"),
]
