"""Items of a legacy DynamoDB table: what the adapter does not know stays, and what it writes keeps its type."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pydantic import BaseModel

from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.lines import Lines, continued

Value = Mapping[str, Any]
"""An attribute as DynamoDB has it, such as ``{"N": "1"}``."""

DIGITS: Final = 38
MAGNITUDES: Final = range(-130, 126)
NULL: Final[Value] = {"NULL": True}


class ItemAttributes:
    """The attributes that an adapter's row maps to.

    Parameters
    ----------
    adapter : LegacyAdapter
    """

    def __init__(self, adapter: AnyAdapter) -> None:
        self._lines = adapter.lines
        self._numbers = frozenset(adapter.numbers)
        fields: Mapping[str, Any] = adapter.row.model_fields
        self._optional = {name for name, f in fields.items() if not f.is_required() and f.get_default() is None}

    def changed(self, item: Mapping[str, Value], before: BaseModel | None, after: BaseModel) -> dict[str, Value | None]:
        """What is to be written of a row, by attribute; ``None`` for one that is to be removed.

        Parameters
        ----------
        item : Mapping[str, Value]
            As it is stored.
        before, after : Row
            What it says, and what it is to say.
        """
        old, new = _plain(before) if before else {}, _plain(after)
        return {
            name: self._value(name, item.get(name), old.get(name), value)
            if value is not None or name not in self._optional
            else None
            for name, value in _differing(old, new).items()
        }

    def _value(self, name: str, stored: Value | None, old: Any, new: Any) -> Value:
        kind = next(iter(stored)) if stored else "N" if name in self._numbers else ""
        if isinstance(new, dict):
            return {"M": self._map((stored or {}).get("M", {}), old if isinstance(old, dict) else {}, new)}
        if isinstance(new, list) and not _is_set(kind, new):
            return {"L": self._list(name, (stored or {}).get("L", []), old if isinstance(old, list) else [], new)}
        return _scalar(kind, new)

    def _map(self, stored: Mapping[str, Value], old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Value]:
        kept = {name: value for name, value in stored.items() if name not in old or name in new}
        for name, value in _differing(old, new).items():
            kept[name] = self._value(name, stored.get(name), old.get(name), value)
        return kept

    def _list(self, name: str, stored: Sequence[Value], old: Sequence[Any], new: Sequence[Any]) -> list[Value]:
        """Lines with what is stored of them; a new one takes the types of its fields from the one before."""
        if len(stored) != len(old):
            stored, old = [], []
        places = continued(old, new, self._lines.get(name, Lines()).identity)
        found: list[Value] = []
        for place, value in zip(places, new, strict=True):
            if place is None:
                found.append(self._value(name, _types(stored, value), None, value))
            elif old[place] == value:
                found.append(stored[place])
            else:
                found.append(self._value(name, stored[place], old[place], value))
        return found


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in new.items() if name not in old or old[name] != value}


def _types(stored: Sequence[Value], value: Any) -> Value | None:
    """The last line as far as a new one has its fields."""
    if not stored or "M" not in stored[-1] or not isinstance(value, dict):
        return None
    return {"M": {name: each for name, each in stored[-1]["M"].items() if name in value}}


def _plain(row: BaseModel) -> dict[str, Any]:
    """A row as JSON, a float as the shortest number that stands for it."""
    plain: dict[str, Any] = json.loads(row.model_dump_json(), parse_float=Decimal)
    return plain


def _scalar(kind: str, value: Any) -> Value:
    match value:
        case None:
            return NULL
        case bool():
            spelled = {"N": str(int(value)), "S": str(value).lower()}
            return {kind: spelled[kind]} if kind in spelled else {"BOOL": value}
        case str():
            return {"N": value} if kind == "N" and _is_number(value) else {"S": value}
        case list():
            return {kind: [str(each) for each in value]}
    return {"S": format(value, "f") if isinstance(value, Decimal) else str(value)} if kind == "S" else {"N": str(value)}


def _is_set(kind: str, values: Collection[Any]) -> bool:
    """Whether values can be a set of a kind, which is never empty and holds nothing twice."""
    if kind not in ("SS", "NS") or len({*map(str, values)}) != len(values) or not values:
        return False
    return all(isinstance(value, str) if kind == "SS" else _is_number(str(value)) for value in values)


def _is_number(text: str) -> bool:
    """Whether a number of DynamoDB's says all that the text does: not of ``007``, nor of 39 digits."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    fits = number.is_finite() and len(number.as_tuple().digits) <= DIGITS and number.adjusted() in MAGNITUDES
    return fits and str(number) == text
