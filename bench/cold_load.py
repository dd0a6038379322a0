"""Loading a long stream cold: requests and read units, with a snapshot and some commits behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bench.ground import Ground
from bench.results import Figure, Goals, at_most

TITLE: Final = "Cold load"
USES: Final = ()
LENGTHS: Final = (10, 100, 1_000, 10_000)
TAILS: Final = (0, 1, 50, 99)
USUAL_TAIL: Final = 50
COMPARED: Final = 1_000
UNITS: Final = 14
"""What reading a snapshot interval of such events at once consumes."""


def _what(length: int, tail: int, kind: str) -> str:
    return f"load of {length:,} events and {tail} after the snapshot: {kind}"


CASES: Final = (
    *((length, USUAL_TAIL) for length in LENGTHS),
    *((COMPARED, tail) for tail in TAILS if tail != USUAL_TAIL),
)
GOALS: Final[Goals] = {
    _what(*case, kind): at_most(bound) for case in CASES for kind, bound in (("requests", 1), ("read units", UNITS))
}


def measure(ground: Ground) -> Sequence[Figure]:
    """Count loads of Banyan at each length and tail, and of everyone without a snapshot at one length."""
    ours = [figure for length, tail in CASES for figure in _banyan(ground, length, tail)]
    remote = [each.name for each in ground.lineup.direct.values() if each.entry.remote]
    return [*ours, *(figure for name in remote for figure in _whole(ground, name))]


def _banyan(ground: Ground, length: int, tail: int) -> Iterator[Figure]:
    ground.step(f"{length:,} events and {tail} more")
    stream = f"cold-{length}-{tail}"
    ask = ground.lineup.banyan.ask
    ask("fill", stream=stream, count=length, size=1)
    ask("snapshot", stream=stream)
    if tail:
        ask("fill", stream=stream, count=tail, size=1, after=length)
    took, requests, units, _ = ground.lineup.count("Banyan", "load", stream=stream)
    assert took.answer == length + tail
    for kind, value in (("requests", requests), ("read units", units)):
        what = _what(length, tail, kind)
        yield Figure(what, [value], "", GOALS[what])
    if (length, tail) == (COMPARED, USUAL_TAIL):
        yield from _compared(f"Banyan (snapshot + {tail} commits)", requests, units)


def _whole(ground: Ground, name: str) -> Iterator[Figure]:
    """Of every event, as there is no snapshot."""
    ground.step(f"{COMPARED:,} events, {name}")
    ground.lineup.direct[name].ask("fill", stream="cold", count=COMPARED, size=1)
    took, requests, units, _ = ground.lineup.count(name, "load", stream="cold")
    lost = "" if took.answer == COMPARED else f"loses data: it got {took.answer:,} events"
    yield from _compared(f"{name} (no snapshot)" if name == "Banyan" else name, requests, units, lost)


def _compared(name: str, requests: int, units: float, note: str = "") -> Iterator[Figure]:
    what = f"load of {COMPARED:,} events"
    yield Figure(f"{what}: requests", [requests], "", note=note, who=name)
    panel = f"Load {COMPARED:,} events cold: read units"
    yield Figure(f"{what}: read units", [units], "", note=note, who=name, panel=panel)
