"""The stack that a profile runs on: the template's parameters, and what it deploys that costs without any load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from banyan_tools.local.errors import StackError
from banyan_tools.local.template import Template, read
from banyan_tools.project import ROOT, TEMPLATE

NESTED: Final = "observability.yaml"
ALARM: Final = "AWS::CloudWatch::Alarm"


class DeployedStack:
    """A template with parameters.

    Parameters
    ----------
    parameters : Mapping[str, str | int | float]
        In place of the template's defaults.

    Raises
    ------
    StackError
        There is no template, or no such parameter.
    """

    def __init__(self, parameters: Mapping[str, str | int | float], root: Path = ROOT) -> None:
        given = {name: str(value) for name, value in parameters.items()}
        self._root = root
        self._template = Template(root / TEMPLATE, given)
        if unknown := sorted(given.keys() - self._template.parameters):
            raise StackError(f"The template has no parameter {unknown[0]!r}: docs/settings.md lists them.")
        self._values = self._template.defaults | given

    def is_on(self, parameter: str) -> bool:
        """Whether a switch is on."""
        return self._values[parameter] == "on"

    def number(self, parameter: str) -> float:
        """The value of a parameter."""
        return float(self._values[parameter])

    @property
    def alarms(self) -> int:
        """How many it deploys."""
        found = self._template.resources("AWS::CloudFormation::Stack")
        return sum(_alarms(read(self._root / NESTED), each.properties["Parameters"]) for each in found)


def _alarms(nested: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    values = {**{name: each.get("Default", "") for name, each in nested["Parameters"].items()}, **given}
    off = {"HasLegacy": values["LegacyStore"] == "off", "HasReactions": values["Deadlines"] == "none"}
    count = 0
    for name, body in nested["Resources"].items():
        repeated = name.startswith("Fn::ForEach")
        bodies = list(body[2].values()) if repeated else [body]
        times = len(values[body[1]["Ref"]].split(",")) if repeated else 1
        count += times * sum(each["Type"] == ALARM and not off.get(each.get("Condition", ""), False) for each in bodies)
    return count
