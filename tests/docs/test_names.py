"""What a page names exists: files, settings with their defaults, and names of the code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from tests.docs.snippets import ROOT, section

from banyan.adapters.settings import Settings

EXAMPLE = ROOT / "layers" / "domains" / "orders"
PATTERN = ROOT / "docs" / "pattern.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
ENGINE = ROOT / "layers" / "banyan" / "banyan"
PAGES = [PATTERN, ARCHITECTURE, *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md"))]
SOURCES = ("layers", "functions", "tools", "bench", "tests")
FILES = ("template.yaml", "observability.yaml", "Makefile")
FOLDERS = ("layers", "functions", "tools", "tests", "bench", "docs", "events", "requirements", ".ci", ".github")
CODE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\.?[\w-]+\.(?:py|md|yaml|yml|toml|json)")
NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
KNOB = re.compile(r"\| `(?P<parameter>[A-Z]\w+)` \| `(?P<default>[^`]+)` \|")


pytestmark = pytest.mark.skipif(not EXAMPLE.exists(), reason="the pages name the example, which was taken out")


def test_every_invariant_is_listed_and_has_a_test() -> None:
    lines = ARCHITECTURE.read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines if re.match(r"\| I\d+ \|", line)] == [
        f"| I{n}" for n in range(1, 14)
    ]
    tested = {found[1] for line in lines if (found := re.match(r"\| (I\d+) .* \|.*`tests/", line))}
    assert tested == {f"I{n}" for n in range(1, 14)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_it_names_are_there(page: Path) -> None:
    paths = [code for code in spans(page) if code.startswith(tuple(f"{folder}/" for folder in FOLDERS))]
    alone = [code for code in spans(page) if FILE.fullmatch(code)]

    assert [path for path in paths if not list(ROOT.glob(path.rstrip("/")))] == []
    assert [file for file in alone if not (ROOT / file).exists() and not list((ROOT / "tests").rglob(file))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_names_it_uses_are_in_the_code(page: Path) -> None:
    names = [code for code in spans(page) if NAME.fullmatch(code) and not FILE.fullmatch(code)]

    assert [name for name in names if not set(name.split(".")) <= words()] == []


def test_the_rooms_of_the_engine_are_those_that_the_page_shows() -> None:
    rooms = re.findall(r"^\| (`.+?`) \| (.*) \|$", section(ARCHITECTURE, "The engine, room by room"), re.MULTILINE)
    shown = {name: CODE.findall(text) for names, text in rooms for name in CODE.findall(names)}
    there = {path.stem for path in ENGINE.iterdir() if path.suffix in ("", ".py")} - {"__init__", "__pycache__"}

    assert sorted(shown) == sorted(there)
    assert [part for parts in shown.values() for part in parts if not found(part)] == []


def test_the_files_that_the_notice_speaks_of_are_there() -> None:
    text = re.sub(r"https?://\S+", "", (ROOT / "NOTICE").read_text())
    paths = re.findall(r"[\w-]+/[\w./-]*\w", text)

    assert "docs/demo.svg" in paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_a_knob_has_the_default_that_the_page_says() -> None:
    knobs = {match["parameter"]: match["default"] for match in KNOB.finditer(PATTERN.read_text())}

    assert len(knobs) > 20
    assert knobs == {parameter: default(parameter) for parameter in knobs}


def found(module: str) -> bool:
    """Whether the engine has a module or a folder of that name."""
    return any(ENGINE.rglob(f"{module}.py")) or any(path.is_dir() for path in ENGINE.rglob(module))


def default(parameter: str) -> str:
    """A setting's default, as its parameter is written."""
    value = Settings.model_fields[re.sub(r"(?<!^)(?=[A-Z])", "_", parameter).lower()].default
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def spans(page: Path) -> list[str]:
    """What stands in backticks outside of blocks of code."""
    return CODE.findall(FENCED.sub("", page.read_text()))


@cache
def words() -> frozenset[str]:
    """Every word of the sources, and the names of their files."""
    found = [ROOT / name for name in FILES]
    found += [
        file for folder in SOURCES for file in (ROOT / folder).rglob("*") if file.suffix in (".py", ".sql", ".mk")
    ]
    return frozenset(word for file in found for word in [file.stem, *re.findall(r"\w+", file.read_text())])
