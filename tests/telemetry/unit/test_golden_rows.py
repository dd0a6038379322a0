"""Rows that were stored before are read as what they mean today, and the events of that time make the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.telemetry.unit.test_golden import store

from banyan.projections.owned import fold_owned
from banyan.store import EventStore
from banyan.streams import BEGINNING_OF_TIME, StreamId
from telemetry.projections import PROJECTIONS

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "rows-2026-11.json").read_text())
CASES = [(projection, name) for projection in PROJECTIONS for name in GOLDEN[projection.name]]

__all__ = ["store"]


def made(projection: Any, store: EventStore, name: str) -> dict[str, Any]:
    """What a projection of today makes of a stream of that time."""
    folded = fold_owned(projection, store, list(store.commits(StreamId.parse(name))), BEGINNING_OF_TIME)
    assert folded
    rows = {sort: json.loads(row.content) for sort, row in folded.rows.items()}
    return {"state": json.loads(folded.carried.state), "rows": rows}


@pytest.mark.parametrize(("projection", "name"), CASES)
def test_rows_are_those_of_that_time_unless_the_projection_has_a_new_version(
    projection: Any, name: str, store: EventStore
) -> None:
    assert made(projection, store, name) == GOLDEN[projection.name][name]


@pytest.mark.parametrize(("projection", "name"), CASES)
def test_what_was_stored_then_is_read(projection: Any, name: str) -> None:
    stored = GOLDEN[projection.name][name]
    for model, content in [
        (projection.state, stored["state"]),
        *((projection.row, row) for row in stored["rows"].values()),
    ]:
        assert json.loads(model.model_validate_json(json.dumps(content)).model_dump_json()) == content
