"""Alarms of all devices, those that are on and those that were.

An alarm has a row ``<limit>#<when it was raised>`` of its device.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from pydantic import Field, FiniteFloat

from banyan import CamelModel, Event, Lookup
from banyan.projections.base import RowsProjection
from telemetry.names import PROFILE, micros, month_of
from telemetry.profiles.events import (
    AlarmCleared,
    AlarmConfirmed,
    AlarmNoted,
    AlarmRaised,
    DeviceRegistered,
    Limits,
    LimitsChanged,
)
from telemetry.series.events import LimitKind

ALL: Final = "all"


class AlarmStatus(StrEnum):
    """Whether an alarm is on."""

    OPEN = "open"
    PAST = "past"


class AlarmRow(CamelModel):
    """An alarm.

    Parameters
    ----------
    threshold : float
        What the reading went beyond that raised it.
    raised_at, cleared_at : datetime
        Times of the readings that raised and cleared it; when its limit was removed, if it ended by that.
    value, cleared_value : float
        Of these readings.
    """

    device_id: str
    limit: LimitKind
    status: AlarmStatus
    threshold: FiniteFloat
    raised_at: datetime
    value: FiniteFloat
    cleared_at: datetime | None = None
    cleared_value: FiniteFloat | None = None


class Mark(CamelModel):
    """How a reading showed an alarm."""

    on: bool
    at: datetime
    value: FiniteFloat
    threshold: FiniteFloat


class MonthMarks(CamelModel):
    """The first and the last mark of a limit in a month, and the sort of the alarm that is on at the last."""

    first: Mark
    last: Mark
    sort: str = ""


Months = Mapping[str, MonthMarks]
Rows = Mapping[str, AlarmRow | None]


class DeviceAlarms(CamelModel):
    """What is carried from event to event.

    Marks of one month come in order, months in any: what a month begins with ends or continues what the months before
    it left on, and does so again when one of those comes later.
    """

    device_id: str = ""
    months: Mapping[LimitKind, Months] = Field(default_factory=dict)


Shown = AlarmRaised | AlarmCleared | AlarmConfirmed | AlarmNoted


def moment_key(moment: datetime) -> str:
    """A moment as a part of a sort."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _sort(limit: LimitKind, mark: Mark) -> str:
    return f"{limit}#{moment_key(mark.at)}"


def _mark(event: Shown) -> Mark:
    on = event.on if isinstance(event, AlarmConfirmed | AlarmNoted) else isinstance(event, AlarmRaised)
    return Mark(on=on, at=event.at, value=event.value, threshold=event.threshold)


def _around(months: Months, mark: Mark) -> tuple[MonthMarks | None, MonthMarks | None]:
    """What stands before a mark, in its month or an earlier one, and the month after it."""
    month = _month(mark)
    before, after = [name for name in months if name <= month], [name for name in months if name > month]
    return months[max(before)] if before else None, months[min(after)] if after else None


def _month(mark: Mark) -> str:
    return month_of(micros(mark.at))


def _keys(alarms: DeviceAlarms, event: Event) -> Iterable[str]:
    match event.payload:
        case LimitsChanged(limits=limits):
            return [
                months[max(months)].sort for months in _removed(alarms, limits).values() if months[max(months)].sort
            ]
        case AlarmRaised() | AlarmCleared() | AlarmConfirmed() | AlarmNoted() as shown:
            return _touched(alarms, shown)
    return []


def _touched(alarms: DeviceAlarms, shown: Shown) -> Iterable[str]:
    mark = _mark(shown)
    before, after = _around(alarms.months.get(shown.limit, {}), mark)
    if mark.on:
        return [_sort(shown.limit, after.first)] if after and after.first.on and not _is_on(before) else []
    return [before.sort] if before and before.last.on else []


def _is_on(marks: MonthMarks | None) -> bool:
    return marks is not None and marks.last.on


def _removed(alarms: DeviceAlarms, limits: Limits) -> Mapping[LimitKind, Months]:
    return {kind: months for kind, months in alarms.months.items() if getattr(limits, kind.value) is None}


