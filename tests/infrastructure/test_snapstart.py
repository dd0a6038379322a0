"""Snapshots of the functions behind the API: what is deployed when they are on, and off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from banyan_tools.local.engine import ISOLATION
from banyan_tools.local.environment import environment
from banyan_tools.local.routes import routes
from banyan_tools.local.template import Template, parameter_values, read, to_cloudformation
from banyan_tools.project import ROOT
from banyan_tools.runtime.build import SETTINGS
from banyan_tools.runtime.sandbox import load_template

BEHIND_THE_API = ("CommandApi", "QueryApi")

Change = Callable[[dict[str, Any]], None]


def resources(change: Change = lambda _: None) -> dict[str, Any]:
    """The resources of the template after a change to it and its transform."""
    document = read(ROOT / "template.yaml")
    change(document["Resources"] | {"Globals": document["Globals"]})
    with environment(ISOLATION):
        found: dict[str, Any] = to_cloudformation(document, parameter_values(document, {}))["Resources"]
    return found


def versions(change: Change = lambda _: None) -> set[str]:
    """Logical ids of all published versions."""
    return {name for name, body in resources(change).items() if body["Type"] == "AWS::Lambda::Version"}


@pytest.mark.parametrize(("chosen", "applies"), [("off", "None"), ("on", "PublishedVersions")])
def test_only_the_functions_that_a_caller_waits_for_start_from_a_snapshot(chosen: str, applies: str) -> None:
    functions = load_template(SnapStart=chosen).resources("AWS::Lambda::Function")
    found = {f.logical_id: f.properties["SnapStart"]["ApplyOn"] for f in functions if "SnapStart" in f.properties}
    assert found == dict.fromkeys(BEHIND_THE_API, applies)


@pytest.mark.parametrize("function", BEHIND_THE_API)
def test_the_api_calls_the_newest_version_and_may_when_snapshots_are_on_and_the_function_itself_otherwise(
    function: str,
) -> None:
    found = resources()
    called = found[f"{function}Integration"]["Properties"]["IntegrationUri"]
    allowed = found[f"{function}Permission"]["Properties"]["FunctionName"]
    alias = {"Ref": f"{function}Aliaslive"}
    by_name = {"Fn::Sub": f"${{{function}.Arn}}:{found[alias['Ref']]['Properties']['Name']}"}
    assert called == {"Fn::If": ["HasSnapStart", by_name, {"Fn::GetAtt": [function, "Arn"]}]}
    assert allowed == {"Fn::If": ["HasSnapStart", alias, {"Ref": function}]}
    version = found[alias["Ref"]]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
    assert found[version]["DeletionPolicy"] == "Delete"


def test_the_local_stack_serves_the_api_with_snapshots_on(template: Template) -> None:
    found = [routes(chosen) for chosen in (template, load_template(SnapStart="on"))]
    assert found[0] == found[1]


def change_code(template: dict[str, Any]) -> None:
    template["CommandApi"]["Properties"]["CodeUri"] = template["QueryApi"]["Properties"]["CodeUri"] = "functions/new/"


def change_engine(template: dict[str, Any]) -> None:
    template["BanyanLayer"]["Properties"]["ContentUri"] = "layers/new/"


def change_domain(template: dict[str, Any]) -> None:
    template["DomainsLayer"]["Properties"]["ContentUri"] = "layers/new/"


def change_settings(template: dict[str, Any]) -> None:
    tags = template["Globals"]["Function"]["Tags"]
    assert SETTINGS in tags.values(), "what the build puts the digest of samconfig.toml in the place of"
    tags.update({name: "new" for name, value in tags.items() if value == SETTINGS})


@pytest.mark.parametrize("change", [change_code, change_engine, change_domain, change_settings])
def test_whatever_a_function_runs_on_reaches_its_callers_with_a_new_version(change: Change) -> None:
    before = versions()
    assert len(before) == len(BEHIND_THE_API)
    assert not before & versions(change)
