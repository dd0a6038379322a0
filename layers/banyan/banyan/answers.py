"""Answers to queries: a value, where it comes from, and how old it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeVar

from banyan.events import CamelModel
from banyan.projections.views import OwnedRow, StateRow, ViewRow

V = TypeVar("V")


class Provenance(CamelModel):
    """Where an answer comes from and how old it is.

    Parameters
    ----------
    version : int
        Version of the stream it shows; of a list the highest among its rows, 0 when empty.
    as_of : datetime, optional
        Moment for which it is true; of a list when its newest row's event was recorded.
    staleness_ms : int
        How far it lags the event table; of a list how long its newest row took to arrive.
    served_from : "projection" | "stream" | "legacy"
        A row, a fold of the events, or the legacy system while a migration is on.
    """

    version: int
    as_of: datetime | None
    staleness_ms: int
    served_from: Literal["projection", "stream", "legacy"]


class ListAnswer(Provenance):
    """Base of an answer with a page of a list, and the cursor of the next one; ``None`` at the end."""

    cursor: str | None


@dataclass(frozen=True, slots=True)
class Answer(Generic[V]):
    """A value and its provenance."""

    value: V
    provenance: Provenance


def of_stream(version: int, as_of: datetime) -> Provenance:
    """Of a fold."""
    return Provenance(version=version, as_of=as_of, staleness_ms=0, served_from="stream")


def of_rows(rows: Sequence[StateRow | OwnedRow | ViewRow]) -> Provenance:
    """Of a list, or of one row that is taken as it is."""
    if not rows:
        return Provenance(version=0, as_of=None, staleness_ms=0, served_from="projection")
    newest = max(rows, key=lambda row: row.recorded_at)
    return Provenance(
        version=max(row.version for row in rows),
        as_of=newest.recorded_at,
        staleness_ms=milliseconds(newest.projected_at - newest.recorded_at),
        served_from="projection",
    )


def milliseconds(delta: timedelta) -> int:
    """In whole ones, none below 0."""
    return max(0, round(delta / timedelta(milliseconds=1)))
