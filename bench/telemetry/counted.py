"""What readings consume: counted, not timed, so it is the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tests.support.engines import DynamoDBEngine

from banyan.adapters.settings import Settings
from bench.results import Figure, at_most
from bench.telemetry.fleet import Fleet
from bench.telemetry.pipeline import CountedPipeline, Units, counted_pipeline
from bench.telemetry.side_by_side import SIZES

DEVICES: Final = 20
COMMITS: Final = 15
"""Of each device, after the first: some minutes end meanwhile, as they do in an hour of a device's life."""
FEW, MANY = 10, 1000
GROWN: Final = 3
PARTS: Final = {"append": "append", "views": "views", "reactor": "the reactor's cursor"}
CENTS: Final = 100
PRICE: Final = Settings.model_fields["write_unit_price"].default
"""Of a million write units; a million readings of so many units each cost as many times that."""


def measure(engine: DynamoDBEngine, step: Callable[[str], None]) -> Iterator[Figure]:
    """Count at each number of readings in a record, and for few and many devices."""
    with counted_pipeline(engine) as pipeline:
        for size in SIZES:
            step(f"units of records of {size}")
            yield from _costs(size, units_a_thousand(pipeline, size))
        step("units of few and of many devices")
        yield from _growth(pipeline)
        yield from _hot(pipeline)


def units_a_thousand(
    pipeline: CountedPipeline, size: int, devices: int = DEVICES, commits: int = COMMITS
) -> Mapping[str, float]:
    """Write units for a thousand readings, by part, when each commit holds so many."""
    fleet = Fleet(f"units-{size}", devices, size)
    fleet.register(pipeline.application)
    pipeline.run(fleet, 0, devices, devices)
    made, units = pipeline.run(fleet, devices, devices * commits, devices)
    assert made == devices * commits
    return {name: each.write / (made * size) * 1000 for name, each in units.items()}


def units_of_growth(pipeline: CountedPipeline, devices: int) -> tuple[float, Units]:
    """Write units for a thousand readings of so many devices, from their first commit on; and all units of appends."""
    fleet = Fleet(f"grown-{devices}", devices, 100)
    fleet.register(pipeline.application)
    made, units = pipeline.run(fleet, 0, devices * GROWN, min(devices, 100))
    assert made == devices * GROWN
    return sum(each.write for each in units.values()) / (made * 100) * 1000, units["append"]


def commits_beside_a_hot_device(pipeline: CountedPipeline, hot: int) -> int:
    """Commits of a batch of a hundred records of which so many come from one device."""
    fleet = Fleet(f"hot-{hot}", 20, 10, hot=hot)
    fleet.register(pipeline.application)
    return pipeline.run(fleet, 0, 100, 100)[0]


def _costs(size: int, units: Mapping[str, float]) -> Iterator[Figure]:
    what = f"write units for 1,000 readings, {size} a record"
    for part, name in PARTS.items():
        yield Figure(what, [units[part]], "", who=name)
    yield Figure(what, [1000], "", who="an item a reading")
    if size == SIZES[-1]:
        yield Figure(f"{what}: append", [units["append"]], "", at_most(50))
    money = f"US cents for a million readings, {size} a record"
    for part, name in PARTS.items():
        yield Figure(money, [units[part] / 1000 * PRICE * CENTS], "", who=name)
    yield Figure(money, [PRICE * CENTS], "", who="an item a reading")


def _growth(pipeline: CountedPipeline) -> Iterator[Figure]:
    (few, _), (many, appends) = (units_of_growth(pipeline, devices) for devices in (FEW, MANY))
    what = f"units a reading, {MANY:,} devices against {FEW}"
    yield Figure(what, [many / few], "×", at_most(1.1))
    yield Figure(f"requests of an append, {MANY:,} devices", [appends.requests / (MANY * GROWN)], "")


def _hot(pipeline: CountedPipeline) -> Iterator[Figure]:
    commits = commits_beside_a_hot_device(pipeline, 80)
    yield Figure("commits of 100 records, 80 of them of one device of 21", [commits], "", at_most(21))
