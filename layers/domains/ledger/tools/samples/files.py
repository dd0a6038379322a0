"""The files in ``events/ledger``."""

from __future__ import annotations

from collections.abc import Mapping

from banyan_tools.samples.files import written
from banyan_tools.samples.records import VIEWS_STREAM_ARN, batch, inserted, keys_batch
from banyan_tools.samples.schedules import schedules
from banyan_tools.samples.segments import segments
from ledger.tools.samples.book import book
from ledger.tools.samples.requests import commands, queries


def samples() -> Mapping[str, str]:
    """Content of every file, by its name below ``events/ledger``."""
    new = [inserted(item) for item in book().items()]
    row = {"row": {"S": "accounts@1#acme:account:cash"}, "sort": {"S": "-"}}
    functions = {
        "command_api": commands(),
        "query_api": queries(),
        "projector": {"insert": batch(new), "duplicate": batch([*new[-2:], *new]), **schedules("Projector")},
        "reactor": {"insert": batch(new), **schedules("Reactor")},
        "change_marker": {"rows": keys_batch(VIEWS_STREAM_ARN, [("INSERT", row), ("MODIFY", row)])},
        "reconciler": schedules("Reconciler"),
        "deadlines": schedules("Deadlines"),
        "rebuild_worker": segments("accounts"),
    }
    return written(functions, book().items())
