"""Amounts: exact, signed, text in JSON. Positive debits, negative credits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final, Self, SupportsIndex

from pydantic import AfterValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

DECIMALS: Final = 12
"""Behind the point, of any currency."""

WHOLE_DIGITS: Final = 24
"""Before the point, of an amount that comes from outside; sums may have more."""

_SUM_DIGITS: Final = 40
_PLAIN: Final = re.compile(rf"(-?)([0-9]{{1,{_SUM_DIGITS}}})(?:\.([0-9]{{1,{DECIMALS}}}))?")
_LIMIT: Final = 10 ** (WHOLE_DIGITS + DECIMALS)
_PATTERN: Final = rf"^-?[0-9]{{1,{WHOLE_DIGITS}}}(\.[0-9]{{1,{DECIMALS}}})?$"
_RULE: Final = 'an amount is text such as "12.50" or "-3", with at most 24 digits before the point and 12 behind it'


class Amount(int):
    """So many 10^-12 of a currency's unit; made by ``parse``, or of other amounts."""

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Read an amount from text; one is taken as it is. Raises a ``ValueError`` that says what to send."""
        if isinstance(value, cls):
            return value
        found = _PLAIN.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise PydanticCustomError("amount", _RULE)
        sign, whole, decimals = found.groups(default="")
        return cls(f"{sign}{whole}{decimals:0<{DECIMALS}}")

    @property
    def decimals(self) -> int:
        """How many digits it needs behind the point."""
        return len(f"{abs(self) % 10**DECIMALS:0{DECIMALS}}".rstrip("0"))

    def text(self, decimals: int = 0) -> str:
        """In full, with at least so many digits behind the point; equal amounts, equal text."""
        whole, rest = divmod(abs(self), 10**DECIMALS)
        digits = f"{rest:0{DECIMALS}}".rstrip("0").ljust(decimals, "0")
        return f"{'-' if self < 0 else ''}{whole}{'.' if digits else ''}{digits}"

    def __add__(self, other: int) -> Amount:
        return Amount(int(self) + other)

    def __sub__(self, other: int) -> Amount:
        return Amount(int(self) - other)

    def __mul__(self, other: int) -> Amount:
        return Amount(int(self) * other)

    def __neg__(self) -> Amount:
        return Amount(-int(self))

    def __abs__(self) -> Amount:
        return Amount(abs(int(self)))

    def __str__(self) -> str:
        return self.text()

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type[Amount], tuple[int]]:
        return Amount, (int(self),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            json_schema_input_schema=core_schema.str_schema(pattern=_PATTERN),
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls.text, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )


ZERO: Final = Amount(0)


def total(amounts: Iterable[Amount]) -> Amount:
    """Their sum, exact."""
    return Amount(sum(map(int, amounts)))


def _given(amount: Amount) -> Amount:
    if not -_LIMIT < amount < _LIMIT:
        raise PydanticCustomError("amount", _RULE)
    return amount


GivenAmount = Annotated[Amount, AfterValidator(_given)]
"""An amount from outside."""
