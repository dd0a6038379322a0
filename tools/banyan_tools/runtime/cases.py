"""The sample events of the project, ``events/<function>/<case>.json``, and what its tables hold before them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from banyan_tools.local.errors import StackError
from banyan_tools.project import ROOT

EVENTS: Final = ROOT / "events"
SEED: Final = EVENTS / "seed.json"


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


def seed() -> Iterator[tuple[str, Any]]:
    """Logical id of a table and an item, for each item of the seed; nothing where the project has none."""
    tables = json.loads(SEED.read_text()) if SEED.is_file() else {}
    return ((table, _with_binary(item)) for table, items in tables.items() for item in items)


def _with_binary(item: dict[str, Any]) -> dict[str, Any]:
    return {name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in item.items()}
