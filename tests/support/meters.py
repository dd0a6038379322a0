"""A small domain that is fed by records: meters, which are registered, and what each of them shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from banyan import CamelModel, CommandRejected, Decider, Domain, DomainEvent, EventRegistry, NotFound
from banyan.ingest import Ingest, Ingested, Reference

UNREADABLE = b"\xff not JSON"


class MeterRegistered(DomainEvent):
    """A meter is known, up to the highest value that it can show."""

    highest: int


class ValuesRecorded(DomainEvent):
    """What a meter showed, by sequence number."""

    values: dict[int, int]
    highest: int


class Meter(CamelModel):
    """A registration."""

    highest: int = 0


class Shown(CamelModel):
    """What a meter showed so far."""

    values: dict[int, int] = Field(default_factory=dict)


@dataclass(frozen=True)
class Register:
    highest: int


@dataclass(frozen=True)
class Record:
    """Values by sequence number, and the highest one that the meter can show."""

    values: Sequence[tuple[int, int]]
    highest: int


def register(command: Register, meter: Meter) -> Sequence[DomainEvent]:
    return [MeterRegistered(highest=command.highest)] if command.highest != meter.highest else []


def record(command: Record, shown: Shown) -> Sequence[DomainEvent]:
    """What was shown before is nothing new; 13 is refused, and so is 666, in another way."""
    new = {sequence: value for sequence, value in command.values if sequence not in shown.values}
    if 13 in new.values():
        raise CommandRejected("unlucky", "the rules do not like 13")
    if 666 in new.values():
        raise ZeroDivisionError("666")
    return [ValuesRecorded(values=new, highest=command.highest)] if new else []


def shown_after(shown: Shown, event: DomainEvent) -> Shown:
    assert isinstance(event, ValuesRecorded)
    return Shown(values={**shown.values, **event.values})


def registered(meter: Meter, event: DomainEvent) -> Meter:  # noqa: ARG001
    assert isinstance(event, MeterRegistered)
    return Meter(highest=event.highest)


def read(data: bytes) -> Sequence[Ingested[tuple[int, int]]]:
    """``{"meter", "sequence", "value"}``, or a list of them."""
    try:
        found = json.loads(data)
        entries = found if isinstance(found, list) else [found]
        return [Ingested("shown", each["meter"], (each["sequence"], each["value"])) for each in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise CommandRejected("unreadable", "a record is JSON and names meter, sequence and value") from error


def command(contents: Sequence[tuple[int, int]], meter: Any) -> Record:
    if meter is None:
        raise NotFound("unknown_meter", "the meter is not registered")
    return Record(contents, meter.highest)


METERS: Decider[Meter, Register] = Decider("meter", Meter, register, registered, Meter)
SHOWN: Decider[Shown, Record] = Decider("shown", Shown, record, shown_after, Shown)
INGEST = Ingest(read, command, Reference("meter", lambda id: id.partition(".")[0]))
DOMAIN = Domain(
    name="meters",
    registry=EventRegistry([MeterRegistered, ValuesRecorded]),
    deciders=[METERS, SHOWN],
    ingest=INGEST,
)


def shows(meter: str, sequence: int, value: int) -> dict[str, Any]:
    """One entry of a record."""
    return {"meter": meter, "sequence": sequence, "value": value}


def encoded(*entries: dict[str, Any]) -> bytes:
    """A record."""
    return json.dumps(entries[0] if len(entries) == 1 else entries).encode()
