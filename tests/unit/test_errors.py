"""The hierarchy that `banyan.errors` draws is the hierarchy that is raised."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module

import banyan
from banyan import errors
from banyan.errors import BanyanError

INDENT = 4
BRANCH = re.compile(r"^    (?P<branches>[│├└─ ]*)(?P<name>[A-Z]\w+)", re.M)


def drawn() -> Iterator[tuple[str, str]]:
    """Every class of the drawing, behind its parent."""
    path: list[str] = []
    for line in BRANCH.finditer(errors.__doc__ or ""):
        path[len(line["branches"]) // INDENT :] = [line["name"]]
        yield from zip(path[-2:-1], path[-1:], strict=False)


def defined(parent: type[BanyanError]) -> Iterator[tuple[str, str]]:
    """Every class of the engine, behind its parent."""
    for kind in parent.__subclasses__():
        if kind.__module__.partition(".")[0] == banyan.__name__:
            yield parent.__name__, kind.__name__
            yield from defined(kind)


def test_the_drawn_hierarchy_is_that_of_the_classes() -> None:
    for module in pkgutil.walk_packages(banyan.__path__, "banyan."):
        import_module(module.name)

    assert sorted(drawn()) == sorted(defined(BanyanError))
