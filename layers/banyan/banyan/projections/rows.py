"""What a transaction does to view rows: the writes of many commits merged into one change per row."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from banyan.projections.base import (
    AnyStreamProjection,
    Put,
    Remove,
    RowsProjection,
    RowWrite,
    StreamProjection,
    Value,
    places_in,
)
from banyan.projections.views import StateRow, ViewKey, ViewUpdate
from banyan.store import Commit

EXACT: Final = Context(prec=38, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])

S = TypeVar("S", bound=BaseModel)

_logger = logging.getLogger(__name__)


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

    def apply(self, writes: Iterable[RowWrite], recorded_at: datetime) -> None:
        """Apply what one commit does to the row."""
        last: RowWrite | None = None
        for write in writes:
            self._apply_one(write)
            last = write
        self.recorded_at = max(self.recorded_at, recorded_at)
        self.commits += not isinstance(last, Remove)

    def _apply_one(self, write: RowWrite) -> None:
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


def merge(updates: Sequence[ViewUpdate]) -> dict[ViewKey, RowChange]:
    """One change for each row that the updates write."""
    changes: dict[ViewKey, RowChange] = {}
    for update in updates:
        for writes in update.writes:
            for key, own in _by_row(update.stream.tenant, writes).items():
                changes.setdefault(key, RowChange(update.recorded_at)).apply(own, update.recorded_at)
    return changes


def row_keys(tenant: str, writes: Iterable[RowWrite]) -> set[ViewKey]:
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


def _by_row(tenant: str, writes: Iterable[RowWrite]) -> dict[ViewKey, list[RowWrite]]:
    grouped: dict[ViewKey, list[RowWrite]] = {}
    for write in writes:
        grouped.setdefault(_key(tenant, write), []).append(write)
    return grouped


def _key(tenant: str, write: RowWrite) -> ViewKey:
    return ViewKey(tenant, write.partition, write.sort)


def current_state(projection: StreamProjection[S] | RowsProjection[S, Any], row: StateRow) -> S | None:
    """The state in a row; ``None`` when an older version of the projection wrote it, or it fits the model no more.

    Such a row counts as missing: its stream is folded from the beginning.
    """
    return readable_state(projection, row) if row.made_by == projection.version else None


def readable_state(projection: StreamProjection[S] | RowsProjection[S, Any], row: StateRow) -> S | None:
    """The state in a row, whichever version of the projection wrote it; ``None`` when it fits the model no more."""
    try:
        return projection.state.model_validate_json(row.state)
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) or "state" for each in error.errors(include_input=False)})
        where = {"projection": projection.name, "stream": str(row.stream), "fields": fields}
        _logger.warning("a row does not fit its projection and counts as missing", extra=where)
        return None


def state_row(projection: AnyStreamProjection, reached: Commit, state: BaseModel, projected_at: datetime) -> StateRow:
    """The row of a state that holds all events up to a commit."""
    return StateRow(
        stream=reached.stream,
        version=reached.last,
        recorded_at=reached.recorded_at,
        projected_at=projected_at,
        state=state.model_dump_json(),
        lookups=places_in(projection.lookups, state),
        made_by=projection.version,
    )
