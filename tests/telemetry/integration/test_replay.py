"""Whatever happens to a series on its way from a Kinesis stream to the API, its windows are those of pandas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.telemetry.support.fleet import Fleet
from tests.telemetry.support.judge import SIZES, check_window, frame_of, judged, read
from tests.telemetry.support.nab import FOLDER, SOME, file_of
from tests.telemetry.support.replay import DEVICE, Record, Replay, mixed_up, records

from banyan.projections.memory import MemoryViews
from telemetry.names import month_of
from telemetry.tools.importer import sample
from telemetry.tools.importer.numbers import ValueReader, sentinels
from telemetry.tools.importer.reading import File, Options
from telemetry.tools.importer.series import Numbered, Series
from telemetry.windows.sketch import RELATIVE_ERROR

pytestmark = pytest.mark.timeout(600)

FILES = [sample.SAMPLE, *(file_of(name) for name in SOME if FOLDER.is_dir())]
LATE = 0.1


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def readings_of(path: Path) -> list[Numbered]:
    options = Options(values=ValueReader(sentinels=sentinels("-200")))
    return list(Series(File.looked_at(path, options).readings()))


def delivered_anyhow(readings: Sequence[Numbered], random: Random) -> list[Record]:
    """Readings shuffled, and a part of them again in other records; records twice and in any order."""
    shuffled = random.sample(readings, len(readings))
    again = readings[len(readings) // 3 : len(readings) // 2]
    return mixed_up(records(pieces([*shuffled, *again], random)), random)


def pieces(readings: Sequence[Numbered], random: Random) -> Iterator[Sequence[Numbered]]:
    """A few readings at a time of a short series, up to a hundred of a long one."""
    place, most = 0, min(100, len(readings) // 40)
    while place < len(readings):
        count = random.randint(1, most)
        yield readings[place : place + count]
        place += count


def pieces_by_time(readings: Sequence[Numbered], size: int) -> list[list[Numbered]]:
    """Readings in pieces that overlap by a time, and divide none."""
    cuts = [*range(0, len(readings), size), len(readings) - 1]
    spans = [(readings[begin].at, readings[end].at) for begin, end in pairwise(cuts)]
    return [[each for each in readings if begin <= each.at <= end] for begin, end in spans]


def check(replay: Replay, frame: Any) -> None:
    """Hold the windows of all sizes against pandas."""
    for size in SIZES:
        shown, judge = replay.windows(size), judged(frame, size)
        assert shown.keys() == judge.keys()
        for start, window in shown.items():
            check_window(window, judge[start], RELATIVE_ERROR)


def test_windows_equal_pandas_after_anything_that_can_happen(path: Path) -> None:
    random = Random(path.stem)
    replay = Replay(random, kills=0.3)
    replay.fleet.register(DEVICE)
    found = delivered_anyhow(readings_of(path), random)
    late = int(len(found) * LATE)

    replay.ingest(found[late:], most=10)
    commits = replay.commits()
    replay.project(random.sample(commits, len(commits) // 2))
    replay.project(commits[-5:] * 2)
    replay.ingest(found[:late], most=3)
    replay.ingest(random.sample(found, 5), most=5)
    replay.catch_up()
    check(replay, read(path))

    before = {size: replay.windows(size) for size in SIZES}
    replay.views = MemoryViews()
    replay.fleet = Fleet(table=replay.table, views=replay.views)
    replay.project(replay.commits())
    assert {size: replay.windows(size) for size in SIZES} == before


@pytest.mark.slow
def test_readings_without_numbers_are_identified_by_their_times(path: Path) -> None:
    random = Random(path.stem)
    replay = Replay(random, kills=0.3)
    replay.fleet.register(DEVICE)
    found = records(pieces_by_time(readings_of(path), 60), numbered=False)
    replay.ingest(mixed_up(found, random), most=10)
    replay.catch_up()
    check(replay, read(path))


def test_windows_without_readings_that_came_too_late_equal_pandas_without_them(path: Path) -> None:
    random = Random(path.stem)
    replay = Replay(random, kills=0.3)
    replay.fleet.register(DEVICE, allowedLatenessSeconds=36_000)
    replay.ingest(delivered_anyhow(readings_of(path), random), most=10)
    replay.catch_up()
    months = sorted({month_of(each.at) for each in readings_of(path)})
    recorded = [each for month in months for each in replay.fleet.readings(DEVICE, month)]
    assert sorted((each.at, each.value) for each in recorded) == [(each.at, each.value) for each in readings_of(path)]
    assert 0 < sum(each.late for each in recorded) < len(recorded)
    check(replay, frame_of((each.at, each.value) for each in recorded if not each.late))
