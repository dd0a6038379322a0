"""CloudFormation's intrinsic functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from banyan_tools.local.errors import StackError

NO_VALUE = object()
PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)}")


class Intrinsics:
    """Evaluates intrinsic functions in a transformed template.

    Parameters
    ----------
    refs : Callable[[str], Any]
        What ``Ref`` gives for a parameter or a resource.
    attributes : Callable[[str, str], Any]
        What ``Fn::GetAtt`` gives for a logical id and an attribute.
    conditions, mappings : Mapping[str, Any]
        The template's sections of these names.
    """

    def __init__(
        self,
        refs: Callable[[str], Any],
        attributes: Callable[[str, str], Any],
        conditions: Mapping[str, Any],
        mappings: Mapping[str, Any],
    ) -> None:
        self._refs = refs
        self._attributes = attributes
        self._conditions = conditions
        self._mappings = mappings
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::And": lambda operands: all(self._holds(operand) for operand in operands),
            "Fn::Equals": lambda sides: self._text(sides[0]) == self._text(sides[1]),
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": lambda parts: parts[0].join(map(str, self.resolve(parts[1]))),
            "Fn::Not": lambda operands: not self._holds(operands[0]),
            "Fn::Or": lambda operands: any(self._holds(operand) for operand in operands),
            "Fn::Select": lambda parts: self.resolve(parts[1])[int(self.resolve(parts[0]))],
            "Fn::Split": lambda parts: self._text(parts[1]).split(parts[0]),
            "Fn::Sub": self._sub,
        }

    def resolve(self, value: Any) -> Any:
        """Return the value with every intrinsic function in it evaluated and ``AWS::NoValue`` left out.

        Raises
        ------
        StackError
            A function that the local stack does not know, or one used wrongly.
        """
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (name := next(iter(value))) and (name == "Ref" or name.startswith("Fn::")):
            return self._call(name, value[name])
        resolved = ((key, self.resolve(item)) for key, item in value.items())
        return {key: item for key, item in resolved if item is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """Tell whether a condition of the template holds.

        Raises
        ------
        StackError
            The template has no such condition.
        """
        if name not in self._conditions:
            raise StackError(f"The template names the condition {name} but does not define it.")
        return self._holds(self._conditions[name])

    def _call(self, name: str, argument: Any) -> Any:
        if name not in self._functions:
            raise StackError(f"The local stack does not support the intrinsic function {name}.")
        try:
            return self._functions[name](argument)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise StackError(f"The template uses {name} wrongly: {argument!r}.") from error

    def _ref(self, name: str) -> Any:
        return NO_VALUE if name == "AWS::NoValue" else self._refs(name)

    def _get_att(self, argument: Any) -> Any:
        logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._attributes(logical_id, attribute)

    def _if(self, argument: Any) -> Any:
        name, then, otherwise = argument
        return self.resolve(then if self.condition(name) else otherwise)

    def _find_in_map(self, argument: Any) -> Any:
        table, first, second = map(self.resolve, argument)
        return self._mappings[table][first][second]

    def _sub(self, argument: Any) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        local = self.resolve(given)

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in local:
                return str(local[name])
            return str(self._get_att(name) if "." in name else self._ref(name))

        return PLACEHOLDER.sub(replace, text)

    def _text(self, value: Any) -> str:
        return str(self.resolve(value))

    def _holds(self, operand: Any) -> bool:
        if isinstance(operand, dict) and "Condition" in operand:
            return self.condition(operand["Condition"])
        return self._text(operand).lower() == "true"
