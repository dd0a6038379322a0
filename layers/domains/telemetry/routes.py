"""The HTTP routes of telemetry. Path parameters are spelled as in the API."""

# ruff: noqa: N803

from __future__ import annotations

from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.openapi.params import Query

from banyan import CommandRejected
from banyan.answers import Answer
from banyan.http import (
    Accept,
    Call,
    CurrentCall,
    IngestedStream,
    PageOrder,
    Replayable,
    ReplayableCall,
    Response,
    Router,
    described,
    merged,
    paged,
    requires,
    tagged,
)
from telemetry.answers import (
    AlarmPage,
    DeviceAnswer,
    DevicePage,
    GapPage,
    GroupWindowPage,
    LatePage,
    ListedDevice,
    ReadingPage,
    ShownAlarm,
    ShownGap,
    ShownGroupWindow,
    ShownLateReading,
    ShownReading,
    ShownWindow,
    WindowPage,
    shown_gap,
    shown_late,
    shown_reading,
    shown_window,
)
from telemetry.charts.drawn import MOST_POINTS, chart, chart_span
from telemetry.messages import (
    DeviceCommandAnswer,
    NewDevice,
    NewGroups,
    NewReadings,
    NewTiming,
    ReadingsAnswer,
    RefusedSeries,
    SeriesAnswer,
    device_state,
)
from telemetry.names import PROFILE, DeviceId, GroupId, micros, split_series
from telemetry.profiles.decider import (
    ChangeGroups,
    ChangeLimits,
    ChangeTiming,
    DeviceStatus,
    Profile,
    ProfileCommand,
    RegisterDevice,
)
from telemetry.profiles.events import Limits, Timing
from telemetry.projections import ALARMS, DEVICES
from telemetry.projections.alarms import AlarmStatus
from telemetry.projections.devices import ALL
from telemetry.projections.series import Size
from telemetry.reads.asked import Span, Time, asked
from telemetry.reads.gaps import SECOND, gaps, least_gap
from telemetry.reads.groups import GroupSeries
from telemetry.reads.readings import count_late, late_readings, readings
from telemetry.reads.series import DeviceSeries, check_size, registered
from telemetry.series.events import ReadingsRecorded
from telemetry.series.records import MOST_OF_A_REQUEST, by_month, check_device, read_readings
from telemetry.settings import TelemetrySettings

WRITE: Final = requires("telemetry/write")
READ: Final = requires("telemetry/read", "telemetry/write")

MinVersion = Annotated[int, Query(alias="minVersion", ge=0)]
Limit = Annotated[int, Query(ge=1, le=200)]
ManyWindows = Annotated[int, Query(ge=1, le=1000)]
ManyReadings = Annotated[int, Query(ge=1, le=10_000)]
Cursor = Annotated[str | None, Query(max_length=2048)]
WindowSize = Annotated[Size, Query()]
From = Annotated[Time | None, Query(alias="from")]
To = Annotated[Time | None, Query(alias="to")]

CHART: Final[dict[int, Any]] = {
    200: {"description": "The chart", "content": {"image/svg+xml": {"schema": {"type": "string"}}}}
}

commands = Router()
queries = Router()


@commands.post("/devices", operation_id="registerDevice", summary="Register a device", status_code=201, security=WRITE)
def register_device(body: NewDevice, call: ReplayableCall) -> Response[DeviceCommandAnswer]:
    """Register a device, so that its readings are recorded; asked again with the same content, it changes nothing.

    Its limits may each have a value that raises an alarm and one that clears it; a value equal to one of them changes
    nothing.
    """
    command = RegisterDevice(
        device_id=body.device_id or call.new_id,
        unit=body.unit,
        timing=_timing(body, call.settings(TelemetrySettings)),
        limits=body.limits,
        groups=body.groups,
    )
    return _on_device(call, command.device_id, command, 201)


@commands.post("/devices/<deviceId>/timing", operation_id="changeTiming", summary="Expect otherwise", security=WRITE)
def change_timing(deviceId: str, body: NewTiming, call: ReplayableCall) -> Response[DeviceCommandAnswer]:
    """Change how often a device is expected, how long it may be silent, and how late its readings may be."""
    return _on_device(call, deviceId, ChangeTiming(timing=_timing(body, call.settings(TelemetrySettings))))


@commands.post("/devices/<deviceId>/limits", operation_id="changeLimits", summary="Change the limits", security=WRITE)
def change_limits(deviceId: str, body: Limits, call: ReplayableCall) -> Response[DeviceCommandAnswer]:
    """Judge a device's readings by other limits, within a minute; one that is left out is taken away."""
    return _on_device(call, deviceId, ChangeLimits(limits=body))


