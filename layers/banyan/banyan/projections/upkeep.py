"""The port for repairing read models: what no projection and no caller may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import unquote

from banyan.projections.views import Generation, RowKey, StateRow, ViewRow
from banyan.streams import StreamId


class Upkeep(Protocol):
    """Lists, replaces and removes rows one by one, of all tenants; positions are opaque, the first is empty."""

    def list_states(self, generation: Generation, position: str, limit: int) -> tuple[list[StreamId], str | None]:
        """Streams that have a row, and where the next list begins; strongly consistent."""

    def list_rows(self, generation: Generation, position: str, limit: int) -> tuple[list[RowKey], str | None]:
        """Rows of a ``ViewProjection``, and where the next list begins; strongly consistent."""

    def read_rows(self, generation: Generation, keys: Sequence[RowKey]) -> Mapping[RowKey, ViewRow]:
        """Rows of a ``ViewProjection`` by key; strongly consistent."""

    def remove_state(self, generation: Generation, row: StateRow) -> None:
        """Remove a stream's row if its version still is that. Raises ``WatermarkMoved``."""

    def replace_row(self, generation: Generation, key: RowKey, old: ViewRow | None, new: ViewRow | None) -> None:
        """Put a row in the place of one that nobody wrote to since it was read. Raises ``WatermarkMoved``."""


def row_name(key: RowKey) -> str:
    """A row as text: tenant, partition and sort."""
    return "#".join(part.replace("%", "%25").replace("#", "%23") for part in (key.tenant, key.partition, key.sort))


def named_row(name: str) -> RowKey:
    """Undo ``row_name``."""
    tenant, partition, sort = map(unquote, name.split("#"))
    return RowKey(tenant, partition, sort)
