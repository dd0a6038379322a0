"""Devices behind the HTTP API of telemetry, over memory, with policies and deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.http import Answer, Server, body_of, problem

from banyan.deadlines.base import MemoryDeadlines
from banyan.deadlines.runner import DeadlineRun, DeadlineRunner
from banyan.events import DomainEvent
from banyan.reactions.policies import Policies
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry
from telemetry.names import PROFILE, SERIES, series_id
from telemetry.profiles.decider import PROFILE_DECIDER, Profile
from telemetry.series.decider import SERIES_DECIDER, Series
from telemetry.series.events import Reading, ReadingsRecorded
from telemetry.settings import TelemetrySettings

WRITER = {"sub": "gateway", "tenant": "acme", "scope": "telemetry/write"}
READER = {"sub": "eve", "tenant": "acme", "scope": "telemetry/read"}
FOREVER = 1e9


class Fleet(Server):
    """The API's functions; whoever is not named may write."""

    def __init__(self, settings: TelemetrySettings | None = None, **more: Any) -> None:
        super().__init__(domains="telemetry", domain_settings=settings, **more)
        domain, handlers = self.application.domain, self.application.handlers
        self.deadlines = MemoryDeadlines()
        self._policies = Policies(
            domain.policies, domain.deciders, self.store, handlers, self.deadlines, {}, NoTelemetry()
        )
        self._runner = DeadlineRunner(self.deadlines, domain.deciders, handlers, clock=self.clock)
        self._reached: dict[StreamId, int] = {}

    def ask(self, path: str, body: Any = None, *, claims: dict[str, Any] = WRITER, **more: Any) -> Answer:
        """Send a command."""
        return self.post(path, {} if body is None else body, claims=claims, **more)

    def done(self, path: str, body: Any = None, **more: Any) -> Any:
        """Send a command that must succeed."""
        answer = self.ask(path, body, **more)
        assert answer["statusCode"] in (200, 201), answer
        return body_of(answer)

    def refused(self, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        """Send a command that must not succeed: its status and code."""
        return problem(self.ask(path, body, **more))

    def register(self, device_id: str, **content: Any) -> Any:
        """Register a device, by default one that is expected once a minute."""
        return self.done("/devices", {"deviceId": device_id, "unit": "°C", "intervalSeconds": 60, **content})

    def record(self, device_id: str, *readings: tuple[Any, float] | tuple[Any, float, int]) -> Any:
        """Record readings of a time, a value and perhaps a sequence number."""
        return self.done(f"/devices/{device_id}/readings", {"readings": [reading(*each) for each in readings]})

    def react(self) -> None:
        """Let the policies react once to each commit that is new, until nothing more follows."""
        while any(self._reacted(stream) for stream in list(self.store.streams())):
            pass

    def _reacted(self, stream: StreamId) -> bool:
        commits = list(self.store.commits(stream, self._reached.get(stream, 0)))
        for commit in commits:
            self._policies.act(commit, self.store.recorded([commit]))
            self._reached[stream] = commit.last
        return bool(commits)

    def fire(self) -> DeadlineRun:
        """React to what is new, and handle the commands whose time has come."""
        self.react()
        run = self._runner.run(lambda: FOREVER)
        self.react()
        return run

    def events(self, entity: str, id: str) -> Sequence[DomainEvent]:
        """What is recorded in a stream."""
        return [event.payload for event in self.store.read(StreamId("acme", entity, id))]

    def profile(self, device_id: str) -> Profile:
        """A device by its events."""
        return PROFILE_DECIDER.fold(self.events(PROFILE, device_id))

    def series(self, device_id: str, month: str) -> Series:
        """A month by its events."""
        return SERIES_DECIDER.fold(self.events(SERIES, series_id(device_id, month)))

    def readings(self, device_id: str, month: str) -> Sequence[Reading]:
        """All readings of a month, as they arrived."""
        events = self.events(SERIES, series_id(device_id, month))
        return [each for event in events if isinstance(event, ReadingsRecorded) for each in event.readings()]


def reading(at: Any, value: float, sequence: int | None = None) -> dict[str, Any]:
    """A reading as it is sent."""
    return {"at": at, "value": value} | ({} if sequence is None else {"sequence": sequence})
