"""The windows of a group: those of its devices, merged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from banyan.answers import Answer
from banyan.projections.pages import Page, SortOrder, make_cursor
from banyan.queries import Queries
from banyan.spread import in_threads
from telemetry.names import DEVICE_ID_PATTERN, micros
from telemetry.projections import DEVICES
from telemetry.projections.devices import DeviceRow
from telemetry.projections.series import Size
from telemetry.reads.asked import Span
from telemetry.reads.series import DeviceSeries, PlacedWindow, read_start, together
from telemetry.rejections import Code, no_group, rejected
from telemetry.windows.window import Window, merged

MOST_DEVICES: Final = 100
READS_AT_ONCE: Final = 8

_GROUP: Final = re.compile(DEVICE_ID_PATTERN)


class GroupWindow(NamedTuple):
    """A window of a group: when it begins, how many devices have readings in it, and these together."""

    start: int
    devices: int
    window: Window


@dataclass(frozen=True, slots=True)
class GroupSeries:
    """A group, and its devices as they are registered today."""

    queries: Queries
    tenant: str
    group: str
    devices: Sequence[DeviceRow]
    now: datetime

    @classmethod
    def read(cls, queries: Queries, tenant: str, group: str, now: datetime) -> GroupSeries:
        """Raises ``NotFound`` for a group without devices, ``CommandRejected`` for one with too many."""
        if not _GROUP.fullmatch(group):
            raise no_group()
        found = queries.lookup_owned(DEVICES, tenant, "group", group, MOST_DEVICES + 1, order="ascending").value
        if not found:
            raise no_group()
        if len(found) > MOST_DEVICES:
            raise rejected(Code.TOO_MANY_DEVICES, f"windows are merged of up to {MOST_DEVICES} devices")
        return cls(queries, tenant, group, [row for _, row in found], now)

    @property
    def unit(self) -> str | None:
        """The unit of its devices, if they have the same one."""
        return self.units[0] if len(self.units) == 1 else None

    @property
    def units(self) -> Sequence[str]:
        """Each unit that a device of it has."""
        return sorted({device.unit for device in self.devices})

    def windows(
        self, size: Size, span: Span, order: SortOrder, limit: int, cursor: str | None = None
    ) -> Answer[Page[GroupWindow]]:
        """The windows of a size that begin in a time.

        Of each device as many windows are read as a page may show: the first of all of them are among these.

        Raises
        ------
        InvalidCursor
        """
        query = ["group", self.tenant, self.group, size, span.first, span.end, order]
        left = span.after(read_start(cursor, query, span), order) if cursor else span
        read = partial(self._of_device, size, left, order, limit + 1)
        pages = in_threads(READS_AT_ONCE)(read, self.devices)
        groups: dict[int, list[PlacedWindow]] = {}
        for page in pages:
            for placed in page.value:
                groups.setdefault(placed.start, []).append(placed)
        starts = sorted(groups, reverse=order == "descending")
        shown = [_merged(start, groups[start]) for start in starts[:limit]]
        more = make_cursor(query, str(shown[-1].start)) if len(starts) > limit else None
        return Answer(Page(shown, more), together([page.provenance for page in pages]))

    def newest(self, size: Size) -> int:
        """When its newest window begins, in microseconds since 1970; now, without readings."""
        found = self.windows(size, Span(), "descending", 1).value
        return found[0].start if found else micros(self.now)

    def _of_device(
        self, size: Size, span: Span, order: SortOrder, limit: int, device: DeviceRow
    ) -> Answer[Page[PlacedWindow]]:
        series = DeviceSeries(self.queries, self.tenant, device.device_id, device.months, micros(self.now))
        return series.windows(size, span, order, limit)


def _merged(start: int, placed: Sequence[PlacedWindow]) -> GroupWindow:
    return GroupWindow(start, len(placed), merged(*(each.kept.window for each in placed)))
