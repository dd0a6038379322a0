"""What it costs to notice that a device is silent."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from tests.support.clocks import ManualClock
from tests.support.engines import BUCKETS, DynamoDBEngine

from banyan.bootstrap import bootstrap
from banyan.streams import StreamId
from telemetry.names import PROFILE, SERIES, micros
from telemetry.profiles.decider import RegisterDevice
from telemetry.profiles.events import Limits, Timing
from telemetry.series.decider import RecordReadings
from telemetry.series.events import Reading

TIMING = Timing(interval_seconds=60, silent_after_seconds=180, watch_seconds=900, allowed_lateness_seconds=0)
FOREVER = 1e9


def test_a_look_at_a_device_that_sends_is_two_writes_and_a_read(dynamodb_local: DynamoDBEngine) -> None:
    tables = dynamodb_local.tables
    names = {f"{name.upper()}_TABLE": getattr(tables, name) for name in type(tables).model_fields}
    clock, wire = ManualClock(), dynamodb_local.wire
    environ = {**names, "BANYAN_DOMAIN": "telemetry", "BANYAN_TRACES": "off", "BANYAN_LOG_BUCKETS": str(BUCKETS)}
    application = bootstrap(environ, client=lambda: dynamodb_local.client, clock=clock)
    register = RegisterDevice(device_id="a", unit="", timing=TIMING, limits=Limits(), groups=())
    profile = application.handlers[PROFILE].handle(StreamId("acme", PROFILE, "a"), register).state
    stream = StreamId("acme", SERIES, "a.2026-01")

    def reacted(number: int) -> Counter[str]:
        """What it takes to react to one more reading."""
        command = RecordReadings([Reading(number, micros(clock.now), 1.0)], profile)
        outcome = application.handlers[SERIES].handle(stream, command)
        commits = list(application.store.commits(stream, outcome.events[0].version - 1))
        wire.clear()
        assert application.reactor.project(commits) == frozenset()
        return Counter(wire.sent)

    def looked() -> tuple[int, list[str]]:
        """How many looks found silence, and what they took besides the question what is due."""
        wire.clear()
        run = application.deadline_runner.run(lambda: FOREVER)
        return run.fired, [each for each in wire.sent if each != "Query"]

    reacted(0)
    plain = reacted(1)
    clock.move(timedelta(minutes=16))
    assert reacted(2) - plain == Counter(PutItem=1)
    clock.move(timedelta(minutes=5))
    assert looked() == (0, ["BatchGetItem", "DeleteItem"])
    clock.move(timedelta(minutes=16))
    assert looked() == (1, ["BatchGetItem", "TransactWriteItems", "DeleteItem"])
