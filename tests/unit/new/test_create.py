"""``banyan new``: what a project holds, and what is refused."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import banyan
from banyan_tools.cli.app import app
from banyan_tools.cost.profile import read_profile
from banyan_tools.cost.report import report
from banyan_tools.local.template import Template
from banyan_tools.new.create import COPIED, SCHEDULED, NotCreated, create
from banyan_tools.project import ROOT

DOMAIN = "shop_floor"
LINES = 100
OF_THE_EXAMPLE = re.compile(r"\borders?_|\borders\b|PaymentDeadline|PAYMENT|banyan_tools\.new")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects") / "shop"
    create(folder, DOMAIN)
    return folder


def test_the_command_makes_a_project(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["new", str(tmp_path / "a" / "shop"), "--domain", "shop"])

    assert done.exit_code == 0, done.output
    commands = [line.strip() for line in done.output.splitlines() if line.startswith("  ")]
    assert commands == [
        f"make -C {ROOT} wheels",
        f"cd {tmp_path / 'a' / 'shop'}",
        f"export BANYAN_WHEELS={ROOT / 'dist'}",
        "make test",
        "make run",
    ]
    assert (tmp_path / "a" / "shop" / "layers" / "domains" / "shop" / "__init__.py").is_file()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    create(tmp_path, "shop")
    assert (tmp_path / "template.yaml").is_file()


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    done = CliRunner().invoke(app, ["new", str(tmp_path), "--domain", "shop"])

    assert done.exit_code == 1
    assert "not an empty folder" in done.output
    assert [file.name for file in tmp_path.iterdir()] == ["diary.txt"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("mine")
    with pytest.raises(NotCreated, match="not an empty folder"):
        create(tmp_path / "shop", "shop")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "dangling").symlink_to("nowhere")
    for folder in (tmp_path / "file" / "shop", tmp_path / "dangling"):
        done = CliRunner().invoke(app, ["new", str(folder), "--domain", "shop"])
        assert (done.exit_code, "cannot be written" in done.output) == (1, True)


def test_the_domain_is_called_like_the_folder_unless_it_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["new", str(tmp_path / "shop")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "shop" / "layers" / "domains" / "shop").is_dir()


def test_what_there_is_not_to_begin_with_is_answered_with_what_there_is(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["new", str(tmp_path / "shop"), "--from", "nothing"])
    assert (done.exit_code, "choose one of tasks" in done.output) == (1, True)
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize(
    ("folder", "named"),
    [
        ("newcomer16-shop", "shop"),
        ("My Loans", "loans"),
        ("shop-tests", "shop"),
        ("loans-v2.json", "v2"),
        ("1-2", "shop"),
    ],
)
def test_a_folder_whose_name_no_domain_can_have_is_answered_with_the_option(
    tmp_path: Path, folder: str, named: str
) -> None:
    done = CliRunner().invoke(app, ["new", str(tmp_path / folder)])
    assert (done.exit_code, " ".join(done.output.split()).endswith(f"Name it yourself: --domain {named}")) == (1, True)
    again = CliRunner().invoke(app, ["new", str(tmp_path / folder), "--domain", named])
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize("folder", ["class", "json", "tests"])
def test_a_folder_whose_name_is_taken_is_answered_with_the_option(tmp_path: Path, folder: str) -> None:
    done = CliRunner().invoke(app, ["new", str(tmp_path / folder)])
    assert (done.exit_code, "another name with --domain" in " ".join(done.output.split())) == (1, True)


@pytest.mark.parametrize(
    ("domain", "reason"),
    [
        ("", "letters"),
        ("WorkflowFixture", "letters"),
        ("my-shop", "letters"),
        ("1shop", "letters"),
        ("shop.floor", "letters"),
        ("../shop", "letters"),
        ("s" * 42, "at most 41 lower-case letters"),
        ("class", "keyword of Python"),
        ("json", "installed already"),
        *((name, "every project has") for name in ("banyan", "banyan_tools", "events", "functions", "layers")),
        *((name, "every project has") for name in ("requirements", "tests", "tools")),
        ("pydantic", "installed already"),
    ],
)
def test_a_name_that_is_no_good_is_refused_before_anything_is_made(tmp_path: Path, domain: str, reason: str) -> None:
    with pytest.raises(NotCreated, match=reason):
        create(tmp_path / "project", domain)
    assert not (tmp_path / "project").exists()


def test_its_template_serves_the_domain_with_the_functions_of_this_repository(project: Path) -> None:
    template, own = Template(project / "template.yaml", {}), Template(ROOT / "template.yaml", {})
    (domain,) = {
        function.properties["Environment"]["Variables"]["BANYAN_DOMAIN"]
        for function in template.resources("AWS::Lambda::Function")
    }

    assert domain == DOMAIN
    for kind in ("AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::Lambda::LayerVersion"):
        assert [each.logical_id for each in template.resources(kind)] == [
            each.logical_id for each in own.resources(kind)
        ]
    deployments = (project / "samconfig.toml").read_text()
    assert re.findall(r"stack_name = (.+)", deployments) == ['"shop-floor-dev"', '"shop-floor-prod"']
    assert "Domain=" not in deployments


def test_its_layers_have_what_they_are_built_with(project: Path) -> None:
    layers = re.findall(r"BuildMethod: (\S+?),.*?ContentUri: (\S+)", (project / "template.yaml").read_text(), re.DOTALL)
    needed = {"makefile": "Makefile", "python3.13": "requirements.txt"}

    assert {method for method, _ in layers} == needed.keys()
    assert [folder for method, folder in layers if not (project / folder / needed[method]).is_file()] == []


def test_it_says_what_its_first_load_would_cost(project: Path) -> None:
    found = report(read_profile(project / "cost.toml"), project)

    assert found["writeUnitsPerCommand"] == 7.5
    assert found["limits"][0]["raisedBy"] == "QueryThrottleRate"


def test_the_distribution_carries_all_that_a_project_is_made_of() -> None:
    build = tomllib.loads((ROOT / "tools" / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    carried = {target.partition("/project/")[2] for target in build["targets"]["wheel"]["force-include"].values()}
    scheduled = {f"events/{function}/scheduled.json" for function in SCHEDULED}
    locks = {"layers/banyan/requirements.txt", "requirements/dev.txt"}

    assert {*COPIED, *scheduled, *locks, "tests/unit/new/test_tasks.py"} == carried - {""}
    assert "custom" in build["targets"]["wheel"]["hooks"]


def test_nothing_is_left_to_fill_in_or_of_the_example(project: Path) -> None:
    files = [file for file in project.rglob("*") if file.is_file()]
    texts = {str(file.relative_to(project)): file.read_text() for file in files}

    assert [name for name, text in texts.items() if OF_THE_EXAMPLE.search(text)] == []
    assert [name for name in ("README.md", "requirements.txt") if re.search(r"\{\w+\}", texts[name])] == []
    assert [name for name in texts if "__pycache__" in name] == []


def test_the_engine_is_a_pinned_dependency(project: Path) -> None:
    here = (project / "requirements.txt").read_text().split()
    deployed = (project / "layers" / "banyan" / "requirements.txt").read_text().split()

    assert here == [f"{name}=={banyan.__version__}" for name in ("banyan-events", "banyan-tools")]
    assert deployed[0] == f"banyan-events=={banyan.__version__}"
    assert len(deployed) > 10
    assert [line for line in deployed if "==" not in line] == []


def test_the_domain_has_a_hundred_lines(project: Path) -> None:
    modules = (project / "layers" / "domains" / DOMAIN).glob("*.py")
    assert sum(1 for module in modules for line in module.read_text().splitlines() if line.strip()) <= LINES