def _apply(
    alarms: DeviceAlarms, rows: Mapping[str, AlarmRow], event: Event
) -> tuple[DeviceAlarms, Mapping[str, AlarmRow | None]]:
    match event.payload:
        case DeviceRegistered(device_id=device_id):
            return alarms.model_copy(update={"device_id": device_id}), {}
        case LimitsChanged(limits=limits):
            removed = _removed(alarms, limits)
            left = {kind: months for kind, months in alarms.months.items() if kind not in removed}
            return alarms.model_copy(update={"months": left}), _past(rows, event.timestamp)
        case AlarmRaised() | AlarmCleared() | AlarmConfirmed() | AlarmNoted() as shown:
            months, changed = _shown(alarms, rows, shown)
            return alarms.model_copy(update={"months": {**alarms.months, shown.limit: months}}), changed
    return alarms, {}


def _past(rows: Mapping[str, AlarmRow], moment: datetime) -> Mapping[str, AlarmRow]:
    update = {"status": AlarmStatus.PAST, "cleared_at": moment}
    return {sort: row.model_copy(update=update) for sort, row in rows.items()}


def _shown(alarms: DeviceAlarms, rows: Mapping[str, AlarmRow], shown: Shown) -> tuple[Months, Rows]:
    mark, months = _mark(shown), alarms.months.get(shown.limit, {})
    if _is_outdated(months, mark):
        return months, {}
    before, after = _around(months, mark)
    if mark.on == _is_on(before):
        return _with(months, mark, before.sort if before else ""), {}
    begins = _sort(shown.limit, after.first) if after and after.first.on else ""
    if mark.on:
        sort = _sort(shown.limit, mark)
        row = _begun(alarms.device_id, shown.limit, mark)
        continued = _ended(row, rows[begins]) if begins else _cleared(row, after.first if after else None)
        return _with(_renamed(months, begins, sort), mark, sort), {begins: None, sort: continued} if begins else {
            sort: continued
        }
    assert before
    cleared = {before.sort: _cleared(rows[before.sort], mark)}
    if after and begins:
        rest = _ended(_begun(alarms.device_id, shown.limit, after.first), rows[before.sort])
        later = {name: marks for name, marks in months.items() if name > _month(mark)}
        return _with({**months, **_renamed(later, before.sort, begins)}, mark, ""), {**cleared, begins: rest}
    return _with(months, mark, ""), cleared


def _is_outdated(months: Months, mark: Mark) -> bool:
    """Of a clock that was ahead and was set right: its month is known as of later."""
    month = months.get(_month(mark))
    return month is not None and mark.at < month.last.at


def _with(months: Months, mark: Mark, sort: str) -> Months:
    month = _month(mark)
    first = months[month].first if month in months else mark
    return {**months, month: MonthMarks(first=first, last=mark, sort=sort)}


def _renamed(months: Months, old: str, new: str) -> Months:
    """The months, with another sort for an alarm that is on."""
    if not old:
        return months
    return {
        name: marks.model_copy(update={"sort": new}) if marks.sort == old else marks for name, marks in months.items()
    }


def _begun(device_id: str, limit: LimitKind, mark: Mark) -> AlarmRow:
    return AlarmRow(
        device_id=device_id,
        limit=limit,
        status=AlarmStatus.OPEN,
        threshold=mark.threshold,
        raised_at=mark.at,
        value=mark.value,
    )


def _cleared(row: AlarmRow, mark: Mark | None) -> AlarmRow:
    if mark is None:
        return row
    update = {"status": AlarmStatus.PAST, "cleared_at": mark.at, "cleared_value": mark.value}
    return row.model_copy(update=update)


def _ended(row: AlarmRow, like: AlarmRow) -> AlarmRow:
    """A row that ends as another one did, or is on as it is."""
    update = {"status": like.status, "cleared_at": like.cleared_at, "cleared_value": like.cleared_value}
    return row.model_copy(update=update)


def _place(row: AlarmRow) -> str:
    return f"{moment_key(row.raised_at)}#{row.device_id}#{row.limit}"


ALARMS: Final = RowsProjection(
    name="alarms",
    entity=PROFILE,
    state=DeviceAlarms,
    initial=DeviceAlarms,
    row=AlarmRow,
    apply=_apply,
    keys=_keys,
    lookups=[
        Lookup("all", partition=lambda _: ALL, sort=_place),
        Lookup("status", partition=lambda alarm: alarm.status.value, sort=_place),
        Lookup("device", partition=lambda alarm: alarm.device_id, sort=_place),
    ],
)
