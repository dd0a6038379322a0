"""Events and their envelope."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from tests.support.ledger import Deposited

from banyan.events import Event, Metadata
from banyan.streams import StreamId

RECORDED = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
HAPPENED = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


def deposited(**metadata: Any) -> Event:
    return Event(
        event_id="e-1",
        event_type="Deposited",
        stream_id=StreamId("acme", "account", "ann"),
        version=3,
        timestamp=RECORDED,
        payload=Deposited(amount=5),
        metadata=Metadata(**metadata),
    )


def test_is_spelled_in_camel_case() -> None:
    event = deposited(correlation_id="c", causation_id="r", actor="ann", schema_version=2)

    assert event.model_dump(mode="json", by_alias=True) == {
        "eventId": "e-1",
        "eventType": "Deposited",
        "streamId": "acme:account:ann",
        "version": 3,
        "timestamp": "2026-01-05T09:00:00Z",
        "payload": {"amount": 5, "note": ""},
        "metadata": {
            "correlationId": "c",
            "causationId": "r",
            "actor": "ann",
            "occurredAt": None,
            "traceparent": "",
            "schemaVersion": 2,
        },
    }


def test_happened_when_the_metadata_says() -> None:
    assert deposited(occurred_at=HAPPENED).occurred_at == HAPPENED


def test_happened_when_recorded_if_nothing_else_is_known() -> None:
    assert deposited().occurred_at == RECORDED


def test_does_not_change() -> None:
    event = deposited()
    for model, name in [(event, "version"), (event.payload, "amount"), (event.metadata, "actor")]:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, name, "other")


def test_refuses_unknown_fields() -> None:
    with pytest.raises(ValidationError, match="interest"):
        Deposited.model_validate({"amount": 5, "interest": 1})


def test_is_named_after_its_class() -> None:
    assert (Deposited.event_type(), Deposited.schema_version) == ("Deposited", 1)
