"""The command line: what it sends, prints and exits with, and what it says when it cannot begin."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.wsgi import serving
from tests.telemetry.support.front import Gateway, refused
from typer.testing import CliRunner, Result
from werkzeug.wrappers import Request, Response

from banyan_tools.local.ports import free_port
from banyan_tools.project import ROOT
from telemetry.tools.importer import sample
from telemetry.tools.importer.cli import app

SAMPLE, COMMAS = sample.SAMPLE, sample.COMMAS
AS_SAMPLE = ("--missing=-200",)
AS_COMMAS = ("--missing=-200", "--decimal", ",", "--zone", sample.ZONE)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def url(gateway: Gateway) -> Iterator[str]:
    with serving(gateway) as url:
        yield url


@pytest.fixture
def imported(url: str, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Imports a file that can be imported, and gives the report."""

    def run_import(file: Path, *options: str, code: int = 0) -> dict[str, Any]:
        report = tmp_path / "report.json"
        result = run("import", file, "--device", "b-1", "--url", url, "--report", report, "--pause", 0, *options)
        assert result.exit_code == code, result.output
        return dict(json.loads(report.read_text()))

    return run_import


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"TOKEN": "secret", "COLUMNS": "150"})


def months_refused(report: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(each["month"], each["code"], each.get("readings")) for each in report["refused"]]


def counts(report: dict[str, Any]) -> tuple[int, int, int]:
    return report["recorded"], report["repeated"], report["notShown"]


@pytest.mark.parametrize("via", ["kinesis", "http"])
def test_the_sample_is_imported_once_and_reported(
    imported: Callable[..., dict[str, Any]], gateway: Gateway, url: str, via: str
) -> None:
    report = imported(SAMPLE, "--via", via, "--unit", "°C", *AS_SAMPLE)
    assert counts(report) == (253, 0, 0)
    assert (report["registered"], report["unit"], report["intervalSeconds"], report["derived"]) == (
        True,
        "°C",
        600,
        True,
    )
    assert (report["lines"], report["headers"], report["missing"], report["rejected"]) == (260, 1, 6, {})
    assert (report["gaps"], report["longestGapSeconds"]) == (3, 32 * 600)
    assert (report["begin"], report["end"]) == ("2026-01-30T22:00:00Z", "2026-02-01T21:50:00Z")
    assert gateway.sent == [253]
    again = imported(SAMPLE, "--via", via, *AS_SAMPLE)
    assert (counts(again), again["registered"]) == ((0, 253, 0), False)
    checked = run("check", SAMPLE, "--device", "b-1", "--url", url, *AS_SAMPLE)
    assert (checked.exit_code, "windows agree" in checked.stdout) == (0, True), checked.output


@pytest.mark.parametrize("via", ["kinesis", "http"])
def test_the_same_series_otherwise_written_shuffled_and_in_pieces_is_the_same(
    imported: Callable[..., dict[str, Any]], url: str, tmp_path: Path, via: str
) -> None:
    header, *lines = sample.text().splitlines(keepends=True)
    pieces = [lines[:130], lines[90:200], lines[150:], random.Random(1).sample(lines, len(lines))]
    recorded = []
    for piece in pieces:
        (tmp_path / "piece.csv").write_text(header + "".join(piece))
        recorded.append(imported(tmp_path / "piece.csv", "--via", via, *AS_SAMPLE)["recorded"])
    assert (sum(recorded), recorded[-1]) == (253, 0)
    assert counts(imported(COMMAS, "--via", via, *AS_COMMAS)) == (0, 253, 0)
    assert run("check", COMMAS, "--device", "b-1", "--url", url, *AS_COMMAS).exit_code == 0


@pytest.mark.parametrize("via", ["kinesis", "http"])
def test_who_repeats_readings_learns_that_their_first_values_stay(url: str, tmp_path: Path, via: str) -> None:
    wrong, right = tmp_path / "wrong.csv", tmp_path / "right.csv"
    wrong.write_text("timestamp,value\n2026-01-31 12:00:00,-200\n2026-01-31 12:01:00,2\n")
    right.write_text("timestamp,value\n2026-01-31 12:00:00,1\n2026-01-31 12:01:00,2\n")
    options = ("--device", "b-1", "--url", url)
    first, second = (run("import", file, *options, "--via", via, "--pause", 0) for file in (wrong, right))
    assert (first.exit_code, "keep the values" in first.stdout) == (0, False)
    assert (second.exit_code, "keep the values that were recorded first" in second.stdout) == (0, True)
    assert [run("check", file, *options).exit_code for file in (wrong, right)] == [0, 1]


