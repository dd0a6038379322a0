"""What every home of read models refuses to repair: a row that was written since it was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from tests.contract.test_views import ANNA, LIVE, state
from tests.support.clocks import START
from tests.support.engines import Engine

from banyan.projections.views import StateRow, ViewKey, ViewRow, WriteConflict

KEY = ViewKey("acme", "p", "s")
STANDING = ViewRow("p", "s", {"n": 2}, 2, START, START + timedelta(seconds=1))
MENDED = replace(STANDING, fields={"n": 3})
LATER = timedelta(milliseconds=1)

T = TypeVar("T")
Seen = Callable[[ViewRow], ViewRow | None]
OTHERS: list[Seen] = [
    lambda row: replace(row, version=row.version - 1),
    lambda row: replace(row, version=row.version + 1),
    lambda row: replace(row, projected_at=row.projected_at - LATER),
    lambda row: None,  # noqa: ARG005
]


def test_a_row_is_replaced_or_removed_only_as_it_was_read(engine: Engine) -> None:
    row_repair = engine.row_repair()
    row_repair.replace_row(LIVE, KEY, None, STANDING)
    for seen in OTHERS:
        for new in (MENDED, None):
            with pytest.raises(WriteConflict):
                row_repair.replace_row(LIVE, KEY, seen(STANDING), new)
            assert row_repair.read_rows(LIVE, [KEY]) == {KEY: STANDING}
    row_repair.replace_row(LIVE, KEY, STANDING, MENDED)
    assert row_repair.read_rows(LIVE, [KEY]) == {KEY: MENDED}
    row_repair.replace_row(LIVE, KEY, MENDED, None)
    assert row_repair.read_rows(LIVE, [KEY]) == {}


def test_a_row_that_is_gone_stays_gone(engine: Engine) -> None:
    row_repair = engine.row_repair()
    for new in (MENDED, None):
        with pytest.raises(WriteConflict):
            row_repair.replace_row(LIVE, KEY, STANDING, new)
    assert row_repair.read_rows(LIVE, [KEY]) == {}


def test_the_row_of_a_stream_is_removed_only_as_it_was_read(engine: Engine) -> None:
    views, row_repair, row = engine.views(), engine.row_repair(), state(ANNA, 2)
    views.put_state(LIVE, row, 0)
    others: list[StateRow] = [
        replace(row, version=1),
        replace(row, version=3),
        replace(row, projected_at=row.projected_at - LATER),
    ]
    for seen in others:
        with pytest.raises(WriteConflict):
            row_repair.remove_state(LIVE, seen)
        assert views.states(LIVE, [ANNA]) == {ANNA: row}
    row_repair.remove_state(LIVE, row)
    with pytest.raises(WriteConflict):
        row_repair.remove_state(LIVE, row)


def test_rows_are_listed_page_by_page_to_the_last(engine: Engine) -> None:
    views, row_repair = engine.views(), engine.row_repair()
    keys = [ViewKey("acme", "p", f"{number:02}") for number in range(7)]
    streams = [replace(ANNA, id=f"a{number}") for number in range(7)]
    for key, stream in zip(keys, streams, strict=True):
        row_repair.replace_row(replace(LIVE, number=2), key, None, replace(STANDING, sort=key.sort))
        views.put_state(LIVE, state(stream), 0)
    for limit in (1, 3, 7, 8):
        listed = _listed(lambda at, n: row_repair.list_rows(replace(LIVE, number=2), at, n), limit)
        assert sorted(listed, key=str) == keys
        assert sorted(_listed(lambda at, n: row_repair.list_states(LIVE, at, n), limit), key=str) == streams


def _listed(page: Callable[[str, int], tuple[list[T], str | None]], limit: int) -> list[T]:
    found, position = list[T](), ""
    while True:
        some, rest = page(position, limit)
        found += some
        if rest is None:
            return found
        position = rest
