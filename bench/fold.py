"""Folding a stream without a snapshot, against the bare SDK: the same items and their JSON read with nothing around."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bench.contestants import AETT, CASTORE, EVENTSOURCING_DYNAMODB, Contestant, Took
from bench.ground import Ground
from bench.results import Figure, Goals, at_least, ratios

TITLE: Final = "Fold without a snapshot"
USES: Final = ("events", "rounds")
COMMITS: Final = (1, 5, 100)
BARE: Final = "bare SDK"
RACED: Final = 10
BARE_GOALS: Final = {1: 1.0, 5: 0.8, 100: 0.6}
CASTORE_GOALS: Final = {1: 0.6, 5: 1.5, 100: 4.0}
PYTHON: Final = (AETT.name, EVENTSOURCING_DYNAMODB.name)
"""Peers on the same engine and in the same language: Banyan is to be ahead of each."""


def against(size: int, other: str) -> str:
    """What a comparison is about."""
    return f"fold, commits of {size}: speed against {other}"


GOALS: Final[Goals] = {
    **{against(size, f"the {BARE}"): at_least(bound) for size, bound in BARE_GOALS.items()},
    **{against(size, CASTORE.name): at_least(bound) for size, bound in CASTORE_GOALS.items()},
    **{against(size, name): at_least(1) for name in PYTHON for size in COMMITS},
}

Samples = Mapping[tuple[str, int], list[Took]]


def measure(ground: Ground) -> Sequence[Figure]:
    """Fold one stream of each size of commits, round by round."""
    return [*_figures(ground, _rounds(ground)), *(_race(peer) for peer in ground.lineup.direct.values())]


def sizes_of(contestant: Contestant) -> Sequence[int]:
    """Sizes of commits that make a difference to how a contestant stores events."""
    return COMMITS if contestant.name in ("Banyan", AETT.name) else COMMITS[:1]


def _rounds(ground: Ground) -> Samples:
    for contestant in ground.lineup.direct.values():
        ground.step(f"filling {contestant.name}")
        for size in sizes_of(contestant):
            contestant.ask("fill", stream=f"fold-{size}", count=ground.sizes.events, size=size)
    samples: dict[tuple[str, int], list[Took]] = defaultdict(list)
    for number in range(ground.sizes.rounds + 1):
        ground.step(f"round {number}" if number else "warming up")
        for key, took in _round(ground):
            samples[key] += [took] if number else []
    return samples


def _round(ground: Ground) -> Iterator[tuple[tuple[str, int], Took]]:
    for size in COMMITS:
        yield (BARE, size), ground.lineup.banyan.ask("query", stream=f"fold-{size}")
        for contestant in ground.lineup.direct.values():
            if size in sizes_of(contestant):
                yield (contestant.name, size), contestant.ask("load", stream=f"fold-{size}")


def _figures(ground: Ground, samples: Samples) -> Iterator[Figure]:
    names = dict.fromkeys(name for name, _ in samples)
    for size in COMMITS:
        # What stores each event by itself has the same stream at every size.
        found = {name: samples.get((name, size)) or samples[name, COMMITS[0]] for name in names}
        yield from (figure for name, took in found.items() for figure in _times(ground, name, size, took))
        ours = _rates(found.pop("Banyan"))
        for name, took in found.items():
            what = against(size, f"the {BARE}" if name == BARE else name)
            yield Figure(what, ratios(ours, _rates(took)), "×", GOALS.get(what), _loss(ground, took))


def _times(ground: Ground, name: str, size: int, took: Sequence[Took]) -> Iterator[Figure]:
    what, note = f"fold, commits of {size}", _loss(ground, took)
    walls, cpu = [each.wall * 1000 for each in took], [each.cpu * 1000 for each in took]
    panel = f"Fold {ground.sizes.events:,} events, commits of {size}: ms"
    yield Figure(f"{what}: wall time", walls, "ms", note=note, who=name, panel=panel)
    yield Figure(f"{what}: CPU time", cpu, "ms", note=note, who=name)


def _rates(took: Sequence[Took]) -> list[float]:
    return [each.answer / each.wall for each in took]


def _loss(ground: Ground, took: Sequence[Took]) -> str:
    got = took[0].answer
    return "" if got == ground.sizes.events else f"loses data: it got {got:,} of {ground.sizes.events:,} events"


def _race(contestant: Contestant) -> Figure:
    """Two writers at one version: one must lose."""
    contestant.ask("fill", stream="race", count=RACED, size=1)
    accepted = contestant.ask("race", stream="race").answer
    note = "" if accepted == 1 else "loses data: the second writer replaced the first one's event"
    return Figure("of two writers at one version, accepted", [accepted], "", note=note, who=contestant.name)
