"""The files in ``events/<function>/<case>.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from banyan_tools.local.errors import StackError
from banyan_tools.runtime.samples.records import batches, reactions, row_changes
from banyan_tools.runtime.samples.requests import commands, operations, queries
from banyan_tools.runtime.samples.schedules import schedules
from banyan_tools.runtime.samples.segments import segments

EVENTS = Path(__file__).parents[4] / "events"


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
    return {
        f"{function}/{case}.json": json.dumps(event, indent=2) + "\n"
        for function, cases in functions.items()
        for case, event in cases.items()
    }


def cases() -> list[tuple[str, str]]:
    """Function and case of every file there is."""
    return [(file.parent.name, file.stem) for file in sorted(EVENTS.glob("*/*.json"))]


def read_case(function: str, case: str) -> Any:
    """Return a sample event.

    Raises
    ------
    StackError
        There is no such file.
    """
    file = EVENTS / function / f"{case}.json"
    if not file.is_file():
        known = ", ".join(other for folder, other in cases() if folder == function)
        raise StackError(f"There is no event {file.parent.name}/{file.name}: choose one of {known or 'none'}.")
    return json.loads(file.read_text())
