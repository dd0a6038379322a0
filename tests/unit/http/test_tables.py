"""Lists as CSV for who prefers it; either way the next page is in ``Link``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from io import StringIO

import pytest
from aws_lambda_powertools.event_handler import Response

from banyan import CamelModel
from banyan.answers import ListAnswer
from banyan.http import paged

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


class Thing(CamelModel):
    """A row."""

    its_name: str
    size: float = 0.1
    made_at: datetime | None = None
    colour: Colour = Colour.RED
    parts: tuple[str, ...] = ()


class Things(ListAnswer):
    """A page."""

    things: tuple[Thing, ...]


def answer(accept: str, *things: Thing, cursor: str | None = None) -> Response[object]:
    page = Things(version=3, as_of=AT, staleness_ms=7, served_from="projection", cursor=cursor, things=things)
    return paged(accept, page, Thing, things, {"name": "a&b", "status": Colour.RED, "from": None, "limit": 2})


def rows(*things: Thing) -> Sequence[Sequence[str]]:
    body = answer("text/csv", *things).body
    assert isinstance(body, str)
    return list(csv.reader(StringIO(body, newline=""), strict=True))


def test_a_row_has_a_cell_for_each_field() -> None:
    made = Thing(its_name='a "b", c\nd', size=0.1 + 0.2, made_at=AT, parts=("x", "y"))
    header, cells, nothing = rows(made, Thing(its_name="ä"))
    assert header == ["itsName", "size", "madeAt", "colour", "parts"]
    assert cells == ['a "b", c\nd', "0.30000000000000004", "2026-01-05T09:00:00Z", "red", "x y"]
    assert nothing == ["ä", "0.1", "", "red", ""]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1"])
def test_text_is_no_formula_and_numbers_stay_numbers(text: str) -> None:
    (_, cells) = rows(Thing(its_name=text, size=-1.5, parts=(text,)))
    assert (cells[0], cells[1], cells[4]) == (f"'{text}", "-1.5", f"'{text}")


def test_a_page_without_rows_has_a_header() -> None:
    assert rows() == [["itsName", "size", "madeAt", "colour", "parts"]]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv; charset=utf-8; header=present"),
        ("TEXT/CSV; q=0.9, */*;q=0.1", "text/csv; charset=utf-8; header=present"),
        ("application/json;q=0.5, text/csv", "text/csv; charset=utf-8; header=present"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv, application/json", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=lots", "application/json"),
    ],
)
def test_csv_is_for_who_prefers_it(accept: str, kind: str) -> None:
    assert answer(accept).content_type == kind


@pytest.mark.parametrize("accept", ["text/csv", "application/json"])
def test_the_next_page_is_the_same_query_with_its_cursor(accept: str) -> None:
    assert "Link" not in answer(accept).headers
    assert answer(accept, cursor="x=").headers["Link"] == '<?name=a%26b&status=red&limit=2&cursor=x%3D>; rel="next"'


@pytest.mark.parametrize("accept", ["text/csv", "application/json"])
def test_a_cache_keeps_both_forms_apart(accept: str) -> None:
    assert answer(accept).headers["Vary"] == "Accept"


def test_csv_says_in_headers_where_it_comes_from() -> None:
    headers = answer("text/csv").headers
    assert {name: value for name, value in headers.items() if name.startswith("X-")} == {
        "X-Version": "3",
        "X-As-Of": "2026-01-05T09:00:00Z",
        "X-Staleness-Ms": "7",
        "X-Served-From": "projection",
    }
