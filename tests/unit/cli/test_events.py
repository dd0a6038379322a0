"""How events are shown in a table."""

from __future__ import annotations

import json

from banyan_tools.cli.events import MOST_SHOWN, event_row, table_row


def test_a_cell_shows_the_beginning_of_a_long_event() -> None:
    """Where nothing says how wide a terminal is, each line of the table is as wide as its widest cell."""
    payload = {"values": list(range(2_000))}
    event = {
        "version": 1,
        "eventType": "ReadingsRecorded",
        "timestamp": "2026-01-31T12:00:00Z",
        "metadata": {"actor": "ingest"},
        "error": None,
        "payload": payload,
    }
    long = json.dumps(payload)
    assert event_row(event)["data"] == long
    assert table_row(event)["data"] == f"{long[:MOST_SHOWN]} … {len(long):,} characters: --json has them"
    short = {**event, "payload": {"values": [1]}}
    assert table_row(short) == event_row(short)
