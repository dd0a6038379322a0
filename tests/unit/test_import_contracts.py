"""The import contracts hold, and each of them notices what it forbids."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOMAINS = ROOT / "layers" / "domains"

BREACHES = {
    "engine": ("banyan/banyan/queries.py", "import orders.money"),
    "domains": ("domains/orders/money.py", "import loans"),
    "aws": ("domains/orders/state.py", "from aws_lambda_powertools import Logger"),
    "routes": ("domains/orders/upcasters.py", "from orders import routes"),
    "pure": ("domains/orders/decider.py", "from uuid import uuid4"),
    "layers": ("banyan/banyan/store/chain.py", "from banyan.projections import views"),
    "ports": ("banyan/banyan/store/memory.py", "from botocore.exceptions import ClientError"),
    "deployed": ("banyan/banyan/testing/deciders.py", "import pytest"),
}


def contracts() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def lint(layers: Path, config: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    command += ["--config", str(config), "--no-cache", "--no-logo", *(["--contract", contract] if contract else [])]
    paths = os.pathsep.join(str(layers / folder) for folder in ("banyan", "domains"))
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layers and the contracts, with a second domain; every contract holds."""
    root = tmp_path_factory.mktemp("sound")
    shutil.copytree(ROOT / "layers", root / "layers", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "layers/domains/loans").mkdir()
    (root / "layers/domains/loans/__init__.py").touch()
    parser = contracts()
    parser["importlinter"]["root_packages"] += "\nloans"
    parser["importlinter:contract:domains"]["modules"] += "\nloans"
    with (root / ".importlinter").open("w") as config:
        parser.write(config)
    result = lint(root / "layers", root / ".importlinter")
    assert result.returncode == 0, result.stdout
    return root


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """A copy of it to break."""
    return shutil.copytree(sound, tmp_path / "copy")


def test_every_contract_holds() -> None:
    result = lint(ROOT / "layers", ROOT / ".importlinter")

    assert result.returncode == 0, result.stdout
    assert "8 kept, 0 broken" in result.stdout


@pytest.mark.parametrize("contract", sorted(BREACHES))
def test_a_contract_notices_its_breach(copy: Path, contract: str) -> None:
    file, line = BREACHES[contract]
    with (copy / "layers" / file).open("a") as module:
        module.write(f"\n{line}\n")

    result = lint(copy / "layers", copy / ".importlinter", contract)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "BROKEN" in result.stdout


def test_every_contract_is_tried() -> None:
    prefix = "importlinter:contract:"
    assert {name.removeprefix(prefix) for name in contracts().sections() if name.startswith(prefix)} == set(BREACHES)


OF_THE_ENGINE = ("importlinter:contract:layers", "importlinter:contract:ports")


@pytest.mark.parametrize("section", [name for name in contracts().sections() if name not in OF_THE_ENGINE])
def test_every_domain_is_under_every_contract(section: str) -> None:
    domains = {path.parent.name for path in DOMAINS.glob("*/__init__.py")}
    named = {name for value in contracts()[section].values() for name in value.split()}

    assert domains <= named, f"name the new domain in [{section}] of .importlinter"
