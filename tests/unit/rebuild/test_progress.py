"""What a progress bar shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from banyan.projections.rebuild.builds import Build, BuildPhase, Segment
from banyan.projections.rebuild.rebuild import progress_of
from banyan.projections.state import Stage
from banyan.projections.views import Generation

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
BUILD = Build(Generation("balances", 2), 1, 2, 100, switch_when_equal=False, started_at=START)
FIRST = Segment(0, BuildPhase.HEALING, total=100, streams=50, events=400, write_units=60.0, read_units=70.0)
SECOND = Segment(1, BuildPhase.CATCHING_UP, total=30, streams=30, events=100, write_units=40.0, read_units=30.0)


def test_nothing_is_known_before_all_segments_are_counted() -> None:
    progress = progress_of(BUILD, Stage.BUILDING, [Segment(0), SECOND])
    assert (progress.phase, progress.total, progress.eta_seconds) == (BuildPhase.COUNTING, None, None)
    assert progress.events_per_second == 0


def test_rate_and_time_left_come_from_the_checkpoints() -> None:
    moved = [replace(FIRST, updated_at=START + timedelta(seconds=20)), replace(SECOND, updated_at=START)]

    progress = progress_of(BUILD, Stage.BUILDING, moved)

    assert (progress.phase, progress.streams, progress.total, progress.events) == (BuildPhase.HEALING, 80, 130, 500)
    assert progress.events_per_second == pytest.approx(25)
    assert progress.eta_seconds == pytest.approx(50 * 20 / 80)
    assert (progress.read_units, progress.write_units) == (100, 100)
    assert progress.updated_at == START + timedelta(seconds=20)


def test_streams_that_were_made_meanwhile_do_not_make_time_run_backwards() -> None:
    segment = replace(FIRST, streams=120, updated_at=START + timedelta(seconds=20))
    assert progress_of(BUILD, Stage.BUILDING, [segment, SECOND]).eta_seconds == 0


def test_it_is_read_as_json() -> None:
    told = progress_of(BUILD, Stage.BUILDING, [FIRST, SECOND]).model_dump(mode="json", by_alias=True)
    assert (told["eventsPerSecond"], told["stage"], told["startedAt"]) == (0.0, "building", "2026-01-05T09:00:00Z")
