"""What an example brings along when a project begins with it, and what it is called there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.clocks import lengthy
from tests.support.distributions import environ

from banyan_tools.cost.profile import read_profile
from banyan_tools.cost.report import report
from banyan_tools.new.create import create, known_starts
from banyan_tools.new.starts import TASKS, examples, files, placed, renamed
from banyan_tools.project import ROOT

FILES = {
    "layers/domains/loans/__init__.py": "from loans.rules import X",
    "layers/domains/loans/rules/deep.py": "",
    "layers/domains/loans/tools/new.md": "How it begins.",
    "layers/domains/loans/tools/importer.py": "",
    "layers/domains/shelves/__init__.py": "",
    "tests/loans/conftest.py": "",
    "tests/loans/unit/test_loans.py": "from tests.loans.support.desk import Desk\nimport tests.support.clocks",
    "tests/loans/support/desk.py": "import tests.support.desks",
    "tests/loans/unit/test_importer.py": "from tests.loans.support.files import read",
    "tests/loans/support/files.py": "from loans.tools.importer import X",
    "tests/loans/e2e/test_stack.py": "from tests.support.stacks import Stack",
    "tests/support/clocks.py": "from tests.support.zones import UTC",
    "tests/support/zones.py": "",
    "tests/support/desks.py": "",
    "tests/support/stacks.py": "",
    "events/loans/seed.json": "{}",
    "events/loans/command_api/lend.json": "{}",
    "events/command_api/order.json": "{}",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_an_example_that_says_how_it_begins_comes_with_its_unit_tests_and_what_they_need(root: Path) -> None:
    assert examples(root) == ["loans"]
    found = files(root, "loans")
    assert len(found) == len({*found})
    assert {str(placed(path, "loans", "bank")) for path in found} == {
        "layers/domains/bank/__init__.py",
        "layers/domains/bank/rules/deep.py",
        "tests/bank/conftest.py",
        "tests/bank/unit/test_loans.py",
        "tests/bank/support/desk.py",
        "tests/support/clocks.py",
        "tests/support/zones.py",
        "tests/support/desks.py",
        "events/seed.json",
        "events/command_api/lend.json",
    }


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("from loans import DOMAIN", "from bank import DOMAIN"),
        ("from loans.rules import X", "from bank.rules import X"),
        ("import loans.rules\nimport loans", "import bank.rules\nimport bank"),
        ("from tests.loans.support.desk import Desk", "from tests.bank.support.desk import Desk"),
        ('name="loans", routes="loans.routes"', 'name="bank", routes="bank.routes"'),
        ('"openid loans/read"', '"openid bank/read"'),
        ("needs ``loans/read``", "needs ``bank/read``"),
        ("# The rules of loans. Of loans.", "# The rules of loans. Of loans."),
        ("my_loans.x, loans_of.y, /loans/l-1, a.loans.b", "my_loans.x, loans_of.y, /loans/l-1, a.loans.b"),
    ],
)
def test_its_package_and_its_scopes_get_the_name_of_the_domain_and_prose_stays(text: str, there: str) -> None:
    assert renamed(text, "loans", "bank") == there


EXAMPLES = [name for name in known_starts() if name != TASKS]


def run_tests(project: Path, *arguments: str) -> None:
    """Run pytest in a project, as its owner does."""
    paths = environ(PYTHONPATH=f"{ROOT / 'layers' / 'banyan'}:{ROOT / 'tools'}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x", *arguments]
    done = subprocess.run(command, cwd=project, env=paths, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("start", EXAMPLES)
def test_a_project_that_begins_with_an_example_has_its_names_and_finds_all_of_its_tests(
    start: str, tmp_path: Path
) -> None:
    create(tmp_path / "shop", "shop_floor", start)
    code = "\n".join(file.read_text() for file in (tmp_path / "shop").rglob("*.py"))
    assert f"from {start}" not in code
    assert "{start}" not in (tmp_path / "shop" / "README.md").read_text()
    run_tests(tmp_path / "shop", "--collect-only")


@pytest.mark.parametrize("start", EXAMPLES)
def test_a_project_that_begins_with_an_example_says_what_the_load_of_the_example_costs(
    start: str, tmp_path: Path
) -> None:
    create(tmp_path, "shop_floor", start)
    found = read_profile(tmp_path / "cost.toml")
    there = read_profile(ROOT / "layers" / "domains" / start / "tools" / "cost.toml")

    assert (found.domain, there.domain) == ("shop_floor", start)
    assert report(found, tmp_path)["writeUnitsPerCommand"] == report(there, ROOT)["writeUnitsPerCommand"] > 0


@lengthy
@pytest.mark.timeout(600)
@pytest.mark.parametrize("start", EXAMPLES)
def test_the_tests_of_a_project_that_begins_with_an_example_pass(start: str, tmp_path: Path) -> None:
    create(tmp_path / "shop", "shop_floor", start)
    run_tests(tmp_path / "shop")
