"""Other event stores, and the ingest function's code, appending one commit after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from tests.support.engines import DynamoDBEngine

from bench.contestants import Contestant, Lineup, lineup
from bench.results import Chapter, Figure
from bench.telemetry.fleet import Fleet
from bench.telemetry.pipeline import IngestProcess, application, environment
from bench.telemetry.side_by_side import SIZES, timed

BANYAN: Final = "Banyan"
TIMES: Final = 20
"""Commits in a round."""


def measure(engine: DynamoDBEngine, title: str, rounds: int, step: Callable[[str], None]) -> Chapter:
    """Let all that are installed take turns; what is not is left out."""
    with lineup(engine.client.meta.endpoint_url, engine.events) as line:
        peers = [each for each in line.peers if each.entry.remote]
        figures = [figure for size in SIZES for figure in _of_size(engine, line, peers, size, rounds, step)]
        sizes = f"rounds: {rounds} of {TIMES} commits, one request at a time"
        return Chapter(title, figures, line.left_out, sizes=sizes)


def _of_size(
    engine: DynamoDBEngine,
    line: Lineup,
    peers: Sequence[Contestant],
    size: int,
    rounds: int,
    step: Callable[[str], None],
) -> Iterator[Figure]:
    step(f"commits of {size} readings, one after the other, beside peers")
    for name, found in _speeds(engine, peers, size, rounds).items():
        yield Figure(f"readings/s in commits of {size}", found, "", who=name)
    for name, units in _units(engine, line, peers, size):
        yield Figure(f"write units for 1,000 readings in commits of {size}", [units / size * 1000], "", who=name)


def _units(engine: DynamoDBEngine, line: Lineup, peers: Sequence[Contestant], size: int) -> Iterator[tuple[str, float]]:
    """Of a commit that is not the first one of its process."""
    process, fleet = _ingesting(engine, line.proxy.endpoint, Fleet(f"counted-{size}", 1, size))
    process.ingest([fleet.record(0)])
    line.proxy.clear()
    process.ingest([fleet.record(1)])
    yield BANYAN, line.proxy.write_units
    for peer in peers:
        line.count(peer.name, "append", stream=f"first-{size}", size=size, times=1)
        yield peer.name, line.count(peer.name, "append", stream=f"counted-{size}", size=size, times=1)[3]


def _ingesting(engine: DynamoDBEngine, endpoint: str, fleet: Fleet) -> tuple[IngestProcess, Fleet]:
    ours = application(endpoint, environment(engine))
    fleet.register(ours)
    return IngestProcess(ours), fleet


def _speeds(
    engine: DynamoDBEngine, peers: Sequence[Contestant], size: int, rounds: int
) -> Mapping[str, Sequence[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    process, fleet = _ingesting(engine, engine.client.meta.endpoint_url, Fleet(f"peers-{size}", 1, size))
    for number in range(rounds + 1):
        records = [fleet.record(each) for each in range(number * TIMES, (number + 1) * TIMES)]
        _, seconds = timed(lambda each: [process.ingest([record]) for record in each], records)
        walls = {BANYAN: seconds}
        for peer in peers:
            walls[peer.name] = peer.ask("append", stream=f"readings-{size}-{number}", size=size, times=TIMES).wall
        for name, wall in walls.items():
            found[name] += [TIMES * size / wall] if number else []
    return found
