"""The import contracts hold, and each of them notices what it forbids, in every domain."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from banyan_tools.contracts import DOMAINS, ENGINE, PATTERN, domains, repeated
from banyan_tools.project import ROOT

ONE, OTHER = "loans", "shelves"
FILES = ("__init__", "rules", "routes", "tools/__init__")
BREACHES = {
    "engine": ("banyan/banyan/queries.py", "import loans.rules"),
    "domains": ("domains/loans/rules.py", "import shelves"),
    "aws": ("domains/loans/rules.py", "from aws_lambda_powertools import Logger"),
    "routes": ("domains/loans/__init__.py", "from loans import routes"),
    "pure": ("domains/loans/rules.py", "from uuid import uuid4"),
    "deployed": ("domains/loans/rules.py", "import pytest"),
    "tools": ("domains/loans/rules.py", "from loans import tools"),
}
OF_THE_ENGINE = {
    "layers": ("banyan/banyan/store/base.py", "from banyan.projections import views"),
    "ports": ("banyan/banyan/store/memory.py", "from botocore.exceptions import ClientError"),
    "deployed": ("banyan/banyan/testing/specs.py", "import pytest"),
}
ALLOWED = {
    "domains/loans/routes.py": "from aws_lambda_powertools import Logger",
    "domains/loans/tools/__init__.py": "import pytest, uuid, boto3, banyan_tools",
}
PREFIX = "importlinter:contract:"


def lint(layers: Path, config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    command += ["--config", str(config), "--no-cache", "--no-logo", *arguments]
    paths = os.pathsep.join([str(layers / "banyan"), str(layers / "domains"), str(ROOT / "tools")])
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False)


def sections(text: str) -> set[str]:
    parser = ConfigParser()
    parser.read_string(text)
    return {name.removeprefix(PREFIX) for name in parser.sections() if name.startswith(PREFIX)}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine, and two domains that use what they may; every contract holds."""
    root = tmp_path_factory.mktemp("sound")
    shutil.copytree(ROOT / "layers/banyan", root / "layers/banyan", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (ONE, OTHER):
        for file in FILES:
            path = root / DOMAINS / name / f"{file}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    for place, line in ALLOWED.items():
        (root / "layers" / place).write_text(line)
    (root / "contracts").write_text(repeated((ROOT / DOMAINS / PATTERN).read_text(), root / DOMAINS))
    result = lint(root / "layers", root / "contracts")
    assert result.returncode == 0, result.stdout
    return root


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """A copy of it to break."""
    return shutil.copytree(sound, tmp_path / "copy")


def test_every_contract_holds() -> None:
    command = [sys.executable, "-m", "banyan_tools.contracts", "--no-cache"]
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("layers/banyan", "layers/domains", "tools"))
    environ = {**os.environ, "PYTHONPATH": paths}
    result = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    told = [line for line in result.stdout.splitlines() if line.startswith("Contracts:")]
    assert len(told) == 1 + bool(domains(ROOT / DOMAINS))
    assert all(line.endswith(" 0 broken.") for line in told)


@pytest.mark.slow
@pytest.mark.parametrize("contract", sorted(BREACHES))
def test_a_contract_notices_its_breach(copy: Path, contract: str) -> None:
    file, line = BREACHES[contract]
    with (copy / "layers" / file).open("a") as module:
        module.write(f"\n{line}\n")

    result = lint(copy / "layers", copy / "contracts", "--contract", contract)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "BROKEN" in result.stdout


@pytest.mark.parametrize("contract", sorted(OF_THE_ENGINE))
def test_a_contract_of_the_engine_notices_its_breach(copy: Path, contract: str) -> None:
    file, line = OF_THE_ENGINE[contract]
    with (copy / "layers" / file).open("a") as module:
        module.write(f"\n{line}\n")
    result = lint(copy / "layers", ROOT / ENGINE, "--contract", contract)
    assert (result.returncode, "BROKEN" in result.stdout) == (1, True), result.stdout + result.stderr


def test_a_contract_without_modules_is_left_out(tmp_path: Path) -> None:
    (tmp_path / ONE).mkdir()
    (tmp_path / ONE / "__init__.py").touch()
    assert sections(repeated((ROOT / DOMAINS / PATTERN).read_text(), tmp_path)) == {*BREACHES} - {"routes", "tools"}


def test_every_contract_of_a_domain_is_tried_and_names_every_domain(sound: Path) -> None:
    pattern = (ROOT / DOMAINS / PATTERN).read_text()
    assert sections(pattern) == set(BREACHES)
    assert sections((ROOT / ENGINE).read_text()) == set(OF_THE_ENGINE)
    parser = ConfigParser()
    parser.read_string(repeated(pattern, sound / DOMAINS))
    for section in parser.sections():
        named = {name.partition(".")[0] for value in parser[section].values() for name in value.split()}
        assert {ONE, OTHER} <= named, section
