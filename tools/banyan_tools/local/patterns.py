"""EventBridge patterns, as event source mappings filter with them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from banyan_tools.local.errors import StackError

Matcher = Callable[[Any], bool]
MISSING = object()
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compile_pattern(pattern: Mapping[str, Any]) -> Matcher:
    """Return a function that says whether an event matches a pattern.

    Raises
    ------
    StackError
        The pattern uses an operator that the local stack does not know.
    """
    fields = [compile_field(name, expected) for name, expected in pattern.items()]
    return lambda event: isinstance(event, Mapping) and all(field(event) for field in fields)


def compile_field(name: str, expected: Any) -> Matcher:
    """Return a function that says whether one field of an object is as a pattern expects."""
    if name == "$or":
        return any_of([compile_pattern(branch) for branch in expected])
    matches = any_element(compile_pattern(expected)) if isinstance(expected, Mapping) else compile_leaf(expected)
    return lambda event: matches(event.get(name, MISSING))


def compile_leaf(expected: Any) -> Matcher:
    """Return a function that says whether a value, or an element of it, meets one of the conditions."""
    if not isinstance(expected, list):
        raise StackError(f"A filter pattern needs a list of values, not {expected!r}.")
    conditions = [compile_condition(condition) for condition in expected]
    return any_of(conditions)


def compile_condition(condition: Any) -> Matcher:
    """Return a function that says whether a value meets one condition."""
    if not isinstance(condition, Mapping):
        return any_element(lambda value: same(value, condition))
    ((name, argument),) = condition.items()
    if name == "exists":
        return lambda value: (value is not MISSING and not isinstance(value, Mapping)) is argument
    if name == "anything-but":
        unwanted = compile_unwanted(argument)
        return lambda value: value is not MISSING and not unwanted(value)
    if name not in OPERATORS:
        raise StackError(f"The local stack does not know the filter operator {name!r}.")
    return any_element(OPERATORS[name](argument))


def compile_unwanted(argument: Any) -> Matcher:
    """Return a function that says whether a value is one that ``anything-but`` excludes."""
    return compile_leaf(argument if isinstance(argument, list) else [argument])


def compile_numeric(argument: list[Any]) -> Matcher:
    """Return a function that compares numbers, for example with ``[">", 0, "<=", 5]``."""
    bounds = [(COMPARISONS[sign], bound) for sign, bound in zip(argument[::2], argument[1::2], strict=True)]
    return lambda value: is_number(value) and all(holds(value, bound) for holds, bound in bounds)


def compile_text(test: Callable[[str, str], bool]) -> Callable[[Any], Matcher]:
    """Return an operator on text; its argument may itself say ``equals-ignore-case``."""

    def operator_on_text(argument: Any) -> Matcher:
        if not isinstance(argument, Mapping):
            return lambda value: isinstance(value, str) and test(value, argument)
        folded = argument["equals-ignore-case"].casefold()
        return lambda value: isinstance(value, str) and test(value.casefold(), folded)

    return operator_on_text


OPERATORS: dict[str, Callable[[Any], Matcher]] = {
    "equals-ignore-case": lambda text: compile_text(str.__eq__)({"equals-ignore-case": text}),
    "numeric": compile_numeric,
    "prefix": compile_text(str.startswith),
    "suffix": compile_text(str.endswith),
}


def everything(_: Any) -> bool:
    """Match any value."""
    return True


def any_of(matchers: list[Matcher]) -> Matcher:
    """Return a function that says whether one of the matchers holds."""
    return lambda value: any(matches(value) for matches in matchers)


def any_element(matches: Matcher) -> Matcher:
    """Return a function that tries a list element by element, and anything else as a whole."""
    return lambda value: any(map(matches, value)) if isinstance(value, list) else matches(value)


def same(value: Any, expected: Any) -> bool:
    """Tell whether two JSON values are equal; 1 is not true."""
    return value is not MISSING and value == expected and isinstance(value, bool) == isinstance(expected, bool)


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
