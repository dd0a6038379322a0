"""Lints the template as CloudFormation gets it: python -m banyan_tools.runtime.lint."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from banyan_tools.local.engine import ISOLATION
from banyan_tools.local.environment import environment
from banyan_tools.local.physical import REGION
from banyan_tools.local.template import parameter_values, read, to_cloudformation
from banyan_tools.project import ROOT

TEMPLATE = ROOT / "template.yaml"
NESTED_BY_PATH = "W3002"


def findings(template: Path = TEMPLATE, parameters: Mapping[str, str] | None = None) -> list[str]:
    """Return what is wrong with a SAM template after its transform, which is where its ``Events`` can be checked."""
    return lint(json.dumps(transformed(template, parameters)))


def transformed(template: Path = TEMPLATE, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the CloudFormation template that a SAM template becomes.

    Parameters
    ----------
    parameters : Mapping[str, str], optional
        In place of the template's defaults.

    Raises
    ------
    StackError
        The transform refuses it.
    """
    document = read(template)
    with environment(ISOLATION):
        return to_cloudformation(document, parameter_values(document, parameters or {}))


def lint(text: str) -> list[str]:
    """Return what is wrong with a template."""
    from cfnlint.api import lint as cfn_lint  # type: ignore[import-untyped]

    matches = (match for match in cfn_lint(text, regions=[REGION]) if match.rule.id != NESTED_BY_PATH)
    return [f"{'/'.join(map(str, match.path or []))}: {match.message}" for match in matches]


def main() -> int:
    """Print what is wrong; 1 when anything is."""
    found = findings()
    for line in found:
        print(line, file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
