"""Writes what was measured into ``docs/performance.md``, between two markers; the rest of the page stays."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from banyan_tools.project import ROOT
from bench.brief import brief
from bench.contestants import PEER_ENTRIES
from bench.results import Chapter, Figure

PAGE: Final = ROOT / "docs" / "performance.md"
README: Final = ROOT / "README.md"
CHART: Final = ROOT / "docs" / "performance.svg"
STANDS_IN_THE_WAY: Final = "What stands in the way"
BEGIN: Final = "<!-- measured: `make bench` writes what follows -->"
END: Final = "<!-- measured -->"


def written(page: str, measured: str, begin: str = BEGIN, end: str = END) -> str:
    """A page with what is between its markers replaced.

    Raises
    ------
    ValueError
        When a marker is missing.
    """
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError("the page has lost a marker")
    return f"{before}{begin}\n\n{measured.strip()}\n\n{end}{after}"


def write(chapters: Sequence[Chapter], where: str) -> None:
    """Put figures into the page, and the few that a newcomer asks for into the readme."""
    PAGE.write_text(written(PAGE.read_text(), markdown(chapters, where)))
    README.write_text(written(README.read_text(), brief(chapters)))


def markdown(chapters: Sequence[Chapter], where: str) -> str:
    """All figures as tables, each with its goal and whether it was met."""
    return "\n".join([where, "", *(line for chapter in chapters for line in _chapter(chapter))])


def machine(day: str, load: float) -> str:
    """When, on what, with what else to do (the load average before the run), and with which versions."""
    installed = [f"{entry.folder.name} {entry.version}" for entry in PEER_ENTRIES if entry.installed]
    names = ("boto3", "botocore", "orjson", "pydantic")
    libraries = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)]
    return (
        f"Measured on {day}, on {os.cpu_count()} cores ({processor()}) with a load average of {load:.2f} "
        f"before the run, and {', '.join(libraries)}. "
        f"Peers: {', '.join(installed) or 'none'}."
    )


def processor() -> str:
    """The processor's name, where the system says it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, f"{platform.machine()}, {sys.platform}")


def _chapter(chapter: Chapter) -> Iterator[str]:
    yield f"### {chapter.title}\n"
    if chapter.sizes:
        yield f"{chapter.sizes.capitalize()}.\n"
    yield from (f"Left out: {reason}.\n" for reason in chapter.left_out)
    if chapter.alone:
        yield "| what | measured | goal | |\n|---|---|---|---|"
        yield from (f"| {each.what} | {each.measured} | {each.goal or ''} | {remark(each)} |" for each in chapter.alone)
        yield ""
    if chapter.names:
        yield f"| | {' | '.join(chapter.names)} |\n|---|{'---|' * len(chapter.names)}"
        yield from (f"| {what} | {' | '.join(cells)} |" for what, cells in chapter.side_by_side())
        yield ""


def remark(figure: Figure) -> str:
    """The verdict, and what a reader has to know."""
    verdict = "**missed**" if figure.verdict == "missed" else figure.verdict
    verdict += "" if figure.steady else " (not in every round)"
    return "; ".join(part for part in (verdict, figure.note) if part)
