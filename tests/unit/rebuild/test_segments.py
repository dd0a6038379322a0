"""Segments do not get into each other's way: what one costs does not depend on how many there are."""

from __future__ import annotations

from itertools import islice

import pytest
from tests.support.ledger import account, deposits
from tests.support.rebuild import FOREVER, Fuse, Rebuilding

from banyan.projections.rebuild.builds import Work
from banyan.projections.views import Generation
from banyan.store.items import bucket_of

STREAMS = 60


def requests(projection: str, segments: int) -> int:
    """What it takes to fill one segment of so many, each with as many streams."""
    fuse = Fuse()
    rebuilding = Rebuilding(fuse, buckets=segments)
    for bucket in range(segments):
        names = (f"a{n}" for n in range(100 * STREAMS) if bucket_of(account(f"a{n}"), segments) == bucket)
        for name in islice(names, STREAMS):
            rebuilding.ledger.commit(account(name), *deposits(1))
    rebuilding.rebuild.start(projection)
    rebuilding.messages.waiting.clear()
    begun = fuse.requests
    for _ in range(2):  # the second time once projectors know of the generation
        rebuilding.worker().work(Work(Generation(projection, 2), 0), lambda: FOREVER)
        rebuilding.ledger.clock.move(rebuilding.pace.settle)
    assert rebuilding.rebuild.progress(projection).streams == STREAMS
    return fuse.requests - begun


@pytest.mark.parametrize("projection", ["balances", "turnover"])
def test_a_segment_costs_as_many_requests_among_four_as_alone(projection: str) -> None:
    alone = requests(projection, 1)
    assert alone > STREAMS
    assert requests(projection, 2) <= 1.1 * alone
    assert requests(projection, 4) <= 1.1 * alone
