"""The sample events of a domain, and what its tables hold before them.

They are ``events/<function>/<case>.json`` and ``events/seed.json``; a domain beside the template's own has a folder
there, ``events/<domain>``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from banyan_tools.local.errors import StackError
from banyan_tools.project import ROOT

EVENTS: Final = ROOT / "events"
SEED: Final = "seed.json"


def events_of(domain: str = "") -> Path:
    """The folder of a domain's events: its own, or the project's where it has none."""
    own = EVENTS / domain
    return own if own.is_dir() else EVENTS


def cases(domain: str = "") -> list[tuple[str, str]]:
    """Function and case of every file there is."""
    return [(file.parent.name, file.stem) for file in sorted(events_of(domain).glob("*/*.json")) if file.name != SEED]


def read_case(function: str, case: str, domain: str = "") -> Any:
    """Return a sample event.

    Raises
    ------
    StackError
        There is no such file.
    """
    file = events_of(domain) / function / f"{case}.json"
    if not file.is_file():
        known = ", ".join(other for folder, other in cases(domain) if folder == function)
        raise StackError(f"There is no event {file.parent.name}/{file.name}: choose one of {known or 'none'}.")
    return json.loads(file.read_text())


def seed(domain: str = "") -> Iterator[tuple[str, Any]]:
    """Logical id of a table and an item, for each item of the seed; nothing where there is none."""
    file = events_of(domain) / SEED
    tables = json.loads(file.read_text()) if file.is_file() else {}
    return ((table, _with_binary(item)) for table, items in tables.items() for item in items)


def _with_binary(item: dict[str, Any]) -> dict[str, Any]:
    return {name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in item.items()}