@commands.post("/devices/<deviceId>/groups", operation_id="changeGroups", summary="Change the groups", security=WRITE)
def change_groups(deviceId: str, body: NewGroups, call: ReplayableCall) -> Response[DeviceCommandAnswer]:
    """Let a device belong to other groups."""
    return _on_device(call, deviceId, ChangeGroups(groups=body.groups))


@commands.post("/devices/<deviceId>/readings", operation_id="recordReadings", summary="Record readings", security=WRITE)
def record_readings(deviceId: str, body: NewReadings, call: ReplayableCall) -> Response[ReadingsAnswer]:
    """Record up to 1,000 readings of a device, each once, whatever is sent again, in part or in another order.

    A reading is identified by its ``sequence`` within its month, or else by its time. One that cannot be read is named
    in ``field`` by its index, and nothing is recorded. The body may be compressed (``Content-Encoding: gzip``).
    """
    check_device(deviceId)
    readings = read_readings(body.readings, MOST_OF_A_REQUEST)
    contents = by_month(deviceId, readings)
    results = call.ingest(contents)
    sent = {each.id: len(each.content) for each in contents}
    series = tuple(_series(each, sent[each.stream.id]) for each in results if each.outcome)
    refused = tuple(
        _refused(each, sent[each.stream.id], each.error) for each in results if isinstance(each.error, CommandRejected)
    )
    totals = {name: sum(getattr(each, name) for each in series) for name in ("recorded", "repeated", "late")}
    version = results[0].outcome.head.version if results[0].outcome else 0
    answer = ReadingsAnswer(device_id=deviceId, version=version, series=series, refused=refused, **totals)
    return tagged(answer, version)


@queries.get("/devices/<deviceId>", operation_id="getDevice", summary="A device", security=READ)
def get_device(deviceId: str, call: CurrentCall, minVersion: MinVersion = 0) -> DeviceAnswer:
    """Read a device, at ``minVersion`` or later, and its newest reading, which has versions of its own."""
    device, series = _device(call, deviceId, minVersion)
    newest = next((state.value.newest for _, state in series.states(Span())), None)
    shown = shown_reading(newest) if newest else None
    return merged(DeviceAnswer, device.provenance, {**device_state(device.value), "newest": shown})


