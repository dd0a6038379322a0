"""A class of the engine has a name of its own, so that whoever meets it in a log or a search knows which it is."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import banyan

ENGINE = Path(banyan.__file__).parent


def test_no_two_classes_of_the_engine_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for file in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(ENGINE)))
    assert len(places) > 300
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
