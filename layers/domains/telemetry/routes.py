"""The HTTP routes of telemetry. Path parameters are spelled as in the API."""

# ruff: noqa: N803

from __future__ import annotations

from typing import Final

from banyan import CommandRejected
from banyan.commands.ingestor import IngestedStream
from banyan.http import Replayable, ReplayableCall, Response, Router, requires, tagged
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
from telemetry.names import PROFILE, split_series
from telemetry.profiles.decider import ChangeGroups, ChangeLimits, ChangeTiming, ProfileCommand, RegisterDevice
from telemetry.profiles.events import Limits, Timing
from telemetry.rejections import Code, rejected
from telemetry.series.events import ReadingsRecorded
from telemetry.series.records import MOST_OF_A_REQUEST, by_month, check_device, read_readings
from telemetry.settings import TelemetrySettings

WRITE: Final = requires("telemetry/write")
READ: Final = requires("telemetry/read", "telemetry/write")

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
    if not readings:
        raise rejected(Code.READINGS_MISSING, "there are no readings: send at least one", "readings")
    contents = by_month(deviceId, readings)
    results = call.ingest(contents)
    sent = {each.id: len(each.content) for each in contents}
    series = tuple(_series(each, sent[each.stream.id]) for each in results if each.outcome)
    refused = tuple(_refused(each, each.error) for each in results if isinstance(each.error, CommandRejected))
    totals = {name: sum(getattr(each, name) for each in series) for name in ("recorded", "repeated", "late")}
    version = results[0].outcome.head.version if results[0].outcome else 0
    answer = ReadingsAnswer(device_id=deviceId, version=version, series=series, refused=refused, **totals)
    return tagged(answer, version)


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


def _refused(result: IngestedStream, error: CommandRejected) -> RefusedSeries:
    return RefusedSeries(month=split_series(result.stream.id)[1], code=error.code, detail=error.detail)
