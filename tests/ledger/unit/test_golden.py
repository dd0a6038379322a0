"""What was stored before is read as what it means today: literal items, as the tables hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.golden import golden_store

from banyan.store import EventStore
from banyan.streams import StreamId
from ledger import DOMAIN
from ledger.projections import ACCOUNTS, HISTORY, PERIODS, TRANSFERS

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "2026-11.json").read_text())


@pytest.fixture(scope="module")
def store() -> EventStore:
    return golden_store(GOLDEN["commits"], DOMAIN.registry)


def test_every_event_was_stored(store: EventStore) -> None:
    stored = {event.event_type for stream in store.streams() for event in store.read(stream)}
    assert stored == set(DOMAIN.registry.event_types)


@pytest.mark.parametrize("name", GOLDEN["states"])
def test_streams_of_that_time_are_folded(store: EventStore, name: str) -> None:
    decider = DOMAIN.decider(StreamId.parse(name).entity)
    state = decider.fold(event.payload for event in store.read(StreamId.parse(name)))
    assert json.loads(state.model_dump_json()) == GOLDEN["states"][name]


@pytest.mark.parametrize("projection", [ACCOUNTS, HISTORY, TRANSFERS, PERIODS], ids=lambda each: each.name)
def test_rows_of_that_time_are_read(projection: Any) -> None:
    rows = GOLDEN["rows"][projection.name]
    assert rows
    for text in rows.values():
        assert json.loads(projection.state.model_validate_json(text).model_dump_json()) == json.loads(text)


def test_the_history_of_that_time_is_read() -> None:
    assert {sort[:1] for sort in GOLDEN["history"]} == {"m", "v", "s", "d"}
    for text in GOLDEN["history"].values():
        assert json.loads(HISTORY.row.model_validate_json(text).model_dump_json()) == json.loads(text)
