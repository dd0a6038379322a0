"""One of several processes that ingest the same readings while answers are lost; it may be killed at any moment."""

from __future__ import annotations

import json
import logging
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.engines import dynamodb_client, impatient
from tests.support.wire import Deliver, Wire, lost_answer, operation_of, tap

from banyan.adapters.parked_records import ParkedRecord
from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.ingest import RecordIngestion
from banyan.store.eventstore import utc_now
from banyan.telemetry import NoTelemetry
from banyan_tools.samples.kinesis_records import kinesis_records
from telemetry.names import micros, month_start
from telemetry.series.events import Reading
from telemetry.series.records import MOST_OF_ONE_TIME

SECOND = 1_000_000
START = micros(month_start("2026-02")) - 100 * SECOND
"""So that a month ends within the readings."""

TENANT = "acme"
RECORDS_OF_A_BATCH = 8
LOST = 1 / 8
REPEATS = 200
FOREVER = 1e9


def is_numbered(device_id: str) -> bool:
    """Whether a device numbers its readings."""
    return int(device_id.rpartition("-")[2]) % 2 == 0


def readings_of(device_id: str, count: int) -> Sequence[Reading]:
    """All that a device ever measures, the same each time."""
    chance = random.Random(device_id)
    made = []
    for number in range(count):
        at = START + number * SECOND
        sequence = number if is_numbered(device_id) else at * MOST_OF_ONE_TIME
        made.append(Reading(sequence, at, chance.gauss(0, 100)))
    return made


@dataclass(frozen=True)
class Shift:
    """What one process delivers: all readings of some devices, in records that overlap, in an order of its own.

    Parameters
    ----------
    journal : Path
        Where it writes down the number of each batch that is done; what another process wrote there is done.
    """

    endpoint: str
    environ: Mapping[str, str]
    devices: Sequence[str]
    count: int
    seed: int
    journal: Path

    def done(self) -> int:
        """How many batches are done."""
        return len(self.journal.read_text().splitlines()) if self.journal.exists() else 0

    def batches(self) -> Sequence[Sequence[bytes]]:
        """All batches, the same each time."""
        chance = random.Random(self.seed)
        records = [record for device_id in self.devices for record in _records(device_id, self.count, chance)]
        chance.shuffle(records)
        again = records + chance.sample(records, len(records) // 3)
        return [again[place : place + RECORDS_OF_A_BATCH] for place in range(0, len(again), RECORDS_OF_A_BATCH)]


def _records(device_id: str, count: int, chance: random.Random) -> Iterator[bytes]:
    made = readings_of(device_id, count)
    first = 0
    while first < count:
        size = chance.randint(1, 40)
        chosen = list(made[max(0, first - chance.randint(0, 10)) : first + size])
        chance.shuffle(chosen)
        yield json.dumps({"deviceId": device_id, "readings": [_sent(device_id, each) for each in chosen]}).encode()
        first += size


def _sent(device_id: str, reading: Reading) -> Mapping[str, Any]:
    number = {"sequence": reading.sequence} if is_numbered(device_id) else {}
    return {"at": reading.at / 1000, "value": reading.value, **number}


class Gateway:
    """A process's own function over a wire that loses answers; nothing that it delivers may be parked."""

    def __init__(self, endpoint: str, environ: Mapping[str, str]) -> None:
        client = dynamodb_client(endpoint)
        self.wire: Wire = tap(client)
        self.wire.around = self._troubled
        self.application: Application = bootstrap(environ, client=lambda: client, telemetry=NoTelemetry())
        parts = self.application.ingestor, self.application.handlers, self
        self._function = RecordIngestion(*parts, TENANT, NoTelemetry(), utc_now)

    def park(self, records: Sequence[ParkedRecord]) -> None:
        """Refuse to park."""
        raise AssertionError(f"parked: {[(each.code, each.reason) for each in records]}")

    def deliver(self, batch: Sequence[bytes], shard: str, start: int) -> None:
        """Deliver a batch as Lambda does, from the lowest failure on, until all of it is done."""
        left = list(kinesis_records(*batch, shard=shard, start=start))
        for _ in range(REPEATS):
            failures = self._function.ingest(left, lambda: FOREVER)["batchItemFailures"]
            if not failures:
                return
            numbers = [each["kinesis"]["sequenceNumber"] for each in left]
            left = left[numbers.index(failures[0]["itemIdentifier"]) :]
        raise AssertionError(f"a batch is not done after {REPEATS} deliveries")

    def _troubled(self, request: Any, deliver: Deliver) -> Any:
        lost = operation_of(request) == "PutItem" and random.random() < LOST
        return lost_answer(request, deliver) if lost else deliver(request)


def work(shift: Shift) -> None:
    """Deliver what is not done; main function of a process."""
    logging.disable(logging.ERROR)
    with impatient():
        gateway = Gateway(shift.endpoint, shift.environ)
        journal = os.open(shift.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for number, batch in enumerate(shift.batches()[shift.done() :], start=shift.done()):
            gateway.deliver(batch, f"shard-{shift.seed}", number * RECORDS_OF_A_BATCH)
            os.write(journal, f"{number}\n".encode())
