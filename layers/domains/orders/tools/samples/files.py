"""The files in ``events/``: a case for each thing that can happen to a function, and what its tables hold before."""

from __future__ import annotations

from collections.abc import Mapping

from banyan_tools.samples.files import written
from banyan_tools.samples.schedules import schedules
from banyan_tools.samples.segments import segments
from orders.tools.samples.orders import sample_items
from orders.tools.samples.records import batches, reactions, row_changes
from orders.tools.samples.requests import commands, operations, queries


def samples() -> Mapping[str, str]:
    """Content of every file, by its name below ``events/``."""
    functions = {
        "command_api": commands(),
        "query_api": queries(),
        "console": operations(),
        "projector": {**batches(), **schedules("Projector")},
        "reactor": {**reactions(), **schedules("Reactor")},
        "change_marker": row_changes(),
        "reconciler": schedules("Reconciler"),
        "deadlines": schedules("Deadlines"),
        "migration_controller": schedules("MigrationController"),
        "rebuild_worker": segments("order"),
    }
    return written(functions, sample_items())
