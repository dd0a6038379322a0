"""What a section measures with: tables on one DynamoDB Local, everything that takes part, and how much to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from tests.support.engines import DynamoDBEngine, local_tables

from banyan_tools.local.dynamodb_local import DynamoDBLocal
from bench.contestants import Lineup, lineup
from bench.results import Figure, Goals


@dataclass(frozen=True)
class Sizes:
    """How much is done.

    Parameters
    ----------
    rounds : int
        In each, everything that is compared runs once, so that what else the machine does meets all alike.
    appends : int
        Commits appended in a round.
    events : int
        Of the stream that is folded without a snapshot.
    orders : int
        In the longer of the two lists.
    streams, rebuilds : int
        Streams that are projected and rebuilt, and how often: each rebuild pauses for seconds.
    segment : int
        Streams in each segment of a rebuild.
    cold_starts : int
        Starts of each function.
    unprojected : int
        Streams that no projection has seen; 0 leaves that section out.
    """

    rounds: int
    appends: int
    events: int
    orders: int
    streams: int
    rebuilds: int
    segment: int
    cold_starts: int
    unprojected: int

    def said(self, names: Sequence[str]) -> str:
        """Some of them in words."""
        return ", ".join(f"{WORDS[name]}: {getattr(self, name):,}" for name in names)


WORDS: Final = {
    "rounds": "rounds",
    "appends": "commits appended in a round",
    "events": "events in the stream",
    "orders": "orders in the longer list",
    "streams": "streams",
    "rebuilds": "rounds",
    "segment": "streams in a segment",
    "cold_starts": "starts of each function",
    "unprojected": "streams",
}
FULL: Final = Sizes(
    rounds=5,
    appends=150,
    events=10_000,
    orders=5_000,
    streams=400,
    rebuilds=3,
    segment=150,
    cold_starts=7,
    unprojected=10_000,
)
QUICK: Final = Sizes(
    rounds=3, appends=50, events=2_000, orders=1_000, streams=40, rebuilds=1, segment=60, cold_starts=3, unprojected=0
)


@dataclass(frozen=True)
class Ground:
    """What a section measures with.

    Parameters
    ----------
    step : Callable[[str], None]
        Shows what is being done.
    """

    endpoint: str
    engine: DynamoDBEngine
    lineup: Lineup
    sizes: Sizes
    step: Callable[[str], None]


class Section(Protocol):
    """A module that measures one thing.

    Attributes
    ----------
    USES : Sequence[str]
        The sizes that its figures depend on.
    """

    TITLE: str
    USES: Sequence[str]
    GOALS: Goals

    def measure(self, ground: Ground) -> Sequence[Figure]:
        """Its figures."""


class LeftOut(Exception):
    """A section cannot be measured here, for the reason given."""


@contextmanager
def prepared(sizes: Sizes, step: Callable[[str], None]) -> Iterator[Ground]:
    """Start DynamoDB Local and everything that takes part.

    Raises
    ------
    StackError
        Java or DynamoDB Local is missing.
    """
    with (
        DynamoDBLocal() as server,
        local_tables(server.endpoint) as engine,
        lineup(server.endpoint, engine.events) as contestants,
    ):
        yield Ground(server.endpoint, engine, contestants, sizes, step)
