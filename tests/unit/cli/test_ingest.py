"""What is said of refused records that are to be ingested again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.wsgi import serving
from typer.testing import CliRunner
from werkzeug.wrappers import Response

from banyan_tools.cli.app import app

GONE = dict.fromkeys(("code", "reason", "stream", "shard", "sequenceNumber"), "x")


@pytest.mark.parametrize(
    ("options", "records", "gone", "says"),
    [
        (("--code", "nope"), 0, [], "No parked record was found that was refused with the code 'nope'"),
        (("--code", "nope"), 1, [], "On their stream again: 1 record."),
        (("--code", "nope"), 0, [GONE], "On their stream again: 0 records."),
        ((), 0, [], "On their stream again: 0 records."),
    ],
)
def test_a_code_that_no_record_has_is_named(options: tuple[str, ...], records: int, gone: list[Any], says: str) -> None:
    with serving(Response(json.dumps({"records": records, "gone": gone}), content_type="application/json")) as url:
        done = CliRunner().invoke(app, ["--url", url, "ingest", "retry", *options])
    assert (done.exit_code, done.stdout.partition("\n")[0].startswith(says)) == (0, True), done.output