@queries.get("/devices", operation_id="listDevices", summary="Devices", security=READ, responses=described(DevicePage))
def list_devices(
    call: CurrentCall,
    status: Annotated[DeviceStatus | None, Query()] = None,
    group: Annotated[GroupId | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    accept: Accept = "",
) -> Response[Any]:
    """List the devices of a status, of a group, or all, by id."""
    found = call.queries.lookup_owned(
        DEVICES,
        call.caller.tenant,
        *(("group", group) if group else ("status", status.value) if status else ("all", ALL)),
        limit,
        cursor,
        where=lambda device: status in (None, device.status),
        order="ascending",
    )
    rows = [
        ListedDevice.model_validate({n: getattr(row, n) for n in ListedDevice.model_fields}) for _, row in found.value
    ]
    page = merged(DevicePage, found.provenance, {"devices": rows, "cursor": found.value.cursor})
    return paged(accept, page, ListedDevice, rows, {"status": status, "group": group, "limit": limit})


@queries.get(
    "/devices/<deviceId>/windows",
    operation_id="listWindows",
    summary="Windows of a device",
    security=READ,
    responses=described(WindowPage),
)
def list_windows(
    deviceId: str,
    call: CurrentCall,
    size: WindowSize = "1h",
    first: From = None,
    end: To = None,
    order: Annotated[PageOrder, Query()] = "ascending",
    limit: ManyWindows = 200,
    cursor: Cursor = None,
    minVersion: MinVersion = 0,
    accept: Accept = "",
) -> Response[Any]:
    """List the windows of a size that begin at ``from`` or later and before ``to``, by default all, in UTC.

    Minutes, hours and days without a reading have no window. ``minVersion`` is that of the stream of the newest month
    in that time.
    """
    check_size(size, call.settings(TelemetrySettings))
    device, series = _device(call, deviceId)
    found = series.windows(size, Span.of(first, end), order, limit, cursor, minVersion)
    rows = [ShownWindow.model_validate(shown_window(start, kept.window)) for start, kept in found.value]
    members = {"device_id": deviceId, "unit": device.value.unit, "size": size, "windows": rows}
    page = merged(WindowPage, found.provenance, {**members, "cursor": found.value.cursor})
    return paged(accept, page, ShownWindow, rows, {"size": size, **asked(first, end), "order": order, "limit": limit})


@queries.get(
    "/devices/<deviceId>/readings",
    operation_id="listReadings",
    summary="Readings of a device",
    security=READ,
    responses=described(ReadingPage),
)
def list_readings(
    deviceId: str,
    call: CurrentCall,
    first: From = None,
    end: To = None,
    limit: ManyReadings = 1000,
    cursor: Cursor = None,
    accept: Accept = "",
) -> Response[Any]:
    """List the readings at ``from`` or later and before ``to``, by default all, by time, then by sequence.

    They come from the event table: from where windows show them to be, and from behind all that windows show, so that
    those that were just recorded are among them. Those that came too late are listed apart.
    """
    device, series = _device(call, deviceId)
    found = readings(series, Span.of(first, end), limit, cursor)
    rows = [ShownReading.model_validate(shown_reading(moment)) for moment in found.value]
    members = {"device_id": deviceId, "unit": device.value.unit, "readings": rows, "cursor": found.value.cursor}
    page = merged(ReadingPage, found.provenance, members)
    return paged(accept, page, ShownReading, rows, {**asked(first, end), "limit": limit})


@queries.get(
    "/devices/<deviceId>/late",
    operation_id="listLateReadings",
    summary="Readings that came too late",
    security=READ,
    responses=described(LatePage),
)
def list_late(
    deviceId: str,
    call: CurrentCall,
    first: From = None,
    end: To = None,
    limit: ManyReadings = 1000,
    cursor: Cursor = None,
    accept: Accept = "",
) -> Response[Any]:
    """List the readings of a time that came later than allowed, month by month, in the order of recording.

    They are in no window. Those of one batch stay on one page, which may so have more than ``limit``.
    """
    device, series = _device(call, deviceId)
    span = Span.of(first, end)
    found = late_readings(series, span, limit, cursor)
    rows = shown_late(found.value)
    members = {"device_id": deviceId, "unit": device.value.unit, "count": count_late(series, span), "readings": rows}
    page = merged(LatePage, found.provenance, {**members, "cursor": found.value.cursor})
    return paged(accept, page, ShownLateReading, rows, {**asked(first, end), "limit": limit})


@queries.get(
    "/devices/<deviceId>/gaps", operation_id="listGaps", summary="Gaps", security=READ, responses=described(GapPage)
)
def list_gaps(
    deviceId: str,
    call: CurrentCall,
    first: From = None,
    end: To = None,
    longerThanSeconds: Annotated[int | None, Query(alias="longerThanSeconds", ge=1, le=10**9)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    accept: Accept = "",
) -> Response[Any]:
    """List the times without a reading, longer than two expected intervals or than asked, and than a window.

    Between the readings of the days that the query touches. Pages end with a day: one may have more than ``limit``, or
    none and yet a cursor.
    """
    device, series = _device(call, deviceId)
    least = least_gap(longerThanSeconds, device.value.timing.interval_seconds, call.settings(TelemetrySettings))
    found = gaps(series, Span.of(first, end), least, limit, cursor)
    rows = [shown_gap(gap) for gap in found.value]
    members = {"device_id": deviceId, "longer_than_seconds": least / SECOND, "gaps": rows}
    page = merged(GapPage, found.provenance, {**members, "cursor": found.value.cursor})
    query = {**asked(first, end), "longerThanSeconds": longerThanSeconds, "limit": limit}
    return paged(accept, page, ShownGap, rows, query)


@queries.get(
    "/devices/<deviceId>/chart.svg",
    operation_id="drawDevice",
    summary="Chart of a device",
    security=READ,
    responses=CHART,
)
def draw_device(
    deviceId: str, call: CurrentCall, size: WindowSize = "1h", first: From = None, end: To = None
) -> Response[Any]:
    """Draw up to 1,000 windows: mean, lowest to highest, 95th percentile, and the limits of its alarms.

    By default the last 168 windows up to the newest reading.
    """
    check_size(size, call.settings(TelemetrySettings))
    device, series = _device(call, deviceId)
    newest = next((state.value.newest for _, state in series.states(Span())), None)
    span = chart_span(size, first, end, newest[0] if newest else series.now)
    windows = [(start, kept.window) for start, kept in series.windows(size, span).value]
    return _image(chart(deviceId, device.value.unit, size, span, windows, device.value.limits, given=first is not None))


@queries.get(
    "/groups/<group>/windows",
    operation_id="listGroupWindows",
    summary="Windows of a group",
    security=READ,
    responses=described(GroupWindowPage),
)
def list_group_windows(
    group: str,
    call: CurrentCall,
    size: WindowSize = "1h",
    first: From = None,
    end: To = None,
    order: Annotated[PageOrder, Query()] = "ascending",
    limit: Limit = 100,
    cursor: Cursor = None,
    accept: Accept = "",
) -> Response[Any]:
    """List the windows of a group of up to 100 devices: those of its devices of today, merged."""
    check_size(size, call.settings(TelemetrySettings))
    series = GroupSeries.read(call.queries, call.caller.tenant, group, call.now())
    found = series.windows(size, Span.of(first, end), order, limit, cursor)
    rows = [
        ShownGroupWindow.model_validate({**shown_window(start, window), "devices": devices})
        for start, devices, window in found.value
    ]
    members = {"group": group, "unit": series.unit, "units": series.units, "size": size, "windows": rows}
    query = {"size": size, **asked(first, end), "order": order, "limit": limit}
    page = merged(GroupWindowPage, found.provenance, {**members, "cursor": found.value.cursor})
    return paged(accept, page, ShownGroupWindow, rows, query)


@queries.get(
    "/groups/<group>/chart.svg", operation_id="drawGroup", summary="Chart of a group", security=READ, responses=CHART
)
def draw_group(
    group: str, call: CurrentCall, size: WindowSize = "1h", first: From = None, end: To = None
) -> Response[Any]:
    """Draw up to 1,000 windows of a group; by default the last 168 up to its newest reading."""
    check_size(size, call.settings(TelemetrySettings))
    series = GroupSeries.read(call.queries, call.caller.tenant, group, call.now())
    span = chart_span(size, first, end, series.newest(size))
    windows = [(start, window) for start, _, window in series.windows(size, span, "ascending", MOST_POINTS).value]
    unit = "different units" if series.unit is None else series.unit
    return _image(chart(group, unit, size, span, windows, given=first is not None))


@queries.get("/alarms", operation_id="listAlarms", summary="Alarms", security=READ, responses=described(AlarmPage))
def list_alarms(
    call: CurrentCall,
    status: Annotated[AlarmStatus | None, Query()] = None,
    deviceId: Annotated[DeviceId | None, Query(alias="deviceId")] = None,
    order: Annotated[PageOrder, Query()] = "descending",
    limit: Limit = 50,
    cursor: Cursor = None,
    accept: Accept = "",
) -> Response[Any]:
    """List the alarms that are on (``open``), those that were (``past``), or all, the latest first."""
    found = call.queries.lookup_owned(
        ALARMS,
        call.caller.tenant,
        *(("device", deviceId) if deviceId else ("status", status.value) if status else ("all", ALL)),
        limit,
        cursor,
        where=lambda alarm: status in (None, alarm.status),
        order=order,
    )
    rows = [ShownAlarm.model_validate(dict(row)) for _, row in found.value]
    page = merged(AlarmPage, found.provenance, {"alarms": rows, "cursor": found.value.cursor})
    return paged(
        accept, page, ShownAlarm, rows, {"status": status, "deviceId": deviceId, "order": order, "limit": limit}
    )


def _device(call: Call, device_id: str, min_version: int = 0) -> tuple[Answer[Profile], DeviceSeries]:
    """A device, and where its months are read."""
    found = registered(call.queries, call.stream(PROFILE, device_id, "deviceId"), min_version)
    tenant, now = call.caller.tenant, micros(call.now())
    return found, DeviceSeries(call.queries, tenant, device_id, found.value.months, now)


def _image(drawn: str) -> Response[Any]:
    return Response(200, "image/svg+xml; charset=utf-8", drawn)


def _on_device(
    call: Replayable, device_id: str, command: ProfileCommand, status: int = 200
) -> Response[DeviceCommandAnswer]:
    outcome = call.handle(call.stream(PROFILE, device_id, "deviceId"), command)
    version = outcome.head.version
    answer = DeviceCommandAnswer.model_validate({**device_state(outcome.state), "version": version})
    return tagged(answer, version, status)


def _timing(asked: NewTiming, settings: TelemetrySettings) -> Timing:
    """As asked, and what was left out by the settings of now."""
    silent = asked.silent_after_seconds or settings.silent_after(asked.interval_seconds)
    lateness = asked.allowed_lateness_seconds
    return Timing(
        interval_seconds=asked.interval_seconds,
        silent_after_seconds=silent,
        watch_seconds=max(silent, settings.silence_check_minutes * 60),
        allowed_lateness_seconds=settings.allowed_lateness if lateness is None else lateness,
    )


def _series(result: IngestedStream, sent: int) -> SeriesAnswer:
    assert result.outcome is not None
    events = [event.payload for event in result.outcome.events if isinstance(event.payload, ReadingsRecorded)]
    recorded = sum(len(event.values) for event in events)
    return SeriesAnswer(
        month=split_series(result.stream.id)[1],
        version=result.outcome.head.version,
        recorded=recorded,
        repeated=sent - recorded,
        late=sum(len(event.late) for event in events),
    )


def _refused(result: IngestedStream, sent: int, error: CommandRejected) -> RefusedSeries:
    month = split_series(result.stream.id)[1]
    return RefusedSeries(month=month, readings=sent, code=error.code, detail=error.detail)