def test_the_documentation_shows_what_is_printed(url: str) -> None:
    options = ("--device", "boiler", "--url", url, *AS_SAMPLE)
    printed = run("import", SAMPLE, *options, "--pause", 0).stdout + run("check", SAMPLE, *options).stdout
    page = (ROOT / "docs" / "telemetry-import.md").read_text()
    for line in printed.splitlines():
        assert re.sub(r"(seconds +│ )\d\.\d", r"\g<1>1.4", line.rstrip()) in page


def test_a_rate_is_kept_by_small_batches(imported: Callable[..., dict[str, Any]], gateway: Gateway) -> None:
    imported(SAMPLE, "--via", "http", "--rate", "1000", *AS_SAMPLE)
    assert gateway.sent == [250, 3]


def test_a_device_that_is_there_stays_as_it_is(imported: Callable[..., dict[str, Any]], gateway: Gateway) -> None:
    gateway.fleet.register("b-1", unit="°F", intervalSeconds=30)
    report = imported(SAMPLE, "--unit", "°C", "--interval", "10", *AS_SAMPLE)
    assert (report["unit"], report["intervalSeconds"], report["derived"]) == ("°F", 30, False)


@pytest.mark.parametrize("decimal", [".", ","])
def test_a_file_with_the_other_decimal_sign_is_refused_whole(gateway: Gateway, url: str, decimal: str) -> None:
    file, *options = (COMMAS, *AS_COMMAS[3:]) if decimal == "." else (SAMPLE, "--decimal", decimal)
    result = run("import", file, "--device", "b-1", "--url", url, *options)
    assert (result.exit_code, gateway.sent) == (1, [])
    assert "nothing was sent" in result.output


def test_lines_that_are_rejected_are_shown_and_fail_the_import(
    imported: Callable[..., dict[str, Any]], url: str, tmp_path: Path
) -> None:
    file = tmp_path / "broken.csv"
    file.write_text("timestamp,value\n2026-01-31 12:00:00,1\n2026-01-31 12:01:00,inf\nnever,2\n2026-01-31 12:02:00,3\n")
    report = imported(file, "--via", "http", code=1)
    assert report["rejected"] == {
        "not_finite": {"count": 1, "firstLines": [3]},
        "bad_time": {"count": 1, "firstLines": [4]},
    }
    assert counts(report) == (2, 0, 0)
    assert "not_finite" in run("import", file, "--device", "b-1", "--url", url, "--pause", 0).stdout


@pytest.mark.parametrize("via", ["kinesis", "http"])
def test_readings_that_are_late_are_counted_and_not_waited_for(
    imported: Callable[..., dict[str, Any]], gateway: Gateway, via: str
) -> None:
    gateway.fleet.register("b-1", allowedLatenessSeconds=60)
    gateway.fleet.record("b-1", ("2026-01-31T23:59:00Z", 1.0))
    report = imported(SAMPLE, "--via", via, *AS_SAMPLE)
    assert 0 < report["late"] < 253
    assert counts(report) == (253, 0, 0)
    again = imported(SAMPLE, "--via", via, *AS_SAMPLE)
    assert (counts(again), again["late"]) == ((0, 253, 0), 0)


def test_what_the_windows_do_not_show_is_said(gateway: Gateway, url: str) -> None:
    gateway.catches_up = False
    gateway.fleet.register("b-1")
    gateway.fleet.project_all()
    sent = run("import", SAMPLE, "--device", "b-1", "--url", url, "--via", "http", "--pause", 0, *AS_SAMPLE)
    assert (sent.exit_code, "`./banyan ingest parked` says why" in sent.stderr) == (1, True), sent.output
    assert re.search(r"not shown yet +│ 253 ", sent.stdout)
    checked = run("check", SAMPLE, "--device", "b-1", "--url", url, *AS_SAMPLE)
    assert (checked.exit_code, "Windows that differ" in checked.stdout) == (1, True)


