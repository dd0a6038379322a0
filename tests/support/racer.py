"""One of several processes that append to the same stream."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.engines import BUCKETS, dynamodb_client
from tests.support.ledger import REGISTRY, account, deposits

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.errors import ConcurrencyError
from banyan.store import EventStore
from banyan.streams import StreamHead

RACE = account("race")

Won = list[tuple[int, str]]


def race_in_a_process(endpoint: str, table: str, racer: int, wins: int) -> tuple[Won, int]:
    """``race`` with a client of its own."""
    store = EventStore(DynamoDBTable(Gateway(dynamodb_client(endpoint)), table, BUCKETS), REGISTRY)
    return race(store, racer, wins, lambda: None)


def race(store: EventStore, racer: int, wins: int, ready: Callable[[], object]) -> tuple[Won, int]:
    """Append until ``wins`` appends won, reading the news only after a conflict.

    Returns
    -------
    won : list of (version, commit id)
        What was acknowledged.
    """
    head, won, conflicts = StreamHead.empty(RACE), list[tuple[int, str]](), 0
    ready()
    while len(won) < wins:
        commit_id = f"{racer}-{len(won)}"
        try:
            head = store.append(RACE, head, deposits(racer), commit_id=commit_id).head
        except ConcurrencyError:
            conflicts += 1
            head = store.head(RACE)
        else:
            won.append((head.version, commit_id))
    return won, conflicts
