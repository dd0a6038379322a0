"""Template and settings: every tunable has one default, one range and one name, told to every function."""

from __future__ import annotations

import tomllib
from typing import Any, get_args

import pytest
from annotated_types import Ge, Le

from banyan.adapters.settings import LOCAL_ONLY, PREFIX, Settings
from banyan_tools.local.template import Resource
from banyan_tools.project import ROOT
from banyan_tools.runtime.sandbox import load_template

FIELDS = {name: field for name, field in Settings.model_fields.items() if name not in LOCAL_ONLY}
OF_THE_STACK = {
    "AlarmEmail",
    "Alarms",
    "CatchUpSilenceHours",
    "CommandConcurrency",
    "QueryConcurrency",
    "RowMarks",
    "QueryThrottleBurst",
    "QueryThrottleRate",
    "ReconciliationSilenceHours",
    "ArchiveLockDays",
    "ClaimDays",
    "DeletionProtection",
    "IngestBatchSize",
    "IngestParallelization",
    "IngestRecordAgeSeconds",
    "IngestStream",
    "IngestWindowSeconds",
    "IteratorAgeLimitMs",
    "JwtAudience",
    "LogLevel",
    "LogRetentionDays",
    "SnapStart",
    "Stage",
    "ThrottleBurst",
    "ThrottleRate",
}


def camel(field: str) -> str:
    """Name of a field as a parameter."""
    return "".join(word.capitalize() for word in field.split("_"))


def limits(field: str) -> dict[str, Any]:
    """Range of a field as a parameter's properties."""
    found: dict[str, Any] = {}
    for rule in FIELDS[field].metadata:
        if isinstance(rule, Ge):
            found["MinValue"] = rule.ge
        if isinstance(rule, Le):
            found["MaxValue"] = rule.le
    return found


def of_domains(written: dict[str, Any]) -> set[str]:
    """The parameters that are settings of domains, which their own tests know."""
    groups = written["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    (group,) = (group for group in groups if "Domain" in group["Parameters"])
    return {*group["Parameters"]} - {"Domain"}


def variables_of_domains(written: dict[str, Any]) -> set[str]:
    """Where functions read them."""
    variables = written["Globals"]["Function"]["Environment"]["Variables"]
    wanted = of_domains(written)
    return {name for name, value in variables.items() if isinstance(value, dict) and value.get("Ref") in wanted}


def test_there_is_a_parameter_for_every_setting_and_for_nothing_unknown(written: dict[str, Any]) -> None:
    assert written["Parameters"].keys() == {camel(field) for field in FIELDS} | OF_THE_STACK | of_domains(written)


def test_every_function_reads_the_defaults_of_the_settings(functions: list[Resource], written: dict[str, Any]) -> None:
    for function in functions:
        variables = {name: str(value) for name, value in function.properties["Environment"]["Variables"].items()}
        ours = {PREFIX + field.upper() for field in FIELDS}
        assert {name for name in variables if name.startswith(PREFIX)} == ours | variables_of_domains(written)
        assert Settings.from_env(variables) == Settings(domain=written["Parameters"]["Domain"]["Default"])


@pytest.mark.parametrize("field", FIELDS)
def test_a_setting_is_reported_under_its_name_and_bounded_alike(written: dict[str, Any], field: str) -> None:
    parameter = written["Parameters"][camel(field)]
    value = written["Globals"]["Function"]["Environment"]["Variables"][PREFIX + field.upper()]
    ref = {"Ref": camel(field)}
    assert value == ({"Fn::Join": [",", ref]} if parameter["Type"] == "CommaDelimitedList" else ref)
    assert {name: parameter[name] for name in ("MinValue", "MaxValue") if name in parameter} == limits(field)
    assert parameter.get("AllowedValues", []) == list(get_args(FIELDS[field].annotation) if is_choice(field) else ())


def is_choice(field: str) -> bool:
    """Whether a field takes one of a few texts."""
    return all(isinstance(value, str) for value in get_args(FIELDS[field].annotation))


def test_every_parameter_is_shown_in_a_group_and_says_what_it_is(written: dict[str, Any]) -> None:
    groups = written["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(written["Parameters"])
    assert all(parameter["Description"] for parameter in written["Parameters"].values())
    assert all("Default" in parameter for parameter in written["Parameters"].values())


def test_every_deployment_gives_parameters_that_there_are(written: dict[str, Any]) -> None:
    deployments = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for deployment in (found for found in deployments.values() if isinstance(found, dict)):
        given = dict(each.split("=", 1) for each in deployment["deploy"]["parameters"]["parameter_overrides"])
        assert given.keys() <= written["Parameters"].keys()
        assert load_template(**given).parameters == written["Parameters"].keys()
