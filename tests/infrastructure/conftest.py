"""The templates, as written and as CloudFormation gets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from banyan_tools.local.physical import ACCOUNT, REGION
from banyan_tools.local.template import Resource, Template, read
from banyan_tools.project import ROOT
from banyan_tools.runtime.sandbox import load_template

Alarms = dict[str, Any]
STREAM_ARN = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/readings"
INGESTING = {"IngestStream": STREAM_ARN}
"""With it everything is deployed that there is, but for a migration."""


@pytest.fixture(scope="session")
def written() -> dict[str, Any]:
    """``template.yaml`` as it is written."""
    return read(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def template() -> Template:
    """``template.yaml`` with a stream to ingest and else its defaults, transformed and evaluated."""
    return load_template(**INGESTING)


@pytest.fixture(scope="session")
def functions(template: Template) -> list[Resource]:
    """Every function."""
    return template.resources("AWS::Lambda::Function")


@pytest.fixture(scope="session")
def observability(template: Template) -> dict[str, Any]:
    """Resources of ``observability.yaml``, its loops repeated and the parameters that it is given put in."""
    return nested_resources(template)


def nested_resources(template: Template) -> dict[str, Any]:
    """Resources of the nested template as its parent in ``template`` creates it."""
    written, resources = read(ROOT / "observability.yaml"), dict[str, Any]()
    (nested,) = template.resources("AWS::CloudFormation::Stack")
    defaults = {name: declared["Default"] for name, declared in written["Parameters"].items() if "Default" in declared}
    parameters = defaults | nested.properties["Parameters"]
    for name, body in written["Resources"].items():
        resources |= repeated(parameters, *body) if name.startswith("Fn::ForEach") else {name: body}
    return {name: given(body, parameters) for name, body in resources.items()}


def given(value: Any, parameters: dict[str, Any]) -> Any:
    """Put parameters in where a value refers to them."""
    if isinstance(value, list):
        return [given(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Ref"}:
        name = value["Ref"]["Fn::Sub"] if isinstance(value["Ref"], dict) else value["Ref"]
        return parameters.get(name, {"Ref": name})
    return {name: given(item, parameters) for name, item in value.items()}


@pytest.fixture(scope="session")
def nested_in() -> Callable[[Template], dict[str, Any]]:
    """What gives the resources of ``observability.yaml`` as another template creates them."""
    return nested_resources


@pytest.fixture(scope="session")
def alarms(observability: dict[str, Any]) -> Alarms:
    """Properties of every alarm."""
    return {
        name: body["Properties"] for name, body in observability.items() if body["Type"] == "AWS::CloudWatch::Alarm"
    }


def repeated(
    parameters: dict[str, Any], variable: str, values: dict[str, str], fragment: dict[str, Any]
) -> dict[str, Any]:
    """What a ``Fn::ForEach`` over a list that is a parameter stands for."""
    text, names = json.dumps(fragment), parameters[values["Ref"]].split(",")
    return {name: body for each in names for name, body in json.loads(text.replace(f"${{{variable}}}", each)).items()}
