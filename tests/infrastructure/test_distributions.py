"""The engine as others get it: a wheel, installed into an empty environment, on every supported Python."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from tests.docs.snippets import snippets
from tests.infrastructure.test_locks import locked
from tests.support.distributions import ROOT, SUPPORTED, Environment, built_wheels, interpreters

import banyan
from banyan.entrypoints.console.page import FOLDER

ENGINE = ROOT / "layers" / "banyan"
DECLARED: Mapping[str, Any] = tomllib.loads((ENGINE / "pyproject.toml").read_text())["project"]
EXTRAS: Mapping[str, list[str]] = DECLARED["optional-dependencies"]
LAYERS = {"banyan": [*DECLARED["dependencies"], *EXTRAS["aws"]]} | {
    name: EXTRAS[name] for name in ("postgres", "tracing")
}
PAGE = ROOT / "docs" / "add-your-domain.md"
WALK = """
import importlib, pkgutil, banyan
names = [module.name for module in pkgutil.walk_packages(banyan.__path__, "banyan.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""

slow = [pytest.mark.runtime, pytest.mark.timeout(600), pytest.mark.xdist_group("distributions")]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    found = built_wheels(tmp_path_factory.mktemp("wheels"))
    assert modules(found["banyan-events"]) == {str(file.relative_to(ENGINE)) for file in ENGINE.rglob("banyan/**/*.py")}
    assert files(found["banyan-events"]) >= {str(file.relative_to(ENGINE)) for file in FOLDER.rglob("*.*")}
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_has_what_the_distribution_asks_for(layer: str) -> None:
    declared = [Requirement(line) for line in LAYERS[layer]]
    folder = ROOT / "layers" / layer
    versions = locked(folder / "requirements.txt")

    asked = [Requirement(line) for line in (folder / "requirements.in").read_text().splitlines()]
    assert {each.name: each.extras for each in asked} == {each.name: each.extras for each in declared}
    assert [each.name for each in declared if versions[each.name] not in each.specifier] == []


def test_the_tools_have_the_version_of_the_engine_and_need_that_alone() -> None:
    declared = tomllib.loads((ROOT / "tools" / "pyproject.toml").read_text())["project"]
    (engine,) = (each for each in map(Requirement, declared["dependencies"]) if each.name == "banyan-events")

    assert declared["version"] == banyan.__version__
    assert (str(engine.specifier), engine.extras) == (f"=={banyan.__version__}", {"aws", "testing"})


def test_the_tools_are_tested_in_versions_that_they_ask_for() -> None:
    declared = tomllib.loads((ROOT / "tools" / "pyproject.toml").read_text())["project"]
    versions = locked(ROOT / "requirements" / "dev.txt") | {"banyan-events": banyan.__version__}
    needed = map(Requirement, declared["dependencies"])

    assert [each.name for each in needed if versions[each.name] not in each.specifier] == []


def test_what_a_domain_needs_is_light() -> None:
    assert {Requirement(line).name for line in DECLARED["dependencies"]} == {"orjson", "pydantic"}


@pytest.mark.parametrize("version", [pytest.param(version, marks=slow) for version in SUPPORTED])
def test_a_domain_is_written_and_tested_with_the_engine_alone(
    version: str, wheels: Mapping[str, Path], tmp_path: Path
) -> None:
    """The domain of the documentation, but for its routes, in a folder of its own."""
    environment = made(version, tmp_path / "environment")
    environment.install(f"{wheels['banyan-events']}[testing]", "mypy")
    project = tmp_path / "project"
    write_domain(project)

    assert "5 passed" in environment.run("-m", "pytest", "-q", "-W", "error", "tests", cwd=project)
    assert "no issues" in environment.run("-m", "mypy", "--strict", "library", "tests", cwd=project)
    libraries = environment.run("-m", "pip", "list", "--format", "freeze")
    assert [name for name in ("boto", "aws", "psycopg", "opentelemetry") if name in libraries] == []
    assert environment.run("-c", "import banyan; print(banyan.__version__)").strip() == banyan.__version__


@pytest.mark.parametrize("version", [pytest.param(version, marks=slow) for version in SUPPORTED])
def test_every_module_is_imported_with_the_extras(version: str, wheels: Mapping[str, Path], tmp_path: Path) -> None:
    environment = made(version, tmp_path)
    environment.install(f"{wheels['banyan-events']}[{','.join(EXTRAS)}]")

    assert int(environment.run("-W", "error", "-c", WALK)) == len(modules(wheels["banyan-events"])) - 1
    assert "no broken requirements" in environment.run("-m", "pip", "check").lower()


def modules(wheel: Path) -> set[str]:
    """Files of a wheel with code."""
    return {name for name in files(wheel) if name.endswith(".py")}


def files(wheel: Path) -> set[str]:
    """All files of a wheel."""
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def made(version: str, folder: Path) -> Environment:
    """An environment on a version of Python, where that is on the machine."""
    if version not in interpreters():
        pytest.skip(f"Python {version} is not on this machine")
    return Environment(interpreters()[version], folder)


def write_domain(folder: Path) -> None:
    """Write the documented domain, without its routes."""
    for snippet in snippets(PAGE):
        if snippet.file and not snippet.file.endswith("routes.py"):
            file = folder / snippet.file.removeprefix("layers/domains/").replace("tests/unit/library/", "tests/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(snippet.code)
