"""The files in ``events/telemetry``."""

from __future__ import annotations

from collections.abc import Mapping

from banyan_tools.samples.files import written
from banyan_tools.samples.records import VIEWS_STREAM_ARN, batch, inserted, keys_batch
from banyan_tools.samples.schedules import schedules
from banyan_tools.samples.segments import segments
from telemetry.tools.samples.fleet import fleet
from telemetry.tools.samples.records import ingested
from telemetry.tools.samples.requests import commands, queries


def samples() -> Mapping[str, str]:
    """Content of every file, by its name below ``events/telemetry``."""
    new = [inserted(item) for item in fleet().items()]
    row = {"row": {"S": "devices@1#acme:profile:boiler-1"}, "sort": {"S": "-"}}
    functions = {
        "command_api": commands(),
        "query_api": queries(),
        "ingest": ingested(),
        "projector": {"insert": batch(new), "duplicate": batch([*new[-2:], *new]), **schedules("Projector")},
        "reactor": {"insert": batch(new), **schedules("Reactor")},
        "change_marker": {"rows": keys_batch(VIEWS_STREAM_ARN, [("INSERT", row), ("MODIFY", row)])},
        "reconciler": schedules("Reconciler"),
        "deadlines": schedules("Deadlines"),
        "rebuild_worker": segments("devices"),
    }
    return written(functions, fleet().items())
