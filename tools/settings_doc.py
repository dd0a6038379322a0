"""Writes ``docs/settings.md`` from the settings model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic.alias_generators import to_pascal

from banyan.aws.settings import PREFIX, Settings

PAGE: Final = Path(__file__).parent.parent / "docs" / "settings.md"

INTRODUCTION: Final = """\
# Settings

Every tunable is a field of `banyan.aws.settings.Settings`, a parameter of `template.yaml` and an environment variable
of the functions, with one default. This page is written by `make settings`.

On the local stack: `make run PARAMETERS="PaymentDeadlineMinutes=1 MaxRetries=5"`. On AWS: `sam deploy --guided` asks
for each, `--parameter-overrides` takes some.

| parameter | variable | default | |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return INTRODUCTION + "".join(_rows())


def _rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        yield f"| `{to_pascal(name)}` | `{PREFIX}{name.upper()}` | `{_text(field.default)}` | {field.description} |\n"


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page())
