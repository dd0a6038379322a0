"""The libraries that the console serves are those that are pinned, and ask no other host for anything."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from banyan_tools.project import ROOT

PACKAGES = ROOT / "tools" / "console" / "node_modules"
VENDOR = ROOT / "layers/banyan/banyan/entrypoints/console/page/vendor"
LIBRARIES = sorted(VENDOR.glob("*.js"))
REQUIRE = "BANYAN_REQUIRE_CHROMIUM"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_copying_them_again_changes_nothing(tmp_path: Path) -> None:
    if not PACKAGES.exists() and os.environ.get(REQUIRE) != "1":
        pytest.skip("tools/console/node_modules is absent: make console-packages installs it")
    (tmp_path / "left-over.js").touch()
    command = [sys.executable, "tools/console/vendor.py", "--to", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)

    assert contents(tmp_path) == contents(VENDOR)


def test_they_are_of_the_versions_that_are_pinned() -> None:
    pinned = json.loads((ROOT / "tools/console/package.json").read_text())["dependencies"]
    rows = re.findall(r"^\| (\S+) \| (\d\S+) \|", (VENDOR / "README.md").read_text(), re.MULTILINE)
    assert dict(rows) == pinned


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.name)
def test_a_library_imports_its_neighbours_only(library: Path) -> None:
    code = library.read_text()
    imported = re.findall(r'(?:\bfrom|\bimport)\s*"([^"]+)"', code)

    assert all((VENDOR / name).exists() and name.startswith("./") for name in imported)
    assert "sourceMappingURL" not in code
    assert not re.search(r"\beval\(|\bnew Function\(", code)


def test_each_package_has_its_licence_beside_it() -> None:
    assert {file.stem.removesuffix("-license") for file in VENDOR.glob("*-license.txt")} == {"htm", "preact", "uplot"}
