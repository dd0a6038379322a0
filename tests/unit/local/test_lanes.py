"""Lanes: batches fill for as long as their window is open, and no longer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.clocks import PATIENCE

from banyan_tools.local.lanes import Lane


def test_a_batch_goes_when_it_is_full_and_stays_until_it_is_done() -> None:
    lane = Lane[int](size=2, window=60)
    assert lane.put([1, 2, 3])
    assert (lane.batch(), lane.batch()) == ([1, 2], [1, 2])
    lane.done(2)
    lane.close()
    assert lane.batch() == [3]


def test_a_lane_asks_for_a_worker_when_it_has_none() -> None:
    lane = Lane[int](size=2, window=0)
    assert [lane.put([]), lane.put([1]), lane.put([2])] == [False, True, False]
    lane.done(len(lane.batch()))
    assert not lane.put([3])
    lane.done(len(lane.batch()))
    assert lane.batch() == []
    assert lane.put([4])


@pytest.mark.timeout(PATIENCE)
def test_a_batch_that_waits_to_be_filled_goes_when_its_lane_is_closed() -> None:
    lane = Lane[int](size=2, window=600)
    lane.put([1])
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(lane.batch)
        lane.close()
        assert waiting.result() == [1]
