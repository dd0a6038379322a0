"""Writes ``docs/settings.md`` from the settings model and the template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.alias_generators import to_pascal

from banyan.adapters.settings import LOCAL_ONLY, PREFIX, Settings
from banyan.domain import Domain, load_domain
from banyan_tools.local.template import read
from banyan_tools.project import ROOT

PAGE: Final = ROOT / "docs" / "settings.md"
TEMPLATE: Final = ROOT / "template.yaml"

INTRODUCTION: Final = """\
# Settings

Every tunable is a field of `banyan.adapters.settings.Settings`, a parameter of `template.yaml` and an environment
variable of the functions, with one default. This page is written by `make settings`.

On the local stack: `make run PARAMETERS="CacheSize=0 MaxRetries=5"`. On AWS: `sam deploy --guided` asks
for each, `--parameter-overrides` takes some.

| parameter | variable | default | |
|---|---|---|---|
"""
MEMBER: Final = ".member"
OF_DOMAINS: Final = """
## Of the domains

What the domains in `layers/domains` declare as their `settings`, read and checked in the same way. `DomainSettings`
gives any of them without a change of the template, and comes before a parameter of their own. For a setting
`limits` that has members, and one more: `DomainSettings=limits.EUR=10000,limits.USD=12000,other=5`.

| domain | parameter | variable | default | |
|---|---|---|---|---|
"""
OF_THE_STACK: Final = """
## Of the stack alone

These parameters shape what CloudFormation creates; the functions do not read them as settings.

| parameter | default | |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return "".join([INTRODUCTION, *_rows(), OF_DOMAINS, *_rows_of_domains(), OF_THE_STACK, *_rows_of_the_stack()])


def _rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        parameter = "on one machine only" if name in LOCAL_ONLY else f"`{to_pascal(name)}`"
        yield f"| {parameter} | `{PREFIX}{name.upper()}` | `{_text(field.default)}` | {field.description} |\n"


def _domains() -> Sequence[Domain]:
    return [load_domain(file.parent.name) for file in sorted((ROOT / "layers" / "domains").glob("*/__init__.py"))]


def _rows_of_domains() -> Iterator[str]:
    parameters = read(TEMPLATE)["Parameters"]
    for domain in _domains():
        for name, field in domain.settings.model_fields.items():
            default = field.get_default(call_default_factory=True)
            own = (
                to_pascal(name)
                if to_pascal(name) in parameters
                else f"DomainSettings={name}{MEMBER * isinstance(default, dict)}=…"
            )
            variable = "–" if isinstance(default, dict) else f"`{PREFIX}{name.upper()}`"
            yield f"| `{domain.name}` | `{own}` | {variable} | `{_text(default)}` | {field.description} |\n"


def _rows_of_the_stack() -> Iterator[str]:
    declared_by: list[type[BaseModel]] = [Settings, *(domain.settings for domain in _domains())]
    settings = {to_pascal(name) for model in declared_by for name in model.model_fields}
    for name, declared in read(TEMPLATE)["Parameters"].items():
        if name not in settings:
            yield f"| `{name}` | `{declared['Default']}` | {declared['Description']}. |\n"


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page())
