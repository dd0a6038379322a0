"""Other event stores, and the ingest function's code, appending one commit after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from tests.support.engines import DynamoDBEngine

from bench.contestants import Lineup, lineup
from bench.results import Chapter, Figure
from bench.telemetry.fleet import Fleet
from bench.telemetry.pipeline import IngestProcess, application, environment
from bench.telemetry.side_by_side import SIZES, timed

BANYAN: Final = "Banyan"
TIMES: Final = 20
"""Commits in a round."""


def measure(engine: DynamoDBEngine, title: str, rounds: int, step: Callable[[str], None]) -> Chapter:
    """Let all that are installed take turns; what is not is left out."""
    figures: list[Figure] = []
    with lineup(engine.client.meta.endpoint_url, engine.events) as line:
        beside = BesidePeers(engine, line)
        for size in SIZES:
            step(f"commits of {size}, one after the other, beside other event stores")
            for name, found in beside.speeds(size, rounds).items():
                figures.append(Figure(f"readings/s in commits of {size}", found, "", who=name))
            for name, units in beside.units(size):
                what = f"write units for 1,000 readings in commits of {size}"
                figures.append(Figure(what, [units / size * 1000], "", who=name))
        sizes = f"rounds: {rounds} of {TIMES} commits, one request at a time"
        return Chapter(title, figures, line.left_out, sizes=sizes)


class BesidePeers:
    """The ingest function's code and those of a lineup that store in DynamoDB, each on a table of its own."""

    def __init__(self, engine: DynamoDBEngine, line: Lineup) -> None:
        self._endpoint, self._environ = engine.client.meta.endpoint_url, environment(engine)
        self._line = line
        self._peers = [each for each in line.peers if each.entry.remote]

    def speeds(self, size: int, rounds: int) -> Mapping[str, Sequence[float]]:
        """Readings a second in each round; a first one warms up."""
        found: dict[str, list[float]] = defaultdict(list)
        process, fleet = self._ingesting(self._endpoint, Fleet(f"peers-{size}", 1, size))
        for number in range(rounds + 1):
            records = [fleet.record(each) for each in range(number * TIMES, (number + 1) * TIMES)]
            _, seconds = timed(lambda each: [process.ingest([record]) for record in each], records)
            walls = {BANYAN: seconds}
            for peer in self._peers:
                took = peer.ask("append", stream=f"readings-{size}-{number}", size=size, times=TIMES)
                walls[peer.name] = took.wall
            for name, wall in walls.items():
                found[name] += [TIMES * size / wall] if number else []
        return found

    def units(self, size: int) -> Iterator[tuple[str, float]]:
        """Write units of a commit that is not the first one of its process."""
        process, fleet = self._ingesting(self._line.proxy.endpoint, Fleet(f"counted-{size}", 1, size))
        process.ingest([fleet.record(0)])
        self._line.proxy.clear()
        process.ingest([fleet.record(1)])
        yield BANYAN, self._line.proxy.write_units
        for peer in self._peers:
            self._line.count(peer.name, "append", stream=f"first-{size}", size=size, times=1)
            _, _, _, units = self._line.count(peer.name, "append", stream=f"counted-{size}", size=size, times=1)
            yield peer.name, units

    def _ingesting(self, endpoint: str, fleet: Fleet) -> tuple[IngestProcess, Fleet]:
        ours = application(endpoint, self._environ)
        fleet.register(ours)
        return IngestProcess(ours), fleet
