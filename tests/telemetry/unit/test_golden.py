"""What was stored before is read as what it means today: literal items, as the tables hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.golden import golden_store

from banyan.store import EventStore
from banyan.streams import StreamId
from telemetry import DOMAIN
from telemetry.series.events import ReadingsRecorded

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "2026-11.json").read_text())


@pytest.fixture(scope="module")
def store() -> EventStore:
    return golden_store(GOLDEN["commits"], DOMAIN.registry)


def test_every_event_was_stored(store: EventStore) -> None:
    stored = {event.event_type for stream in store.streams() for event in store.read(stream)}
    assert stored == set(DOMAIN.registry.event_types)


@pytest.mark.parametrize("name", GOLDEN["states"])
def test_streams_of_that_time_are_folded_and_their_states_read(store: EventStore, name: str) -> None:
    decider = DOMAIN.decider(StreamId.parse(name).entity)
    state = decider.fold(event.payload for event in store.read(StreamId.parse(name)))
    assert json.loads(state.model_dump_json()) == GOLDEN["states"][name]
    assert decider.state.model_validate_json(json.dumps(GOLDEN["states"][name])) == state


@pytest.mark.parametrize("name", GOLDEN["readings"])
def test_readings_of_that_time_are_the_same_bits(store: EventStore, name: str) -> None:
    payloads = [event.payload for event in store.read(StreamId.parse(name))]
    found = [each for event in payloads if isinstance(event, ReadingsRecorded) for each in event.readings()]
    assert [[each.sequence, each.at, each.value.hex(), each.late] for each in found] == GOLDEN["readings"][name]
