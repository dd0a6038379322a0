"""What every function has in common."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from tests.infrastructure.conftest import INGESTING

from banyan_tools.local.handlers import handler_file
from banyan_tools.local.template import Resource, Template
from banyan_tools.project import ROOT
from banyan_tools.runtime.sandbox import folder_name, load_template

LEAKS = re.compile(r"log_event=|inject_lambda_context|set_stream_logger|logging\.DEBUG|basicConfig|\bprint\(|exc_info=")
"""What writes an event, a request or an error's text into a log."""


@pytest.fixture(scope="module")
def layers(template: Template) -> list[Resource]:
    """Every layer."""
    return template.resources("AWS::Lambda::LayerVersion")


def test_every_folder_of_functions_is_in_the_template_with_its_handler(functions: list[Resource]) -> None:
    assert {folder_name(f) for f in functions} == {path.parent.name for path in ROOT.glob("functions/*/app.py")}
    for function in functions:
        assert handler_file(ROOT / function.properties["Code"]["S3Key"], function.properties["Handler"]).is_file()


def test_functions_and_layers_are_made_for_the_same_runtime(functions: list[Resource], layers: list[Resource]) -> None:
    assert {f.properties["Runtime"] for f in functions} == {"python3.13"}
    assert {tuple(f.properties["Architectures"]) for f in functions} == {("arm64",)}
    assert {tuple(layer.properties["CompatibleRuntimes"]) for layer in layers} == {("python3.13",)}
    assert {tuple(layer.properties["CompatibleArchitectures"]) for layer in layers} == {("arm64",)}


def test_every_function_stands_on_both_layers(functions: list[Resource], layers: list[Resource]) -> None:
    assert {layer.properties["Content"]["S3Key"] for layer in layers} == {"layers/banyan/", "layers/domains/"}
    assert {tuple(f.properties["Layers"]) for f in functions} == {tuple(layer.ref for layer in layers)}


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARN", "ERROR"])
def test_lambda_drops_no_line_below_info_and_the_function_filters_itself(level: str) -> None:
    for function in load_template(LogLevel=level).resources("AWS::Lambda::Function"):
        logging, variables = function.properties["LoggingConfig"], function.properties["Environment"]["Variables"]
        assert (logging["ApplicationLogLevel"], logging["SystemLogLevel"]) == ("INFO", "INFO")
        assert variables["POWERTOOLS_LOG_LEVEL"] == level


def test_no_deployment_asks_for_more_than_info(written: dict[str, Any]) -> None:
    deployments = tomllib.loads((ROOT / "samconfig.toml").read_text())
    asked = [part.get("deploy", {}).get("parameters", {}) for part in deployments.values() if isinstance(part, dict)]
    overrides = dict(given.split("=", 1) for part in asked for given in part.get("parameter_overrides", []))
    assert overrides.get("LogLevel", "INFO") == written["Parameters"]["LogLevel"]["Default"] == "INFO"


def test_nothing_in_the_template_makes_powertools_log_events(functions: list[Resource]) -> None:
    talkative = {"POWERTOOLS_DEBUG", "POWERTOOLS_DEV", "POWERTOOLS_LOGGER_LOG_EVENT", "POWERTOOLS_TRACER_CAPTURE_ERROR"}
    assert not [f.logical_id for f in functions if talkative & f.properties["Environment"]["Variables"].keys()]
    deployed = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    deployed = [file for file in deployed if "tools" not in file.parts[len(ROOT.parts) :]]
    assert not [file for file in deployed if LEAKS.search(file.read_text())]


@pytest.mark.parametrize("tracing", ["xray", "otlp"])
def test_opentelemetry_is_deployed_only_where_functions_are_traced(functions: list[Resource], tracing: str) -> None:
    template = load_template(Tracing=tracing, **INGESTING)
    traced = template.resources("AWS::Lambda::Function")
    (layer,) = [
        found.ref
        for found in template.resources("AWS::Lambda::LayerVersion")
        if found.properties["Content"]["S3Key"] == "layers/tracing/"
    ]
    assert [[*f.properties["Layers"], layer] for f in functions] == [f.properties["Layers"] for f in traced]
    assert {f.properties["TracingConfig"]["Mode"] for f in [*functions, *traced]} == {"PassThrough"}


def test_every_function_logs_json(functions: list[Resource]) -> None:
    assert {f.properties["LoggingConfig"]["LogFormat"] for f in functions} == {"JSON"}
