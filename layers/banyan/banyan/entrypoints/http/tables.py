"""Answers as CSV, for those who ask for it: RFC 4180, with a header; the next page is in the header ``Link``."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from io import StringIO
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Header
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from banyan.answers import ListAnswer, Provenance

CSV: Final = "text/csv"
CSV_TYPE: Final = f"{CSV}; charset=utf-8; header=present"

Accept = Annotated[str, Header(alias="accept", max_length=1024)]
"""The type of a route's parameter that takes what the client accepts."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def paged(
    accept: str, page: ListAnswer, row: type[BaseModel], rows: Iterable[BaseModel], query: Mapping[str, Any]
) -> Response[Any]:
    """A page as JSON, or its rows as CSV for who asks for it; either names the next page in the header ``Link``.

    Parameters
    ----------
    row : type[BaseModel]
        Of the rows; a field is a column.
    query : Mapping[str, Any]
        The parameters of the request, without its cursor; what is ``None`` was not given.
    """
    headers = {"Vary": "Accept", **_next_page(query, page.cursor)}
    if wants_csv(accept):
        return Response(200, CSV_TYPE, csv_text(row, rows), {**_provenance(page), **headers})
    return Response(200, "application/json", page, headers)


def described(page: type[BaseModel]) -> dict[int, Any]:
    """What the API's description says of a route that answers by ``paged``: its ``responses``."""
    text = {"schema": {"type": "string"}}
    return {200: {"description": "A page", "content": {"application/json": {"model": page}, CSV: text}}}


def wants_csv(accept: str) -> bool:
    """Whether a header ``Accept`` prefers CSV to JSON."""
    weights = dict(_weights(accept))
    csv, json = _preference(CSV, weights), _preference("application/json", weights)
    return csv[0] > 0 and csv > json


def csv_text(model: type[BaseModel], rows: Iterable[BaseModel]) -> str:
    """Rows of a model as CSV, a column for each of its fields."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(map(to_camel, model.model_fields))
    writer.writerows([_cell(getattr(row, name)) for name in model.model_fields] for row in rows)
    return text.getvalue()


def _next_page(query: Mapping[str, Any], cursor: str | None) -> dict[str, str]:
    """The header that leads to the page of a cursor, if there is one: the same query with it."""
    if cursor is None:
        return {}
    asked = {name: _cell(value) for name, value in query.items() if value is not None}
    return {"Link": f'<?{urlencode({**asked, "cursor": cursor})}>; rel="next"'}


def _provenance(page: Provenance) -> dict[str, str]:
    """Headers for what has no place in CSV."""
    as_of = {"X-As-Of": f"{_cell(page.as_of)}"} if page.as_of else {}
    return {
        "X-Version": str(page.version),
        **as_of,
        "X-Staleness-Ms": str(page.staleness_ms),
        "X-Served-From": page.served_from,
    }


def _preference(kind: str, weights: Mapping[str, float]) -> tuple[float, int]:
    """How much a type is wanted, and how closely the header names it: it counts what names it most closely."""
    ranges = [kind, f"{kind.partition('/')[0]}/*", "*/*"]
    return next(((weights[each], -place) for place, each in enumerate(ranges) if each in weights), (0.0, -len(ranges)))


def _weights(accept: str) -> Iterable[tuple[str, float]]:
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        yield kind, _weight(parameters)


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _cell(value: Any) -> Any:
    """As a cell; text that a spreadsheet would take for a formula has an apostrophe before it."""
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Enum():
            return value.value
        case tuple():
            return _cell(" ".join(map(str, value)))
        case str() if value.startswith(_FORMULA):
            return f"'{value}"
    return value
