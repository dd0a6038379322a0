"""The files in ``events/``: a case for each thing that can happen to a function, and what its tables hold before."""

from __future__ import annotations

import json
from collections.abc import Mapping

from orders.tools.samples.orders import sample_items
from orders.tools.samples.records import batches, image, reactions, row_changes
from orders.tools.samples.requests import commands, operations, queries
from orders.tools.samples.schedules import schedules
from orders.tools.samples.segments import segments


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
        "rebuild_worker": segments(),
    }
    named = {f"{function}/{case}.json": event for function, cases in functions.items() for case, event in cases.items()}
    named["seed.json"] = {"EventsTable": [image(item) for item in sample_items()]}
    return {name: json.dumps(content, indent=2) + "\n" for name, content in named.items()}
