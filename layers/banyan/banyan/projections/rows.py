"""What a transaction does to view rows: the writes of many commits merged into one change per row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Final

from banyan.projections.base import Put, Remove, RowWrite, Value
from banyan.projections.views import Move, RowKey

EXACT: Final = Context(prec=38, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])


@dataclass(slots=True)
class RowChange:
    """All that one transaction does to a row.

    Parameters
    ----------
    fields : dict[str, str | Decimal]
        Values to set.
    numbers : dict[str, Decimal]
        Amounts to add.
    commits : int
        Commits that wrote the row, since it was removed if it was.
    recorded_at : datetime
        When the newest of them was recorded.
    removed : bool
        The row goes; what is set afterwards makes a new one.
    """

    recorded_at: datetime
    fields: dict[str, Value] = field(default_factory=dict)
    numbers: dict[str, Decimal] = field(default_factory=dict)
    commits: int = 0
    removed: bool = False

    @property
    def gone(self) -> bool:
        """Whether no row is left."""
        return self.removed and not self.commits

    def take(self, writes: Iterable[RowWrite], recorded_at: datetime) -> None:
        """Take in what one commit does to the row."""
        last: RowWrite | None = None
        for write in writes:
            self._take_one(write)
            last = write
        self.recorded_at = max(self.recorded_at, recorded_at)
        self.commits += not isinstance(last, Remove)

    def _take_one(self, write: RowWrite) -> None:
        if isinstance(write, Remove):
            self.fields, self.numbers, self.commits, self.removed = {}, {}, 0, True
        elif isinstance(write, Put):
            self.fields |= {name: normal(value) for name, value in write.fields.items()}
            self.numbers = {name: n for name, n in self.numbers.items() if name not in write.fields}
        else:
            self._add(write.numbers)

    def _add(self, numbers: Mapping[str, int | Decimal]) -> None:
        for name, amount in numbers.items():
            if name in self.fields or self.removed:
                self.fields[name] = add(self.fields.get(name, 0), amount)
            else:
                self.numbers[name] = add(self.numbers.get(name, 0), amount)


def merge(moves: Sequence[Move]) -> dict[RowKey, RowChange]:
    """One change for each row that the moves write."""
    changes: dict[RowKey, RowChange] = {}
    for move in moves:
        for writes in move.writes:
            for key, own in _by_row(move.stream.tenant, writes).items():
                changes.setdefault(key, RowChange(move.recorded_at)).take(own, move.recorded_at)
    return changes


def row_keys(tenant: str, writes: Iterable[RowWrite]) -> set[RowKey]:
    """Rows that some writes touch."""
    return {_key(tenant, write) for write in writes}


def add(value: Value, amount: int | Decimal) -> Decimal:
    """Exact sum, to 38 digits as DynamoDB keeps them. Raises ``TypeError`` for text, ``Inexact`` beyond."""
    if isinstance(value, str):
        raise TypeError("cannot add to a field that holds text")
    return number(EXACT.add(number(value), number(amount)))


def number(value: int | Decimal) -> Decimal:
    """A number as DynamoDB gives it back: without an exponent or trailing zeros."""
    if not isinstance(value, int | Decimal):
        raise TypeError(f"a field is text, int or Decimal, not {type(value).__name__}")
    exact = EXACT.normalize(Decimal(value))
    if not exact.is_finite():
        raise ArithmeticError("a field is a finite number")
    return Decimal(format(exact, "f"))


def normal(value: Value) -> Value:
    """A field's value as it reads back."""
    return value if isinstance(value, str) else number(value)


def _by_row(tenant: str, writes: Iterable[RowWrite]) -> dict[RowKey, list[RowWrite]]:
    grouped: dict[RowKey, list[RowWrite]] = {}
    for write in writes:
        grouped.setdefault(_key(tenant, write), []).append(write)
    return grouped


def _key(tenant: str, write: RowWrite) -> RowKey:
    return RowKey(tenant, write.partition, write.sort)
