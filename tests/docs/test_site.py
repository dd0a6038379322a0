"""The documentation is a site: every page is on it, with the public names, and nothing in it comes from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs.snippets import ROOT
from tests.support.clocks import PATIENCE

MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"
BUILT = "BANYAN_SITE"
"""Where the site is that was built a moment ago."""
DOCS = ROOT / "docs"
LOADED = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as ``make docs`` built it or else built likewise: a warning fails the build."""
    if built := os.environ.get(BUILT):
        return Path(built)
    if not MKDOCS.exists():
        pytest.skip("`make docs` installs what builds the site")
    folder = tmp_path_factory.mktemp("site")
    command = [str(MKDOCS), "build", "--quiet", "--site-dir", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_every_guide_has_its_place_in_the_navigation() -> None:
    pages = [str(page.relative_to(DOCS)) for page in sorted(DOCS.rglob("*.md")) if not page.name.startswith("0")]
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]

    assert sorted(listed(navigation)) == pages


def test_the_first_page_lists_every_page_of_the_navigation() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    linked = re.findall(r"\]\(([\w/-]+\.md)\)", (DOCS / "index.md").read_text())

    assert sorted(linked) == sorted({*listed(navigation)} - {"index.md"})


def test_every_decision_is_on_the_site(site: Path) -> None:
    decisions = [page.stem for page in DOCS.glob("adr/0*.md")]
    overview = (site / "adr" / "index.html").read_text()

    assert decisions
    assert [name for name in decisions if f'href="{name}/"' not in overview] == []


@pytest.mark.parametrize("name", ["banyan", "banyan.http", "banyan.testing"])
def test_the_reference_has_every_public_name(site: Path, name: str) -> None:
    module = import_module(name)
    own = [public for public in module.__all__ if getattr(module, public).__module__.startswith("banyan")]
    page = (site / "reference" / name.rpartition(".")[2] / "index.html").read_text()

    assert own
    assert [public for public in own if f'id="{name}.{public}"' not in page] == []


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    found = {url for page in pages for url in LOADED.findall(page.read_text())}
    drawn = [page for page in pages if 'class="mermaid"' in page.read_text()]

    assert pages
    assert found == set()
    assert drawn == [], "the theme draws these with a script that it fetches from elsewhere"


def test_code_is_shown_as_code(site: Path) -> None:
    """A fence with words that the site does not know would be shown as text."""
    assert [page for page in sorted(site.rglob("*.html")) if "```" in page.read_text()] == []


def test_the_search_knows_the_guides_and_the_reference(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text()

    assert '"location":"reconciliation/' in index
    assert '"location":"reference/testing/' in index


def listed(entries: Any) -> list[str]:
    """The pages of a navigation, whatever sections they stand in."""
    if isinstance(entries, str):
        return [entries]
    return [page for entry in (entries.values() if isinstance(entries, dict) else entries) for page in listed(entry)]
