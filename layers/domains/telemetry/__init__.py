"""Telemetry: devices, the series of their readings, each reading recorded once, and alarms."""

from typing import Final

from banyan import Domain, EventRegistry
from banyan.domain import Example
from telemetry.ingest import INGEST
from telemetry.profiles.decider import PROFILE_DECIDER
from telemetry.profiles.events import EVENTS as PROFILE_EVENTS
from telemetry.profiles.events import AlarmCleared, AlarmRaised, DeviceHeard, DeviceRegistered, DeviceSilent
from telemetry.profiles.silence import CHECK_SILENCE, FOLLOW_SERIES, LOOK_AGAIN
from telemetry.projections import PROJECTIONS, tuned
from telemetry.series.decider import SERIES_DECIDER
from telemetry.series.events import EVENTS as SERIES_EVENTS
from telemetry.series.events import ThresholdCleared, ThresholdCrossed
from telemetry.settings import TelemetrySettings

DOMAIN: Final = Domain(
    name="telemetry",
    registry=EventRegistry([*PROFILE_EVENTS, *SERIES_EVENTS]),
    deciders=[PROFILE_DECIDER, SERIES_DECIDER],
    decisions=[CHECK_SILENCE],
    routes="telemetry.routes",
    policies=[FOLLOW_SERIES, LOOK_AGAIN],
    published=dict.fromkeys(
        (ThresholdCrossed, ThresholdCleared, AlarmRaised, AlarmCleared, DeviceRegistered, DeviceHeard, DeviceSilent),
        True,
    ),
    ingest=INGEST,
    projections=PROJECTIONS,
    settings=TelemetrySettings,
    tuned=tuned,
    example=Example(
        "Register a first device",
        "/devices",
        {"deviceId": "pump-1", "unit": "bar", "intervalSeconds": 60, "limits": {"high": {"raise": 8, "clear": 7.5}}},
    ),
)

__all__ = ["DOMAIN"]
