"""`banyan cost`: units, dollars and limits of a profile, and what is said of one that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from banyan_tools.cli.app import app
from banyan_tools.cost.page import PAGE, profiles, row
from banyan_tools.cost.units import RECONCILED

SMALL = """
title = "a counter"
domain = "counter"

[commands]
per_second = 1.0
peak_per_second = 50.0

[[commits]]
name = "counted"
per_command = 1.0
bytes = 1025

[[rows]]
projection = "counters"
commits = 1.0
bytes = 300
entries = 2.0
kept = 1.0

[published]
per_command = 1.0
bytes = 70_000
"""
INGEST = """
[ingest]
records_per_second = 100.0
peak_records_per_second = 1500.0
bytes = 600
readings_per_record = 10.0
shards = 1
"""
MONTH = 365.25 / 12 * 86_400


def run(tmp_path: Path, text: str, *options: str) -> Result:
    """Ask for the cost of a profile."""
    file = tmp_path / "cost.toml"
    file.write_text(text)
    return CliRunner().invoke(app, ["cost", "--profile", str(file), *options])


def asked(tmp_path: Path, text: str) -> Any:
    """The answer as JSON."""
    result = run(tmp_path, text, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def asked_of(found: Any) -> dict[str, float]:
    """What the busiest seconds ask of each limit."""
    return {each["what"]: each["asked"] for each in found["limits"]}


def test_units_follow_from_sizes_and_counts(tmp_path: Path) -> None:
    found = asked(tmp_path, SMALL)
    assert {name: (each["write"], each["read"]) for name, each in found["unitsPerCommand"].items()} == {
        "append": (2, 1),
        "log index": (1, 0),
        "rows": (1, 1),
        "lookups": (2, 0),
        "cursors": (1, 1),
        "traces": (1, 0),
        "idempotency": (0, 0),
        "deadlines": (0, 0),
        "snapshots": (0, 0),
        "reconciliation": (1, 0),
    }
    assert (found["writeUnitsPerCommand"], found["readUnitsPerCommand"]) == (9, 3)


def test_a_commit_that_is_split_is_paid_as_a_transaction(tmp_path: Path) -> None:
    whole, split = (asked(tmp_path, SMALL.replace("bytes = 1025", f"bytes = {size}")) for size in (400_000, 500_000))
    assert [each["unitsPerCommand"]["append"]["write"] for each in (whole, split)] == [391, 2 * 489]
    assert [each["unitsPerCommand"]["log index"]["write"] for each in (whole, split)] == [1, 2]


@pytest.mark.parametrize(
    ("kind", "rows", "units", "cursors"),
    [
        ('kind = "shared"\nrows = 1.0', (2, 0), 3, "both in one transaction"),
        ('kind = "shared"\nrows = 0.0', (0, 0), 2, "the cursor alone"),
        ('kind = "owned"\nrows = 3.0\nrows_read = 1.0\ncarried_bytes = 1500', (10, 2), 1, "its state and its rows"),
        ('kind = "owned"\nrows = 0.0\ncarried_bytes = 1500', (2, 1), 1, "its state alone"),
    ],
)
def test_each_kind_of_row_has_a_price_of_its_own(
    tmp_path: Path, kind: str, rows: tuple[float, float], units: float, cursors: str
) -> None:
    found = asked(tmp_path, SMALL.replace('projection = "counters"', f'projection = "counters"\n{kind}'))[
        "unitsPerCommand"
    ]
    assert (found["rows"]["write"], found["rows"]["read"]) == rows, cursors
    assert found["cursors"]["write"] == units


def test_dollars_are_units_at_their_prices(tmp_path: Path) -> None:
    found = asked(tmp_path, SMALL + "[prices]\nwrite_units = 2.0\nentries = 5.0\n")
    dollars = found["dollarsPerMonth"]
    assert dollars["DynamoDB writes"] == pytest.approx(9 * MONTH / 1e6 * 2.0, abs=0.05)
    assert dollars["EventBridge"] == pytest.approx(2 * MONTH / 1e6 * 5.0, abs=0.05)
    assert found["totalPerMonth"] == pytest.approx(sum(dollars.values()), abs=0.1)
    assert "as of 2026-11-26, to be checked" in found["assumed"]
    assert "nothing was measured on AWS" in found["assumed"]


def test_what_is_switched_off_is_not_paid_for(tmp_path: Path) -> None:
    whole = asked(tmp_path, SMALL)
    quiet = asked(tmp_path, SMALL + '[parameters]\nReactions = "off"\nTraces = "off"\nAlarms = "off"\n')
    assert whole["writeUnitsPerCommand"] - quiet["writeUnitsPerCommand"] == 2
    assert "EventBridge" not in quiet["dollarsPerMonth"]
    assert not [line for line in quiet["lines"] if line["what"] in ("reactor", "deadlines", "alarms", "dashboard")]
    assert "event bus" in asked_of(whole)
    assert "event bus" not in asked_of(quiet)


def test_the_first_limit_is_named_with_what_moves_it(tmp_path: Path) -> None:
    assert asked(tmp_path, SMALL)["limits"][0]["raisedBy"] == "ThrottleRate"
    raised = SMALL.replace("peak_per_second = 50.0", "peak_per_second = 9000.0")
    warm = "[limits]\nnew_table_write_units = 40_000\nconcurrency = 5_000\n[parameters]\nThrottleRate = 100_000\n"
    found = asked(tmp_path, raised + warm)
    assert (found["limits"][0]["what"], found["limits"][0]["used"]) == ("log index", 1.125)
    more = asked(tmp_path, raised + warm + "LogBuckets = 64\n")
    assert more["limits"][0]["what"] == "event bus"
    shown = run(tmp_path, raised).output
    assert "The load does not fit; to raise it: ThrottleRate." in " ".join(shown.split())


def test_every_function_that_a_load_keeps_busy_counts_among_those_at_once(tmp_path: Path) -> None:
    ingested = SMALL.replace("peak_per_second = 50.0", "peak_per_second = 6000.0\nover_http = 0.0")
    running = (
        INGEST + "[limits]\nnew_table_write_units = 90_000\n[functions]\ncommands_per_ingest = 10.0\nlog_bytes = 0\n"
    )
    found = asked(tmp_path, ingested + running)
    ingest, projector, reactor, marker, deadlines = 6000 / 10 * 60, 6000 * 40, 6000 * 50, 50 / 10, 50 / 60
    at_once = (ingest + projector + reactor + marker + deadlines) / 1000
    assert asked_of(found)["Lambda"] == pytest.approx(at_once, abs=0.001)
    quiet = asked(tmp_path, ingested + running + '[parameters]\nReactions = "off"\n')
    assert asked_of(quiet)["Lambda"] == pytest.approx((ingest + projector + marker) / 1000, abs=0.001)


@pytest.mark.parametrize(
    ("rows", "units"),
    [
        ("", 2),
        ('[[rows]]\nprojection = "b"\nkind = "shared"\ncommits = 3.0\nrows = 0.0\nbytes = 100\n', 4),
        ('[[rows]]\nprojection = "b"\ncommits = 1.0\nentries = 4.0\nbytes = 100\n', 6),
    ],
    ids=["the event table", "cursors", "lookups"],
)
def test_the_busiest_table_or_index_meets_the_limit_of_a_table(tmp_path: Path, rows: str, units: int) -> None:
    assert asked_of(asked(tmp_path, SMALL + rows))["a table"] == 50 * units


def test_a_hot_row_is_as_large_as_those_that_streams_share(tmp_path: Path) -> None:
    shared = '[[rows]]\nprojection = "b"\nkind = "shared"\ncommits = 1.0\nbytes = 2500\n'
    found = asked(tmp_path, SMALL + shared + "[limits]\nhottest_row = 10.0\n")
    assert asked_of(found)["one row"] == 10 * 2 * 3


@pytest.mark.parametrize("rate", ["0.0", "0.0001"])
def test_a_load_of_next_to_nothing_is_far_from_every_limit(tmp_path: Path, rate: str) -> None:
    text = SMALL.replace("peak_per_second = 50.0", f"peak_per_second = {rate}").replace(
        "per_second = 1.0", f"per_second = {rate}"
    )
    result = run(tmp_path, text)
    assert result.exit_code == 0, result.output
    assert "The load fits more than 1,000 times over" in " ".join(result.output.split())
    assert (asked(tmp_path, text)["perMillionCommands"] is None) == (rate == "0.0")


def test_a_stream_of_records_is_paid_by_shards_and_meets_theirs(tmp_path: Path) -> None:
    found = asked(tmp_path, SMALL.replace("peak_per_second = 50.0", "peak_per_second = 50.0\nover_http = 0.0") + INGEST)
    assert "API Gateway" not in found["dollarsPerMonth"]
    assert found["dollarsPerMonth"]["Kinesis"] == pytest.approx(
        MONTH / 3600 * 0.015 + 100 * MONTH / 1e6 * 0.014, abs=0.02
    )
    assert found["perMillionReadings"] == pytest.approx(found["totalPerMonth"] / (1000 * MONTH) * 1e6, rel=0.01)
    assert (found["limits"][0]["what"], found["limits"][0]["used"]) == ("Kinesis, records", 1.5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = ", "is not TOML"),
        ("title = " + 5000 * "[", "is not TOML: it is nested too deeply"),
        ("title = 'x'", "commands: Field required"),
        (SMALL.replace("bytes = 1025", "bytes = 5_000_000"), "commits.0.bytes: Input should be less than or equal to"),
        (SMALL.replace("bytes = 300", "bytes = 410_000"), "rows.0.bytes: Input should be less than or equal to"),
        (SMALL + "[shards]\n", "shards: Extra inputs are not permitted"),
        (SMALL.replace("bytes = 1025", "bytes = 0"), "commits.0.bytes: Input should be greater than 0"),
        (
            SMALL.replace("per_second = 1.0", "per_second = nan", 1),
            "commands.per_second: Input should be a finite number",
        ),
        (
            SMALL.replace("peak_per_second = 50.0\n", ""),
            "commands: peak_per_second is at least per_second",
        ),
        (
            SMALL + INGEST.replace("1500.0", "15.0"),
            "ingest: peak_records_per_second is at least records_per_second",
        ),
        (SMALL + "[ingest]\nrecords_per_second = 1.0\n", "ingest: records need at least one shard"),
        (
            SMALL + "[ingest]\npeak_records_per_second = 1.0\n",
            "ingest: records need at least one shard",
        ),
        (SMALL + "[prices]\nstorage = inf\n", "prices.storage: Input should be a finite number"),
        (SMALL + "[prices]\nstorage = 1e300\n", "prices.storage: a figure is at most 1e12"),
        (SMALL + "[storage]\nmonths = 1e300\n", "storage.months: a figure is at most 1e12"),
        (SMALL + "[limits]\nhottest_row = 1e300\n", "limits.hottest_row: a figure is at most 1e12"),
        (
            SMALL.replace("bytes = 70_000", f"bytes = 1{400 * '0'}"),
            "published.bytes: a figure is at most 1e12",
        ),
        (SMALL + "[parameters]\nLogBuckets = true\n", "parameters.LogBuckets"),
        (SMALL.replace("bytes = 1025", "bytes = true"), "commits.0.bytes: Input should be a valid integer"),
        (SMALL.replace("bytes = 1025", 'bytes = "1025"'), "commits.0.bytes: Input should be a valid integer"),
        (SMALL.replace("entries = 2.0", 'entries = "2"'), "rows.0.entries: Input should be a valid number"),
        (
            SMALL.replace("peak_per_second = 50.0", "peak_per_second = 50.0\nover_http = 0.5"),
            "commands that do not come over HTTP (over_http below 1) need an [ingest] with records",
        ),
        (SMALL.replace("entries = 2.0", 'kind = "owned"'), "rows.0: owned rows need carried_bytes"),
        (SMALL + '[parameters]\nTrace = "off"\n', "The template has no parameter 'Trace'"),
        (SMALL + '[parameters]\nTraces = "no"\n', "The parameter Traces may not be 'no'"),
    ],
)
def test_a_profile_that_is_wrong_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    result = run(tmp_path, text)
    assert result.exit_code == 1
    assert told in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_a_profile_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert asked(tmp_path, "\ufeff" + SMALL) == asked(tmp_path, SMALL)


@pytest.mark.parametrize("path", profiles(), ids=lambda path: path.parts[-3])
def test_the_page_shows_what_the_profiles_come_to(path: Path) -> None:
    assert row(path) in PAGE.read_text().splitlines(), "run `make cost`"


def test_the_page_says_what_the_model_reckons_for_a_row_between_two_reconciliations() -> None:
    assert f"about {RECONCILED.write:g} write and {RECONCILED.read:g} read units more" in PAGE.read_text()
