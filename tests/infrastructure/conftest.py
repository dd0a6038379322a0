"""The templates, as written and as CloudFormation gets them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tools.local.physical import STACK
from tools.local.template import Resource, Template, read
from tools.runtime.emulator import ROOT
from tools.runtime.sandbox import load_template

Alarms = dict[str, Any]


@pytest.fixture(scope="session")
def written() -> dict[str, Any]:
    """``template.yaml`` as it is written."""
    return read(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def template() -> Template:
    """``template.yaml`` with its defaults, transformed and evaluated."""
    return load_template()


@pytest.fixture(scope="session")
def functions(template: Template) -> list[Resource]:
    """Every function."""
    return template.resources("AWS::Lambda::Function")


@pytest.fixture(scope="session")
def observability() -> dict[str, Any]:
    """Resources of ``observability.yaml``, its loops repeated and the name of the stack put in."""
    resources: dict[str, Any] = {}
    for name, body in read(ROOT / "observability.yaml")["Resources"].items():
        resources |= repeated(*body) if name.startswith("Fn::ForEach") else {name: body}
    found: dict[str, Any] = json.loads(json.dumps(resources).replace("${Service}", STACK))
    return found


@pytest.fixture(scope="session")
def alarms(observability: dict[str, Any]) -> Alarms:
    """Properties of every alarm."""
    return {
        name: body["Properties"] for name, body in observability.items() if body["Type"] == "AWS::CloudWatch::Alarm"
    }


def repeated(variable: str, values: list[str], fragment: dict[str, Any]) -> dict[str, Any]:
    """What a ``Fn::ForEach`` stands for."""
    text = json.dumps(fragment)
    return {
        name: body for value in values for name, body in json.loads(text.replace(f"${{{variable}}}", value)).items()
    }