def test_a_month_that_is_refused_is_named(
    imported: Callable[..., dict[str, Any]], gateway: Gateway, tmp_path: Path
) -> None:
    gateway.fleet.register("b-1")
    file = tmp_path / "ends.csv"
    file.write_text("2026-01-31 12:00:00,1\n2026-02-01 12:00:00,2\n")
    sequence = 1_769_860_800_000_000_000
    gateway.fleet.record("b-1", ("2026-01-31T11:00:00Z", 1.0, sequence))
    report = imported(file, "--via", "http", code=1)
    assert months_refused(report) == [("2026-01", "sequence_reused", 1)]
    assert counts(report) == (1, 0, 0)


def test_a_request_of_one_month_that_is_refused_stops_no_other(
    imported: Callable[..., dict[str, Any]], gateway: Gateway
) -> None:
    gateway.fleet.register("b-1")
    gateway.fleet.record("b-1", ("2026-01-30T21:00:00Z", 1.0, 1_769_817_600_000_000_000))
    report = imported(SAMPLE, "--via", "http", "--rate", "100", *AS_SAMPLE, code=1)
    assert months_refused(report) == [("2026-01", "sequence_reused", 25)]
    assert (counts(report), report["readings"]) == ((228, 0, 0), 253)


@pytest.mark.parametrize(
    ("content", "options", "code", "says"),
    [
        ("", (), 2, "empty"),
        ("timestamp,value\n", (), 2, "no reading, only a header: export it again"),
        ("timestamp,value\n2026-01-31 12:00:00,NaN\n", (), 2, "no reading: no line has a value"),
        ("timestamp,value\nnever,1\n", (), 1, "say how it is written"),
        ("timestamp;value\n2026-01-31 12:00:00;21,125\n", (), 1, "say DECIMAL=, for commas before"),
        ("timestamp;value\n2026-01-31 12:00:00;1.5\n", ("--decimal", ","), 1, "DECIMAL=, is for files with commas"),
        ("timestamp,value\n2026-01-31 12:00:00;1\n", (), 1, "wrong_columns"),
        ("timestamp;value\n2026-01-31 12:00:00;1,5\n", (), 1, "DECIMAL"),
        ("timestamp,value\n01/02/2026 12:00,1\n", (), 2, "DAYFIRST"),
        ("timestamp,value\n2026-01-31 12:00:00,1\n", ("--zone", "Mars"), 2, "ZONE"),
        ("timestamp,value\n2026-01-31 12:00:00,1\n", ("--missing=x",), 2, "MISSING"),
        ("timestamp,value\n2026-01-31 12:00:00,1\n", ("--tenant", "other"), 2, "VIA=http"),
        ("timestamp,value\n2026-01-31 12:00:00,1\n", (), 2, "one time only, which shows no interval: say INTERVAL="),
        ("timestamp,value\n" + "2026-01-31 12:00:00,1\n" * 2, ("--via", "http"), 2, "say INTERVAL="),
        ("at,value,x\n2026-01-31,1,2\n", ("--value", "nope"), 2, "has no column nope: say VALUE= and"),
        ("at,v,v\n2026-01-31,1,2\n", ("--value", "v"), 2, "has several columns v: say VALUE= and"),
        ("timestamp,value\n2026-01-31 12:00:00,1\n", ("--zone", "nope"), 2, "There is no time zone 'nope'"),
    ],
)
def test_what_cannot_be_imported_says_why(
    url: str, gateway: Gateway, tmp_path: Path, content: str, options: tuple[str, ...], code: int, says: str
) -> None:
    file = tmp_path / "file.csv"
    file.write_text(content)
    result = run("import", file, "--device", "b-1", "--url", url, *options)
    assert (result.exit_code, says in result.output) == (code, True), result.output
    assert gateway.sent == []


