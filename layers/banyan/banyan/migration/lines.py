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
    """For each line of ``after`` the place of the line in ``before`` that it continues: equal lines first."""
    found: list[int | None] = [None] * len(after)
    for alike in (_content, _named(identity)):
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


def numbered_content(lines: Mapping[str, Lines], before: BaseModel | None, stored: str, after: BaseModel) -> str:
    """A row as JSON whose lines have numbers, from what was stored of it as JSON."""
    content, old = after.model_dump(mode="json"), before.model_dump(mode="json") if before else {}
    for name, each in lines.items():
        if each.number:
            numbers = [line[each.number] for line in json.loads(stored)[name]] if stored else []
            given = numbered(numbers, continued(old.get(name, ()), content[name], each.identity))
            content[name] = [{**line, each.number: n} for line, n in zip(content[name], given, strict=True)]
    return json.dumps(content)


def _in_between(kept: Sequence[int | None], start: int) -> list[int]:
    first = next((number - place for place, number in enumerate(kept) if number is not None), start)
    given: list[int] = []
    for number in kept:
        following = given[-1] + 1 if given else first
        given.append(following if number is None else number)
    return given


def _content(_: int, line: Any) -> Hashable:
    return orjson.dumps(line, option=orjson.OPT_SORT_KEYS, default=str)


def _named(identity: Sequence[str]) -> Callable[[int, Any], Hashable]:
    def alike(place: int, line: Any) -> Hashable:
        if identity and isinstance(line, Mapping):
            return _content(place, [line.get(name) for name in identity])
        return place

    return alike
