"""Which lines of a row go on, and under which number, when the row is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson
from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Lines:
    """How the lines in one field of a row are told apart.

    Parameters
    ----------
    identity : Sequence[str]
        Fields by which a line that changed is the same line; of several alike the first goes on first.
        Without any, a line that changed is the one at its place.
    number : str, optional
        Name under which ``SqlMapping.rows`` adds the integer that a table counts lines by, and ``SqlMapping.write``
        gets it: a line that goes on keeps its number, and a new one gets the next.
    """

    identity: Sequence[str] = ()
    number: str = ""


def continued(before: Sequence[Any], after: Sequence[Any], identity: Sequence[str]) -> list[int | None]:
    """For each line of ``after`` the place of the line in ``before`` that it continues.

    Equal lines go first, and of those the ones at the same place: two alike may differ in what only others know.
    """
    found: list[int | None] = [None] * len(after)
    for alike in (_content_at_its_place, _content, _named(identity)):
        free: dict[Hashable, list[int]] = {}
        for place, line in enumerate(before):
            if place not in found:
                free.setdefault(alike(place, line), []).append(place)
        for place, line in enumerate(after):
            if found[place] is None and free.get(alike(place, line)):
                found[place] = free[alike(place, line)].pop(0)
    return found


def numbered(numbers: Sequence[int], continued: Sequence[int | None]) -> list[int]:
    """A number for each line, in their order.

    Parameters
    ----------
    numbers : Sequence[int]
        Of the lines so far, growing.
    continued : Sequence[int | None]
        For each line which of these it continues.

    Returns
    -------
    list[int]
        Where the lines that go on changed places, or a new one does not fit between them, the numbers so far are
        given out by place.
    """
    kept = [None if place is None else numbers[place] for place in continued]
    given = _in_between(kept, max(numbers, default=0) + 1)
    growing = all(low < high for low, high in pairwise(given))
    if growing and (not given or given[0] > 0 or kept[0] is not None):
        return given
    more = max(numbers, default=0) + 1
    return [*numbers, *range(more, more + len(kept))][: len(kept)]


def written_content(lines: Mapping[str, Lines], before: BaseModel | None, stored: str, after: BaseModel) -> str:
    """A row as JSON: text that reads the same as before is as it was stored, and lines have their numbers.

    Parameters
    ----------
    lines : Mapping[str, Lines]
        Of the adapter.
    before : Row, optional
    stored : str
        The row before as ``SqlMapping.rows`` gives it, or nothing.
    after : Row
    """
    old, new = before.model_dump(mode="json") if before else {}, after.model_dump(mode="json")
    raw = json.loads(stored) if stored else {}
    content = _as_stored(raw, old, new)
    for name, each in lines.items():
        content[name] = _written_lines(each, raw.get(name, []), old.get(name, []), new[name])
    return json.dumps(content)


def _written_lines(lines: Lines, raw: Sequence[Any], old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    if len(raw) != len(old):
        raw, old = [], []
    places = continued(old, new, lines.identity)
    content = [
        line if place is None else _as_stored(raw[place], old[place], line)
        for place, line in zip(places, new, strict=True)
    ]
    if not lines.number:
        return content
    given = numbered([line[lines.number] for line in raw], places)
    return [{**line, lines.number: number} for line, number in zip(content, given, strict=True)]


def _as_stored(raw: Any, old: Any, new: Any) -> Any:
    """An object with the stored text of what did not change, such as a name with another spelling of its letters."""
    if not (isinstance(raw, dict) and isinstance(old, dict) and isinstance(new, dict)):
        return new
    same = (name for name, value in new.items() if isinstance(value, str) and old.get(name) == value)
    return {**new, **{name: raw[name] for name in same if isinstance(raw.get(name), str)}}


def _in_between(kept: Sequence[int | None], start: int) -> list[int]:
    first = next((number - place for place, number in enumerate(kept) if number is not None), start)
    given: list[int] = []
    for number in kept:
        following = given[-1] + 1 if given else first
        given.append(following if number is None else number)
    return given


def _content(_: int, line: Any) -> Hashable:
    return orjson.dumps(line, option=orjson.OPT_SORT_KEYS, default=str)


def _content_at_its_place(place: int, line: Any) -> Hashable:
    return place, _content(place, line)


def _named(identity: Sequence[str]) -> Callable[[int, Any], Hashable]:
    def alike(place: int, line: Any) -> Hashable:
        if identity and isinstance(line, Mapping):
            return _content(place, [line.get(name) for name in identity])
        return place

    return alike