def test_one_reading_is_imported_where_its_interval_is_known(
    imported: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "one.csv"
    file.write_text("timestamp,value\n2026-01-31 12:00:00,1\n")
    assert imported(file, "--interval", "300")["intervalSeconds"] == 300
    file.write_text("timestamp,value\n2026-01-31 12:05:00,1\n")
    assert counts(imported(file)) == (1, 0, 0)


@pytest.mark.parametrize("options", [(), ("--time", "Datum+Uhrzeit"), ("--time", "1+2", "--value", "3")])
def test_dates_and_times_of_day_in_two_columns_are_imported_and_checked(
    imported: Callable[..., dict[str, Any]], url: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    file = tmp_path / "two.csv"
    file.write_text(
        "Datum;Uhrzeit;Wert\n"
        + "".join(f"31.01.2026;{hour:02}.00.00;{hour},5\n" for hour in range(24) if hour not in (7, 8))
    )
    report = imported(file, "--decimal", ",", *options)
    assert (report["timeColumn"], report["valueColumn"]) == ("Datum+Uhrzeit", "Wert")
    assert (counts(report), report["gaps"], report["intervalSeconds"]) == ((22, 0, 0), 1, 3600)
    checked = run("check", file, "--device", "b-1", "--url", url, "--decimal", ",", *options)
    assert (checked.exit_code, "All 45 windows agree" in checked.stdout) == (0, True), checked.output
    half = run("check", file, "--device", "b-1", "--url", url, "--decimal", ",", "--time", "Datum")
    assert (half.exit_code, "say TIME=Datum+Uhrzeit" in half.output) == (2, True), half.output


@pytest.mark.parametrize("device", ["", "boiler 1", "a/b"])
def test_an_id_that_is_not_one_of_a_device_is_refused(url: str, device: str) -> None:
    result = run("import", SAMPLE, "--device", device, "--url", url)
    assert (result.exit_code, "DEVICE=" in result.output) == (2, True)


def test_windows_of_a_device_that_is_not_there_are_not_compared(url: str) -> None:
    result = run("check", SAMPLE, "--device", "nosuch", "--url", url)
    assert (result.exit_code, "no device nosuch" in result.output) == (2, True)


def test_windows_of_a_size_that_is_not_kept_are_not_compared(
    imported: Callable[..., dict[str, Any]], gateway: Gateway, url: str
) -> None:
    def without_minutes(request: Request) -> Response | None:
        return refused(422, "size_not_kept") if request.args.get("size") == "1m" else None

    gateway.faults.append(without_minutes)
    imported(SAMPLE, *AS_SAMPLE)
    checked = run("check", SAMPLE, "--device", "b-1", "--url", url, *AS_SAMPLE)
    assert (checked.exit_code, "Windows of 1m are not kept" in checked.stdout) == (0, True), checked.output
    assert "All 47 windows agree" in checked.stdout


def test_quantiles_are_compared_where_their_error_is_promised(
    imported: Callable[..., dict[str, Any]], url: str, tmp_path: Path
) -> None:
    """Not of values next to the smallest and the largest floats, nor 600 million times closer to zero than others."""
    minutes = [
        ["1e-310", "2e-310", "3e-310"],
        ["1e-5", "1.1e-5", "1.2e-5", "1e6"],
        ["1.775e308", "1.785e308", "1.797e308"],
    ]
    file = tmp_path / "extremes.csv"
    file.write_text(
        "timestamp,value\n"
        + "".join(
            f"2026-01-31 12:0{minute}:0{second},{value}\n"
            for minute, values in enumerate(minutes)
            for second, value in enumerate(values)
        )
    )
    assert counts(imported(file)) == (10, 0, 0)
    checked = run("check", file, "--device", "b-1", "--url", url)
    assert (checked.exit_code, "All 5 windows agree" in checked.stdout) == (0, True), checked.output


def test_an_id_that_the_api_refuses_is_said(url: str) -> None:
    result = run("import", SAMPLE, "--device", "boiler.2026-01", "--url", url)
    assert (result.exit_code, "month" in result.output) == (2, True), result.output


def test_a_file_that_is_not_there_and_an_api_that_is_not_running_are_said(tmp_path: Path) -> None:
    gone = run("import", tmp_path / "none.csv", "--device", "b-1")
    assert (gone.exit_code, "none.csv" in gone.output) == (2, True)
    nothing = run("import", SAMPLE, "--device", "b-1", "--url", f"http://127.0.0.1:{free_port()}")
    assert (nothing.exit_code, "make run" in nothing.output) == (2, True), nothing.output


def test_an_import_that_breaks_off_is_continued_by_the_next(
    imported: Callable[..., dict[str, Any]], gateway: Gateway, url: str
) -> None:
    def broken(request: Request) -> Response | None:
        return refused(403, "forbidden") if gateway.sent and request.path.endswith("/readings") else None

    gateway.faults.append(broken)
    options = ("--device", "b-1", "--url", url, "--via", "http", "--rate", "1000", *AS_SAMPLE)
    result = run("import", SAMPLE, *options)
    assert (result.exit_code, "forbidden" in result.output) == (2, True), result.output
    gateway.faults.clear()
    assert counts(imported(SAMPLE, "--via", "http", *AS_SAMPLE)) == (3, 250, 0)
