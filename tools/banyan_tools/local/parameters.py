"""What CloudFormation checks of a parameter before it creates anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from banyan_tools.local.errors import StackError


def check_parameter(name: str, declared: Mapping[str, Any], value: Any) -> None:
    """Refuse a value that its declaration does not allow; of a list, each item is checked.

    Raises
    ------
    StackError
        Naming the parameter, its value and the rule.
    """
    for item in value if isinstance(value, list) else [value]:
        for rule in broken(declared, item):
            shown = "" if declared.get("NoEcho") else f" {item!r}"
            raise StackError(f"The parameter {name} may not be{shown}: {rule}.")


def broken(declared: Mapping[str, Any], value: str) -> Iterator[str]:
    """Yield each rule of a declaration that a value breaks."""
    allowed = [str(each) for each in declared.get("AllowedValues", ())]
    if allowed and value not in allowed:
        yield f"it is one of {', '.join(allowed)}"
    if (pattern := declared.get("AllowedPattern")) and not re.fullmatch(pattern, value):
        yield str(declared.get("ConstraintDescription", f"it has to match {pattern}"))
    if not int(declared.get("MinLength", 0)) <= len(value) <= int(declared.get("MaxLength", len(value))):
        yield "it is too short or too long"
    if declared["Type"] == "Number":
        yield from broken_bounds(declared, value)


def broken_bounds(declared: Mapping[str, Any], value: str) -> Iterator[str]:
    """Yield what a number breaks."""
    try:
        number = float(value)
    except ValueError:
        yield "it is a number"
        return
    if number < float(declared.get("MinValue", number)):
        yield f"it is at least {declared['MinValue']}"
    if number > float(declared.get("MaxValue", number)):
        yield f"it is at most {declared['MaxValue']}"
