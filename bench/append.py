"""Appending: what a commit costs in requests and write units, and in CPU time against a bare ``put_item``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bench.contestants import Contestant, Took
from bench.ground import Ground
from bench.results import Figure, Goals, at_least, at_most, ratios

TITLE: Final = "Append"
USES: Final = ("appends", "rounds")
COMMITS: Final = (1, 5, 100)
THREADS: Final = 8
BARE, DEFAULT = "bare put_item", "bare put_item with the SDK's own settings"

GOALS: Final[Goals] = {
    **{f"append of {size}: requests": at_most(1) for size in COMMITS},
    "append of 5: write units": at_most(3),
    **{f"append of {size}: CPU time against a {BARE}": at_most(1.1) for size in (1, 5)},
    **{f"append of {size}: CPU time against a {DEFAULT}": at_most(1.15) for size in (1, 5)},
    "appends from 8 threads against bare puts from 8 threads": at_least(0.9),
}

Samples = Mapping[str, list[Took]]


def measure(ground: Ground) -> Sequence[Figure]:
    """Count one commit of each size, then time many, round by round."""
    ground.lineup.banyan.ask("warm", stream="warm")
    return [figure for size in COMMITS for figure in _of_size(ground, size)] + [_from_threads(ground)]


def _of_size(ground: Ground, size: int) -> Iterator[Figure]:
    ground.step(f"commits of {size}")
    times = max(ground.sizes.appends // (1 if size < COMMITS[-1] else 5), 10)
    samples = _rounds(ground, size, times)
    for contestant in ground.lineup.direct.values():
        if contestant.entry.remote:
            yield from _counted(ground, contestant, size)
    for name, took in samples.items():
        yield Figure(f"append of {size}: CPU time", [each.cpu * 1000 / times for each in took], "ms", who=name)
    ours = [each.cpu for each in samples["Banyan"]]
    for bare in (BARE, DEFAULT):
        what = f"append of {size}: CPU time against a {bare}"
        yield Figure(what, ratios(ours, [each.cpu for each in samples[bare]]), "×", GOALS.get(what))


def _counted(ground: Ground, contestant: Contestant, size: int) -> Iterator[Figure]:
    """Of the second commit of a stream, as the first one may also make the connection."""
    name = contestant.name
    ground.lineup.count(name, "append", stream=f"first-{size}", size=size, times=1)
    _, requests, _, units = ground.lineup.count(name, "append", stream=f"counted-{size}", size=size, times=1)
    for kind, value in (("requests", requests), ("write units", units)):
        what = f"append of {size}: {kind}"
        goal = GOALS.get(what) if name == "Banyan" else None
        panel = f"Append {size} events: write units" if (kind, size) == ("write units", 5) else ""
        yield Figure(what, [value], "", goal, who=name, panel=panel)


def _rounds(ground: Ground, size: int, times: int) -> Samples:
    samples: dict[str, list[Took]] = defaultdict(list)
    for number in range(ground.sizes.rounds + 1):
        for name, took in _round(ground, f"append-{size}-{number}", size, times):
            samples[name] += [took] if number else []
    return samples


def _round(ground: Ground, stream: str, size: int, times: int) -> Iterator[tuple[str, Took]]:
    banyan = ground.lineup.banyan
    for contestant in ground.lineup.direct.values():
        yield contestant.name, contestant.ask("append", stream=stream, size=size, times=times)
    yield BARE, banyan.ask("put", stream=f"{stream}-bare", size=size, times=times)
    yield DEFAULT, banyan.ask("put", stream=f"{stream}-default", size=size, times=times, default=True)


def _from_threads(ground: Ground) -> Figure:
    ground.step(f"commits from {THREADS} threads")
    times = ground.sizes.appends // 2
    walls: dict[str, list[float]] = {"append": [], "put": []}
    for number in range(ground.sizes.rounds):
        for act, found in walls.items():
            stream = f"threads-{act}-{number}"
            took = ground.lineup.banyan.ask("threads", act=act, stream=stream, count=THREADS, times=times)
            found.append(took.wall)
    what = f"appends from {THREADS} threads against bare puts from {THREADS} threads"
    return Figure(what, ratios(walls["put"], walls["append"]), "×", GOALS[what])
