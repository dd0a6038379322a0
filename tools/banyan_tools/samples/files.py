"""The files of sample events: a case for each thing that can happen to a function, and what its tables hold before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from banyan.store.items import Item
from banyan_tools.runtime.cases import SEED
from banyan_tools.samples.records import image


def written(functions: Mapping[str, Mapping[str, Any]], items: Iterable[Item]) -> Mapping[str, str]:
    """Content of every file, by its name below the folder of a domain's events.

    Parameters
    ----------
    functions : Mapping[str, Mapping[str, Any]]
        Events by function and case.
    items : Iterable[Item]
        Of the event table.
    """
    named = {f"{function}/{case}.json": event for function, cases in functions.items() for case, event in cases.items()}
    named[SEED] = {"EventsTable": [image(item) for item in items]}
    return {name: json.dumps(content, indent=2) + "\n" for name, content in named.items()}


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write every file below a folder."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
