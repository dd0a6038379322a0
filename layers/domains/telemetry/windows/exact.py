"""Exact sums of floats: the same in every order, and rounded once, as ``math.fsum`` does.

A float is a whole number times a power of two, and so is each sum of floats. Such a sum has at most some 2,100 bits,
whatever is added; of readings of a sensor it has some 60.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from math import frexp, fsum
from typing import Final, NamedTuple

_MANTISSA_BITS: Final = 53


class ExactSum(NamedTuple):
    """``factor * 2**exponent``; the factor is odd, or both are 0."""

    factor: int = 0
    exponent: int = 0

    @classmethod
    def of(cls, values: Iterable[float]) -> ExactSum:
        """The sum of finite floats."""
        listed = list(values)
        try:
            return total(map(_of_float, list(_parts(listed))))
        except OverflowError:
            return total(map(_of_float, listed))

    @classmethod
    def read(cls, text: str) -> ExactSum:
        """Undo ``text``."""
        factor, _, exponent = text.partition("p")
        return cls(int(factor, 16), int(exponent))

    @property
    def text(self) -> str:
        """As it is stored: the factor in base 16, ``p``, the exponent."""
        return f"{self.factor:x}p{self.exponent}"

    @property
    def rounded(self) -> float | None:
        """The nearest float; ``None`` when it is beyond the largest one."""
        return self.divided(1)

    def divided(self, count: int) -> float | None:
        """The float nearest to the quotient; ``None`` when it is beyond the largest one."""
        try:
            if self.exponent >= 0:
                return (self.factor << self.exponent) / count
            return self.factor / (count << -self.exponent)
        except OverflowError:
            return None

    def plus(self, other: ExactSum) -> ExactSum:
        """Both together."""
        low = min(self.exponent, other.exponent)
        return _odd((self.factor << self.exponent - low) + (other.factor << other.exponent - low), low)


ZERO: Final = ExactSum()


def total(sums: Iterable[ExactSum]) -> ExactSum:
    """All of them together."""
    return reduce(ExactSum.plus, sums, ZERO)


def _parts(values: list[float]) -> Iterator[float]:
    """Floats with the same sum, most often one or two: the rounded sum, then that of what it lacks, and so on.

    Raises ``OverflowError`` when a sum on the way is beyond the largest float.
    """
    rest = list(values)
    while part := fsum(rest):
        yield part
        rest.append(-part)


def _of_float(value: float) -> ExactSum:
    mantissa, exponent = frexp(value)
    return _odd(int(mantissa * (1 << _MANTISSA_BITS)), exponent - _MANTISSA_BITS)


def _odd(factor: int, exponent: int) -> ExactSum:
    if factor == 0:
        return ZERO
    zeros = (factor & -factor).bit_length() - 1
    return ExactSum(factor >> zeros, exponent + zeros)
