"""Writes ``docs/settings.md`` from the settings model and the template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic.alias_generators import to_pascal

from banyan.adapters.settings import LOCAL_ONLY, PREFIX, Settings
from banyan_tools.local.template import read
from banyan_tools.project import ROOT

PAGE: Final = ROOT / "docs" / "settings.md"
TEMPLATE: Final = ROOT / "template.yaml"

INTRODUCTION: Final = """\
# Settings

Every tunable is a field of `banyan.adapters.settings.Settings`, a parameter of `template.yaml` and an environment
variable of the functions, with one default. This page is written by `make settings`.

On the local stack: `make run PARAMETERS="PaymentDeadlineMinutes=1 MaxRetries=5"`. On AWS: `sam deploy --guided` asks
for each, `--parameter-overrides` takes some.

| parameter | variable | default | |
|---|---|---|---|
"""
OF_THE_STACK: Final = """
## Of the stack alone

These parameters shape what CloudFormation creates; the functions do not read them as settings.

| parameter | default | |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return INTRODUCTION + "".join(_rows()) + OF_THE_STACK + "".join(_rows_of_the_stack())


def _rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        parameter = "on one machine only" if name in LOCAL_ONLY else f"`{to_pascal(name)}`"
        yield f"| {parameter} | `{PREFIX}{name.upper()}` | `{_text(field.default)}` | {field.description} |\n"


def _rows_of_the_stack() -> Iterator[str]:
    settings = {to_pascal(name) for name in Settings.model_fields}
    for name, declared in read(TEMPLATE)["Parameters"].items():
        if name not in settings:
            yield f"| `{name}` | `{declared['Default']}` | {declared['Description']}. |\n"


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page())
