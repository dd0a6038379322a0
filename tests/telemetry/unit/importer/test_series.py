"""The batch computation of `make check-readings` equals pandas, and the samples are what is written of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.telemetry.support.judge import SIZES, check_window, judged, read
from tests.telemetry.support.nab import SOME, file_of, needs_nab

from telemetry.names import moment_of
from telemetry.tools.importer import sample
from telemetry.tools.importer.checking import SIZES as LENGTHS
from telemetry.tools.importer.moments import zone_named
from telemetry.tools.importer.numbers import ValueReader, sentinels
from telemetry.tools.importer.reading import File, Options
from telemetry.tools.importer.series import BatchWindow, Numbered, Series

COMMAS = Options(zone=zone_named(sample.ZONE), values=ValueReader(",", sentinels("-200")))
POINTS = Options(values=ValueReader(sentinels=sentinels("-200")))


def series_of(path: Path, options: Options = POINTS) -> Series:
    return Series(File.looked_at(path, options).readings())


def readings_of(path: Path, options: Options = POINTS) -> list[Numbered]:
    return list(series_of(path, options))


def hold_against_pandas(path: Path) -> None:
    series, frame = series_of(path), read(path)
    for size in SIZES:
        judge = judged(frame, size)
        found = {
            moment_of(window.start).isoformat().replace("+00:00", "Z"): window
            for window in series.windows(LENGTHS[size])
        }
        assert found.keys() == judge.keys()
        for start, window in found.items():
            check_window(_shown(window), judge[start], 0.0)


def _shown(window: BatchWindow) -> dict[str, float | None]:
    quantiles = {"p50": window.quantile(0.5), "p95": window.quantile(0.95), "p99": window.quantile(0.99)}
    return {name: getattr(window, name) for name in ("count", "sum", "mean", "min", "max", "first", "last")} | quantiles


def test_the_sample_files_are_what_is_written_of_them() -> None:
    assert sample.SAMPLE.read_text() == sample.text()
    assert sample.COMMAS.read_text() == sample.text_with_commas()


def test_both_samples_hold_the_same_readings() -> None:
    found = readings_of(sample.SAMPLE)
    assert readings_of(sample.COMMAS, COMMAS) == found
    assert len(found) == 253


def test_a_shuffled_copy_and_overlapping_pieces_hold_the_same_readings(tmp_path: Path) -> None:
    header, *lines = sample.text().splitlines(keepends=True)
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_text(header + "".join(random.Random(1).sample(lines, len(lines))))
    assert readings_of(shuffled) == readings_of(sample.SAMPLE)
    pieces = []
    for number, piece in enumerate((lines[:130], lines[90:200], lines[150:])):
        (tmp_path / f"{number}.csv").write_text(header + "".join(piece))
        pieces += readings_of(tmp_path / f"{number}.csv")
    assert set(pieces) == set(readings_of(sample.SAMPLE))


def test_windows_of_the_sample_equal_pandas() -> None:
    hold_against_pandas(sample.SAMPLE)


@needs_nab
@pytest.mark.parametrize("name", SOME)
def test_windows_of_real_series_equal_pandas(name: str) -> None:
    hold_against_pandas(file_of(name))


def test_sums_beyond_the_largest_float_are_none_and_their_means_exact() -> None:
    window = BatchWindow(0, [1.5e308, 1.5e308, 1.5e308])
    assert (window.sum, window.mean) == (None, 1.5e308)
    assert BatchWindow(0, [1.5e308, 1.5e308, -1.5e308, -1.5e308, 1.0]).sum == 1.0


def test_a_series_knows_its_span() -> None:
    series = series_of(sample.SAMPLE)
    span = (datetime(2026, 1, 30, 22, tzinfo=UTC), datetime(2026, 2, 1, 21, 50, tzinfo=UTC))
    assert tuple(map(moment_of, series.span())) == span
    assert series.interval() == 600 * 1_000_000
    assert series.gaps(600 * 1_000_000) == (3, 32 * 600 * 1_000_000)
