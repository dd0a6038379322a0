"""What a project can begin with: the beginner's domain, or an example of the repository that says how it begins.

An example is copied from where it stands, with its unit tests and sample events. Of ``tools`` in its package a project
gets two files: ``new.md``, a part of its README, and ``cost.toml``, the load that it reckons with. The build of the
distribution loads this module too, so it needs nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

TASKS: Final = "tasks"
"""The beginner's domain."""
DOMAINS: Final = Path("layers") / "domains"
README: Final = Path("tools") / "new.md"
COST: Final = Path("tools") / "cost.toml"
OF_TESTS: Final = ("conftest.py", "unit")
IMPORTED: Final = re.compile(r"^(?:from|import) (tests\.[\w.]+)", re.MULTILINE)


def examples(root: Path) -> Sequence[str]:
    """The examples of a repository, or of what the distribution carries of it, that a project can begin with."""
    return sorted(file.parents[1].name for file in (root / DOMAINS).glob(f"*/{README}"))


def readme(name: str) -> Path:
    """What an example says in the project's README."""
    return DOMAINS / name / README


def cost_profile(name: str) -> Path:
    """What `banyan cost` reckons with for an example."""
    return DOMAINS / name / COST


def files(root: Path, name: str) -> Sequence[Path]:
    """The files of an example that a project gets, from the root of the repository; each stands there once.

    Its tools stay behind, as they are never deployed, and so do tests of them.
    """
    package, events = DOMAINS / name, Path("events") / name
    deployed = [path for path in _below(root, package) if path.parts[len(package.parts)] != "tools"]
    return [*deployed, *_tests(root, name), *_below(root, events)]


def placed(path: Path, name: str, domain: str) -> Path:
    """Where a file of an example goes in the project of a domain."""
    if path.parts[:2] == ("events", name):
        return Path("events", *path.parts[2:])
    own = DOMAINS / name, Path("tests") / name
    return next((folder.parent / domain / path.relative_to(folder) for folder in own if folder in path.parents), path)


def renamed(text: str, name: str, domain: str) -> str:
    """A file of an example with its package, its name and its scopes those of another domain; prose stays as it is."""
    module = rf"(?<=tests\.){name}(?=\.)|(?<![\w./-]){name}(?=[./]\w)|(?<=from ){name}(?= import)|(?<=^import ){name}$"
    return re.sub(rf"{module}|(?<=\"){name}(?=\")", domain, text, flags=re.MULTILINE)


def _below(root: Path, path: Path) -> Iterator[Path]:
    """A file, or those in a folder."""
    found = [root / path] if (root / path).is_file() else sorted((root / path).rglob("*"))
    return (each.relative_to(root) for each in found if each.is_file() and "__pycache__" not in each.parts)


def _tests(root: Path, name: str) -> Sequence[Path]:
    """Tests without those that need the example's tools, and all that they import of the repository's other tests."""
    of_tools = re.compile(rf"^(?:from|import) {name}\.tools\b", re.MULTILINE)
    found: dict[Path, None] = {}
    for path in (each for part in OF_TESTS for each in _below(root, Path("tests") / name / part)):
        needed = _needed(root, path)
        if not any(of_tools.search((root / each).read_text()) for each in needed):
            found |= dict.fromkeys(needed)
    return [*found]


def _needed(root: Path, path: Path) -> Sequence[Path]:
    """A file, and what it imports of ``tests``, directly or not."""
    found = [path]
    for each in found:
        imported = IMPORTED.findall((root / each).read_text()) if each.suffix == ".py" else []
        modules = (Path(*module.split(".")).with_suffix(".py") for module in imported)
        found += [module for module in dict.fromkeys(modules) if (root / module).is_file() and module not in found]
    return found
