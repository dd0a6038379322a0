"""Items of earlier versions, as tests keep them in JSON."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from banyan.events import EventRegistry
from banyan.store import Commit, EventStore
from banyan.store.items import from_item
from banyan.store.memory import MemoryTable


def golden_store(items: Iterable[Mapping[str, Any]], registry: EventRegistry) -> EventStore:
    """A store of the commits that these items are."""
    table = MemoryTable()
    for item in items:
        commit = from_item({name: _binary(value) for name, value in item.items()})
        assert isinstance(commit, Commit)
        table.insert([commit])
    return EventStore(table, registry)


def _binary(value: Any) -> Any:
    return {"B": base64.b64decode(value["B"]["base64"])} if "B" in value else value
