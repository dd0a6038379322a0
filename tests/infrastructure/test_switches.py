"""What a switch leaves out, with all that is of it and watches it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.infrastructure.conftest import INGESTING

from banyan.errors import ConfigurationError
from banyan_tools.local.errors import StackError
from banyan_tools.local.mappings import mappings
from banyan_tools.local.template import Template
from banyan_tools.project import ROOT
from banyan_tools.runtime import deploy
from banyan_tools.runtime.deploy import overrides
from banyan_tools.runtime.sandbox import load_template

OF_REACTIONS = ("Reactor", "Deadlines")
NESTED = "AWS::CloudFormation::Stack"
QUIET = """
from banyan.domain import Domain
from banyan.events import EventRegistry

DOMAIN = Domain(name="quiet", registry=EventRegistry([]), deciders=[])
"""

Nested = Callable[[Template], dict[str, Any]]


@pytest.fixture(scope="module")
def quiet() -> Template:
    """The template of a domain that reacts to nothing and keeps no traces."""
    return load_template(Reactions="off", Traces="off", **INGESTING)


def resources(template: Template) -> Mapping[str, Any]:
    """The properties of every resource, by logical id."""
    found = [resource for kind in template.kinds for resource in template.resources(kind)]
    return {resource.logical_id: resource.properties for resource in found}


def test_exactly_the_reactor_and_the_deadlines_are_left_out(template: Template, quiet: Template) -> None:
    gone = resources(template).keys() - resources(quiet).keys()
    assert gone == {
        "Deadlines",
        "DeadlinesEventInvokeConfig",
        "DeadlinesLogs",
        "DeadlinesRole",
        "DeadlinesSchedule",
        "DeadlinesSchedulePermission",
        "Reactor",
        "ReactorCommits",
        "ReactorEventInvokeConfig",
        "ReactorFailures",
        "ReactorLogs",
        "ReactorRole",
        "ReactorSchedule",
        "ReactorSchedulePermission",
    }
    assert resources(quiet).keys() <= resources(template).keys()


def test_tables_stay_so_that_what_they_hold_is_there_when_it_is_switched_on(
    template: Template, quiet: Template
) -> None:
    kind = "AWS::DynamoDB::Table"
    assert template.resources(kind) == quiet.resources(kind)


def test_nothing_that_stays_names_what_is_left_out(quiet: Template) -> None:
    kept = {name: properties for name, properties in resources(quiet).items() if name != "Observability"}
    for name in ("banyan-Reactor", "banyan-Deadlines"):
        assert name not in json.dumps(kept, default=str).replace(f"{name}Table", "")


def test_alarms_follow_what_they_watch(template: Template, quiet: Template, nested_in: Nested) -> None:
    whole, left = nested_in(template), nested_in(quiet)
    conditional = {name for name, body in whole.items() if body.get("Condition") == "HasReactions"}
    assert conditional == {"DeadlinesOverdue", "DeadlinesLate"}
    assert whole.keys() - left.keys() == {
        *(f"{function}{what}" for function in OF_REACTIONS for what in ("Errors", "Throttles")),
        *(f"{function}Schedule{what}" for function in OF_REACTIONS for what in ("Silent", "Failed")),
        *("ReactorIteratorAge", "ReactorFailuresWaiting"),
        *("DeadlineParked", "DeadlineFailuresPersist", "ParkedDeadlinesStand"),
    }
    watched = [body for name, body in left.items() if name not in conditional | {"Dashboard"}]
    assert '"none"' not in json.dumps(watched)


def test_a_stack_that_no_one_relies_on_has_no_alarms_and_no_dashboard(template: Template) -> None:
    gone = resources(template).keys() - resources(load_template(Alarms="off", **INGESTING)).keys()
    assert gone == {"Observability"}


@pytest.mark.parametrize(
    ("parameters", "read"),
    [
        ({}, True),
        ({"RowMarks": "off"}, False),
        ({"RowMarks": "off", "LegacyStore": "dynamodb", "LegacyName": "t"}, True),
    ],
)
def test_changed_rows_are_marked_unless_that_is_off_and_there_is_no_legacy_system(
    parameters: dict[str, str], read: bool
) -> None:
    found = [each.function for each in mappings(load_template(**parameters))]
    assert ("banyan-ChangeMarker" in found) == read


@pytest.mark.parametrize("reactions", ["on", "off"])
def test_only_functions_that_keep_or_show_traces_know_their_table(reactions: str) -> None:
    shown = {True: {"Reactor", "Console"} if reactions == "on" else {"Console"}, False: set()}
    for traces in (True, False):
        template = load_template(Reactions=reactions, Traces="on" if traces else "off")
        functions = template.resources("AWS::Lambda::Function")
        named = {f.logical_id for f in functions if "TRACES_TABLE" in f.properties["Environment"]["Variables"]}
        assert named == shown[traces]
        policies = json.dumps([role.properties for role in template.resources("AWS::IAM::Role")])
        assert ("KeepTraces" in policies) == traces


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with this repository's template, beside a domain that reacts to nothing."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "quiet").mkdir()
    (tmp_path / "quiet" / "__init__.py").write_text(QUIET)
    (tmp_path / "template.yaml").write_text((ROOT / "template.yaml").read_text())
    return tmp_path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["Domain=quiet", "Traces=off", "CatchUpSchedule=rate(5 minutes)"], "off"),
        ("Domain=quiet Traces=off 'CatchUpSchedule=rate(5 minutes)'", "off"),
        (["Domain=quiet"], "on"),
        (["Traces=off"], "on"),
        (["Domain=quiet", "Traces=off", "Reactions=on"], "on"),
    ],
)
def test_a_deployment_has_a_reactor_when_its_domain_needs_one(
    project: Path, given: list[str] | str, expected: str
) -> None:
    (project / "samconfig.toml").write_text(f"[prod.deploy.parameters]\nparameter_overrides = {json.dumps(given)}\n")
    found = overrides(project, "prod")
    assert found["Reactions"] == expected
    assert {name: value for name, value in found.items() if name in str(given)}.get("Domain") in ("quiet", None)
    assert found.get("CatchUpSchedule", "rate(5 minutes)") == "rate(5 minutes)"


def test_a_deployment_gives_the_sam_cli_each_parameter_as_one_word(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sam = project / "bin" / "sam"
    sam.parent.mkdir()
    sam.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    sam.chmod(0o755)
    given = ["Domain=quiet", "Traces=off", 'CatchUpSchedule="rate(5 minutes)"', "AlarmEmail="]
    (project / "samconfig.toml").write_text(f"[prod.deploy.parameters]\nparameter_overrides = {json.dumps(given)}\n")
    monkeypatch.setattr(deploy, "SAM_VENV", project)
    monkeypatch.setattr(deploy, "ROOT", project)
    monkeypatch.setattr("sys.argv", ["deploy", "prod"])
    assert deploy.main() == 0
    assert capfd.readouterr().out.splitlines() == [
        *("deploy", "--config-env", "prod", "--parameter-overrides"),
        *('Reactions="off"', 'Domain="quiet"', 'Traces="off"', 'CatchUpSchedule="rate(5 minutes)"', 'AlarmEmail=""'),
    ]


def test_a_deployment_that_nothing_describes_is_refused(project: Path) -> None:
    (project / "samconfig.toml").write_text("[prod]\n")
    with pytest.raises(StackError, match="no deployment 'test'"):
        overrides(project, "test")


@pytest.mark.parametrize("settings", ["size=1", "size.of=1,size=2"])
def test_a_deployment_with_settings_that_no_domain_has_is_refused(project: Path, settings: str) -> None:
    given = [f"DomainSettings={settings}", "Domain=quiet"]
    (project / "samconfig.toml").write_text(f"[prod.deploy.parameters]\nparameter_overrides = {json.dumps(given)}\n")
    with pytest.raises(ConfigurationError, match="size"):
        overrides(project, "prod")
