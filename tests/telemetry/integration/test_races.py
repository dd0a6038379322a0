"""Several processes ingest the same readings while answers are lost and processes die: each is recorded once."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

import pytest
from tests.support.clocks import EVERYTHING, wait_until
from tests.support.engines import BUCKETS, DynamoDBEngine, dynamodb_client
from tests.telemetry.support.gateway import TENANT, Shift, readings_of, work

from banyan.bootstrap import Application, bootstrap
from banyan.store.verify import verify_stream
from banyan.streams import StreamId
from telemetry.names import PROFILE, SERIES
from telemetry.profiles.decider import RegisterDevice
from telemetry.profiles.events import Limits, Timing
from telemetry.series.decider import SERIES_DECIDER
from telemetry.series.events import ReadingsRecorded

PROCESSES, DEVICES, READINGS, KILLS = (4, 8, 4000, 5) if EVERYTHING else (2, 3, 240, 1)
MINUTES = 20 if EVERYTHING else 10
TIMING = Timing(interval_seconds=1, silent_after_seconds=60, watch_seconds=60, allowed_lateness_seconds=31 * 86_400)


class Delivery:
    """A process with its shift; killed, it is started again and repeats what it does not know the end of."""

    def __init__(self, shift: Shift) -> None:
        self.shift = shift
        self._start()

    def _start(self) -> None:
        self._process = get_context("spawn").Process(target=work, args=(self.shift,))
        self._process.start()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._start()

    def end(self) -> None:
        self._process.join(60 * MINUTES)
        assert self._process.exitcode == 0


@pytest.fixture
def environ(dynamodb_local: DynamoDBEngine) -> dict[str, str]:
    tables = dynamodb_local.tables
    names = {f"{name.upper()}_TABLE": getattr(tables, name) for name in type(tables).model_fields}
    settings = {"BANYAN_DOMAIN": "telemetry", "BANYAN_LOG_BUCKETS": BUCKETS, "BANYAN_BACKOFF_MS": 10}
    return {name: str(value) for name, value in {**settings, **names}.items()}


def register(application: Application, devices: Sequence[str]) -> None:
    for device_id in devices:
        command = RegisterDevice(device_id=device_id, unit="", timing=TIMING, limits=Limits(), groups=())
        application.handlers[PROFILE].handle(StreamId(TENANT, PROFILE, device_id), command)


@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES)
def test_every_reading_is_recorded_once_while_processes_are_killed(
    dynamodb_local: DynamoDBEngine, environ: dict[str, str], tmp_path: Path
) -> None:
    endpoint = dynamodb_local.client.meta.endpoint_url
    application = bootstrap(environ, client=lambda: dynamodb_client(endpoint))
    devices = [f"d-{number}" for number in range(DEVICES)]
    register(application, devices)
    deliveries = [
        Delivery(Shift(endpoint, environ, devices, READINGS, seed, tmp_path / f"{seed}.journal"))
        for seed in range(PROCESSES)
    ]
    for kill in range(KILLS):
        for each in deliveries if EVERYTHING else deliveries[:1]:
            enough = len(each.shift.batches()) * (kill + 1) // (KILLS + 1)
            wait_until(lambda e=each, n=enough: e.shift.done() >= n, "batches", 60 * MINUTES)  # type: ignore[misc]
            each.kill()
    for each in deliveries:
        each.end()

    for device_id in devices:
        assert_recorded_once(application, device_id)


def assert_recorded_once(application: Application, device_id: str) -> None:
    found = []
    for month in ("2026-01", "2026-02"):
        stream = StreamId(TENANT, SERIES, f"{device_id}.{month}")
        assert not verify_stream(application.store, stream).problems
        events = [event.payload for event in application.store.read(stream)]
        series = SERIES_DECIDER.fold(events)
        of_month = [each for event in events if isinstance(event, ReadingsRecorded) for each in event.readings()]
        assert (series.count, series.seen.runs) == (len(of_month), 1)
        found += of_month
    assert sorted(found) == sorted(readings_of(device_id, READINGS))
