"""The parts of the engine that bugs are planted in, and the tests that must notice them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from banyan_tools.contracts import DOMAINS, domains

ENGINE = "layers/banyan/banyan/"


@dataclass(frozen=True, slots=True)
class Room:
    """Part of the engine.

    Parameters
    ----------
    sources : Sequence[str]
        Files and folders under ``layers/banyan/banyan``.
    tests : Sequence[str]
        Files and folders under ``tests``, quickest first: the first failure ends a run. Those of a domain have the same
        names under ``tests/<domain>``.
    """

    sources: Sequence[str]
    tests: Sequence[str]

    def files(self, tree: Path) -> list[Path]:
        """The modules of this room, relative to the tree."""
        places = [tree / ENGINE / source for source in self.sources]
        found = [file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])]
        return sorted(file.relative_to(tree) for file in found)

    def chosen(self, tree: Path) -> list[str]:
        """Its tests, and below them those of the domains, as far as they are there."""
        folders = [tree / "tests", *(tree / "tests" / domain for domain in domains(tree / DOMAINS))]
        found = [folder / test for test in self.tests for folder in folders]
        return [str(path.relative_to(tree / "tests")) for path in found if path.exists()]


def _tests(folder: str, names: str) -> list[str]:
    return [f"{folder}/test_{name}.py" for name in names.split()]


ROOMS = {
    "store": Room(
        ["store", "commands"],
        [
            *_tests("unit", "chain items memory_store reading recording snapshots collisions commands"),
            *_tests("contract", "event_store damage log"),
            *_tests("integration", "lost_ack capacity faults snapshots"),
        ],
    ),
    "projections": Room(
        ["projections"],
        [
            *("unit/projections", "unit/rebuild"),
            *_tests("contract", "catchup projection_states builds generation_rows views"),
            *_tests("integration", "projector rebuild"),
        ],
    ),
    "reactions": Room(
        ["reactions", "deadlines"],
        ["unit/reactions", "unit/deadlines", "contract/test_deadlines.py", *_tests("integration", "deadlines reactor")],
    ),
    "reconciliation": Room(
        ["reconciliation"],
        ["unit/reconciliation", *_tests("contract", "documents reconciliation")],
    ),
    "migration": Room(
        ["migration"],
        ["unit/migration", "unit/legacy", "contract/test_legacy.py", "integration/migration"],
    ),
}
