"""What every function has in common."""

from __future__ import annotations

import pytest
from tools.local.handlers import handler_file
from tools.local.template import Resource, Template
from tools.runtime.emulator import ROOT
from tools.runtime.sandbox import folder_name


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


def test_every_function_is_traced_and_logs_json(functions: list[Resource]) -> None:
    assert {f.properties["TracingConfig"]["Mode"] for f in functions} == {"Active"}
    assert {f.properties["LoggingConfig"]["LogFormat"] for f in functions} == {"JSON"}
