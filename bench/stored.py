"""Figures that outlive their run, beside the pages that quote them: ``bench/measured/<name>.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from banyan_tools.project import ROOT
from bench.results import Chapter, Figure, Goal

FOLDER: Final = ROOT / "bench" / "measured"


@dataclass(frozen=True)
class Stored:
    """What was measured by one command.

    Parameters
    ----------
    where : str
        When, on what, and with what else to do.
    """

    where: str
    chapters: Sequence[Chapter]

    def value(self, what: str, who: str = "") -> float:
        """The median of a figure. Raises ``KeyError``."""
        found = {(each.what, each.who): each.value for chapter in self.chapters for each in chapter.figures}
        return found[what, who]


def write_stored(name: str, measured: Stored) -> None:
    """Keep what was measured."""
    chapters = [asdict(chapter) for chapter in measured.chapters]
    text = json.dumps({"where": measured.where, "chapters": chapters}, indent=1, ensure_ascii=False)
    FOLDER.mkdir(exist_ok=True)
    _file(name).write_text(f"{text}\n")


def read_stored(name: str) -> Stored:
    """What was kept."""
    found = json.loads(_file(name).read_text())
    return Stored(found["where"], [_chapter(chapter) for chapter in found["chapters"]])


def _file(name: str) -> Path:
    return FOLDER / f"{name}.json"


def _chapter(found: Mapping[str, Any]) -> Chapter:
    return Chapter(**{**found, "figures": [_figure(figure) for figure in found["figures"]]})


def _figure(found: Mapping[str, Any]) -> Figure:
    return Figure(**{**found, "goal": Goal(**found["goal"]) if found["goal"] else None})
