"""Read models in memory that add up what the same requests consume on DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import Final

from banyan.adapters.dynamodb.commit_items import Item, item_size
from banyan.adapters.dynamodb.view_items import FIELD_PREFIX, state_item, value_of, view_item_key
from banyan.projections.memory import MemoryViews
from banyan.projections.rows import merge
from banyan.projections.views import Generation, Move, RowKey, StateRow, ViewRow
from banyan.store.chain import timestamp
from banyan.streams import StreamId

READ_UNIT_BYTES: Final = 4096
WRITE_UNIT_BYTES: Final = 1024
IN_TRANSACTION: Final = 2
READS_OF_A_STATE: Final = 2
READS_OF_A_ROW: Final = 3
"""To compare it: the old one, the new one, and for a shared row whether the new one is there at all."""


class CostingViews(MemoryViews):
    """Adds up the units of reading watermarks, of writing rows and cursors, and of comparing each row once.

    Attributes
    ----------
    read_units, write_units : float
    """

    def __init__(self) -> None:
        super().__init__()
        self.read_units = 0.0
        self.write_units = 0.0
        self._sizes: dict[RowKey | StreamId, int] = {}

    @property
    def rows_written(self) -> int:
        """Number of rows there are."""
        return len(self._sizes)

    @property
    def units_to_compare(self) -> float:
        """Read units of reading every row of two generations."""
        return sum(
            (READS_OF_A_ROW if isinstance(key, RowKey) else READS_OF_A_STATE) * units(size, READ_UNIT_BYTES)
            for key, size in self._sizes.items()
        )

    def states(self, generation: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, StateRow]:
        """As in ``Views``."""
        self.read_units += len(streams)
        return super().states(generation, streams)

    def put_state(self, generation: Generation, row: StateRow, from_version: int) -> None:
        """As in ``Views``: a write to the table and to each lookup."""
        super().put_state(generation, row, from_version)
        self._sizes[row.stream] = size = item_size(state_item(generation, row))
        self.write_units += units(size, WRITE_UNIT_BYTES) * (1 + len(row.lookups))

    def watermarks(self, generation: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """As in ``Views``."""
        self.read_units += len(streams)
        return super().watermarks(generation, streams)

    def move(self, generation: Generation, moves: Sequence[Move], projected_at: datetime) -> None:
        """As in ``Views``: two writes for each cursor and each row, as in any transaction."""
        super().move(generation, moves, projected_at)
        rows = self.all_rows(generation)
        written = merge(moves).keys()
        self._sizes |= {key: item_size(_item(generation, key, rows[key])) for key in written if key in rows}
        written_units = sum(units(self._sizes.get(key, 1), WRITE_UNIT_BYTES) for key in written)
        self.write_units += IN_TRANSACTION * (len(moves) + written_units)


def units(size: int, unit: int) -> int:
    """Whole units that an item of some bytes takes."""
    return max(ceil(size / unit), 1)


def _item(generation: Generation, key: RowKey, row: ViewRow) -> Item:
    fields = {FIELD_PREFIX + name: value_of(value) for name, value in row.fields.items()}
    times = {"recorded_at": {"S": timestamp(row.recorded_at)}, "projected_at": {"S": timestamp(row.projected_at)}}
    return view_item_key(generation, key) | {"version": {"N": str(row.version)}} | times | fields
