"""The fenced code of Markdown pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Snippet:
    """One block of code.

    Parameters
    ----------
    info : str
        What follows the language: ``title="<file>"``, ``run``, ``serve`` or nothing.
    """

    language: str
    info: str
    code: str

    @property
    def file(self) -> str | None:
        """The file it is to be written to."""
        title = _TITLE.search(self.info)
        return title[1] if title else None


def snippets(page: Path) -> list[Snippet]:
    """All blocks of a page, in order."""
    return [Snippet(m["language"], m["info"].strip(), m["code"]) for m in _FENCE.finditer(page.read_text())]


def section(page: Path, heading: str) -> str:
    """The text below a heading, up to the next one of the same level."""
    return page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
