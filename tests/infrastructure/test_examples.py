"""The domains in ``layers/domains`` are examples: without them, and their tests, everything else still works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.infrastructure.conftest import INGESTING

from banyan_tools.contracts import domains
from banyan_tools.project import ROOT

COPIED = ("docs", "events", "functions", "layers", "tests", "tools", "bench", "requirements")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules")
FAST = (
    "tests/docs/test_docs.py::test_a_runnable_snippet_runs",
    "tests/unit/test_domain.py",
    "tests/unit/test_import_contracts.py",
    "tests/unit/test_public_names.py",
    "tests/unit/mutants",
    "tests/unit/reactions",
    "tests/unit/testing",
    "tests/infrastructure/test_settings.py",
    "tests/infrastructure/test_functions.py",
    "tests/infrastructure/test_openapi.py",
    "tests/unit/new/test_starts.py",
)
IMPORT = re.compile(r"^\s*(?:from|import) (?:tests\.)?(\w+)", re.MULTILINE)
BEGINNERS = "banyan_tools.new.domain"
PATIENCE = 400
"""Seconds for one command, of which the longest takes 20 where nothing else is at work."""

pytestmark = [pytest.mark.xdist_group("without the examples"), pytest.mark.timeout(4 * PATIENCE)]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project without its examples, one of which has left its tests behind."""
    root = tmp_path_factory.mktemp("bare")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=LEFT_OUT, symlinks=True)
    for file in filter(Path.is_file, ROOT.iterdir()):
        shutil.copy(file, root / file.name)
    for example in domains(root / "layers" / "domains"):
        shutil.rmtree(root / "layers" / "domains" / example)
        shutil.rmtree(root / "tests" / example)
    (root / "tests" / "gone").mkdir()
    (root / "tests" / "gone" / "conftest.py").write_text("import gone")
    return root


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(str(root / each) for each in ("layers/banyan", "layers/domains", "tools", "."))
    environ = os.environ | {"PYTHONPATH": paths}
    try:
        return subprocess.run(
            command, cwd=root, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as expired:
        printed = b"".join(filter(None, (expired.stdout, expired.stderr))).decode(errors="replace")
        pytest.fail(f"{expired}; it had printed:\n{printed[-5000:]}")


def python(root: Path, *arguments: str) -> str:
    """What Python prints in the project; it must succeed."""
    done = run(root, sys.executable, *arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def failing(root: Path, *arguments: str) -> str:
    """What Python complains of in the project; it must fail."""
    done = run(root, sys.executable, *arguments)
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stderr


def make(root: Path, *arguments: str) -> str:
    """What make prints in the project, whose environment is taken for installed."""
    done = run(root, "make", "-o", ".venv/bin/.installed", *arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_without_the_examples_every_other_test_is_found(bare: Path) -> None:
    collecting = ("tests", "--collect-only", "--assert=plain", "-q", "-v", "-p", "no:cacheprovider")
    collected = python(bare, "-m", "pytest", *collecting)
    assert "tests/gone is left out: there is no layers/domains/gone" in collected


@pytest.mark.slow
def test_without_the_examples_the_fast_ones_pass(bare: Path) -> None:
    assert " passed" in python(bare, "-m", "pytest", "-v", "-p", "no:cacheprovider", *FAST)


@pytest.mark.slow
def test_the_checks_leave_out_tests_that_outlive_their_example(bare: Path) -> None:
    planned = make(bare, "-n", "lint", "types")
    assert "ruff check --extend-exclude tests/gone ." in planned
    assert "mypy layers/banyan functions tools bench tests --exclude tests/gone" in planned


@pytest.mark.slow
def test_without_the_examples_make_says_what_is_missing(bare: Path) -> None:
    assert "There is no domain in layers/domains." in make(bare, "test-domain")
    asked = "served(SimpleNamespace(all=[SimpleNamespace(variables={'BANYAN_DOMAIN': 'loans'})]))"
    code = f"from types import SimpleNamespace; from banyan_tools.local.domain import served; {asked}"
    assert "no domain 'loans' in layers/domains, nor any other: add one, and choose it" in failing(bare, "-c", code)


@pytest.mark.slow
def test_without_the_examples_the_contracts_hold(bare: Path) -> None:
    assert " 0 broken." in python(bare, "-m", "banyan_tools.contracts", "--no-cache")


@pytest.mark.slow
def test_without_the_examples_the_template_loads_and_another_domain_is_described(bare: Path) -> None:
    loaded = f"load_template(**{INGESTING}).resources('AWS::Lambda::Function')"
    template = f"from banyan_tools.runtime.sandbox import load_template; print(len({loaded}))"
    assert int(python(bare, "-c", template)) == len([*(bare / "functions").iterdir()])
    described = f"from banyan_tools.openapi import described; print(described({BEGINNERS!r}))"
    assert '"/admin/projections' in python(bare, "-c", described)
    assert "max_retries" in python(bare, "-c", "from banyan_tools.settings_doc import page; print(page().lower())")


def test_each_example_can_be_taken_out_alone() -> None:
    names = domains(ROOT / "layers" / "domains")
    own = {name: [ROOT / "layers" / "domains" / name, ROOT / "tests" / name] for name in names}
    imported = {
        name: {
            found for folder in own[name] for file in folder.rglob("*.py") for found in IMPORT.findall(file.read_text())
        }
        for name in names
    }
    assert {name: found & {*names} - {name} for name, found in imported.items()} == {name: set() for name in names}


def test_nothing_that_is_deployed_or_makes_it_names_an_example() -> None:
    names = domains(ROOT / "layers" / "domains")
    files = [*(ROOT / "layers" / "banyan").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    files += [*(ROOT / "tools" / "make").glob("*.mk"), ROOT / "Makefile", ROOT / ".importlinter"]
    imports = [f"{word} {name}" for name in names for word in ("import", "from")]
    paths = [f"domains/{name}" for name in names]
    assert [file for file in files if any(text in file.read_text() for text in imports + paths)] == []
