"""What make says and plans, here and in a project of one's own."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.distributions import environ

from banyan_tools.new.create import create
from banyan_tools.project import ROOT

EXAMPLE = ROOT / "layers" / "domains" / "orders"
DAILY = ["setup", "run", "token", "test", "test-domain", "format", "pr"]
NO_PIP = """#!/bin/sh
mkdir -p .venv/bin
printf '#!/bin/sh\\necho "No matching distribution found" >&2\\nexit 1\\n' > .venv/bin/pip
chmod +x .venv/bin/pip
"""


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-o", ".venv/bin/.installed", "-o", ".venv-docs/.installed", *arguments]
    return subprocess.run(command, cwd=folder, env=environ(), capture_output=True, text=True, check=False)


def test_help_shows_what_is_used_every_day_first_and_each_target_once_under_a_heading() -> None:
    shown = make(ROOT, "help").stdout
    daily, _, rest = shown.partition("\n\n")
    headings = re.findall(r"^\S.*", shown, re.MULTILINE)
    targets = re.findall(r"^  ([a-z-]+) +\S", shown, re.MULTILINE)

    assert re.findall(r"^  ([a-z-]+) ", daily, re.MULTILINE) == DAILY
    assert {"help", "wheels", "docs", "lint"} <= {line.split()[0] for line in rest.splitlines() if line}
    assert len(targets) == len(set(targets))
    assert {"Set up", "Check", "Build and deploy"} <= set(headings)
    assert len(headings) == len(set(headings)) == len(rest.split("\n\n"))


def test_every_file_of_targets_has_a_heading() -> None:
    files = [*ROOT.glob("tools/make/*.mk"), *ROOT.glob("layers/domains/*/tools/*.mk")]
    listed = [text for text in (file.read_text() for file in files) if re.search(r"^[a-z-]+:.*## ", text, re.MULTILINE)]

    assert listed
    assert all(text.startswith("##@ ") for text in listed)


def test_the_command_line_that_is_not_set_up_says_what_to_do(tmp_path: Path) -> None:
    command = shutil.copy(ROOT / "banyan", tmp_path / "banyan")
    done = subprocess.run([command, "overview"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Banyan is not set up in {tmp_path}: run 'make setup' there.\n"


def test_the_documentation_is_found_where_make_says() -> None:
    assert 'echo "site/index.html"' in make(ROOT, "-n", "docs").stdout


def test_the_benchmark_says_what_it_needs(tmp_path: Path) -> None:
    program = shutil.which("make")
    assert program
    command = [program, "bench-needs"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "needs Java 17 and Node 18" in done.stdout


@pytest.mark.skipif(not EXAMPLE.exists(), reason="the example was taken out")
def test_after_an_edit_the_unit_tests_of_a_domain_run_in_parallel() -> None:
    planned = make(ROOT, "-n", "test-domain", "DOMAIN=orders").stdout
    assert re.search(r"-n \d+ .* tests/orders/unit *$", planned, re.MULTILINE)


@pytest.mark.skipif(not EXAMPLE.exists(), reason="the example was taken out")
def test_a_domain_that_is_not_there_is_answered_with_those_that_are() -> None:
    done = make(ROOT, "test-domain", "DOMAIN=nosuch")
    assert done.returncode != 0
    assert re.search(r"called nosuch\. There are: .*\borders\b", done.stdout)
    assert "pytest" not in done.stdout


def test_a_project_that_does_not_find_the_engine_says_what_to_do(tmp_path: Path) -> None:
    create(tmp_path / "shop", "shop")
    python = tmp_path / "python"
    python.write_text(NO_PIP)
    python.chmod(0o755)
    command = ["make", "test", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=tmp_path / "shop", env=environ(), capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "'make wheels'" in done.stdout
    assert "export BANYAN_WHEELS=" in done.stdout
    assert not (tmp_path / "shop" / ".venv" / "bin" / ".installed").exists()


def test_what_is_given_to_the_local_stack_reaches_it_as_it_was_typed(tmp_path: Path) -> None:
    create(tmp_path / "shop", "shop")
    for folder in (ROOT, tmp_path / "shop"):
        token = make(folder, "-n", "token", "TENANT=a b", "SUB=ann lee").stdout
        assert "local.token 'a b' --actor 'ann lee'" in token
        run = make(folder, "-n", "run", "PORT=80 80", "ENGINE=no pe").stdout
        assert "--port '80 80' --engine 'no pe'" in run
