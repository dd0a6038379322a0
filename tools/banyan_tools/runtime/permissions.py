"""What a function's role lets it do."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from banyan_tools.local.template import Resource, Template
from banyan_tools.runtime.needs import Need


class Role:
    """The statements of a role that allow something.

    Parameters
    ----------
    resource : Resource
        An ``AWS::IAM::Role``.
    managed : Iterable[Resource]
        The template's managed policies, of which those that the role names count.

    Attributes
    ----------
    allowed : list[tuple[str, str]]
        Actions and resources, either with wildcards.
    """

    def __init__(self, resource: Resource, managed: Iterable[Resource] = ()) -> None:
        named = resource.properties.get("ManagedPolicyArns", [])
        policies = [*resource.properties["Policies"], *(each.properties for each in managed if each.ref in named)]
        statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
        self.allowed = [
            (action, target)
            for statement in statements
            if statement["Effect"] == "Allow"
            for action in as_list(statement["Action"])
            for target in as_list(statement["Resource"])
        ]

    def missing(self, needs: Iterable[Need]) -> list[Need]:
        """Return the needs that the role does not meet."""
        return [need for need in needs if not self._allows(need)]

    def _allows(self, need: Need) -> bool:
        return any(fnmatchcase(need.action, a) and fnmatchcase(need.resource, r) for a, r in self.allowed)


def role_of(template: Template, function: Resource) -> Role:
    """Return the role a function runs under."""
    roles, managed = template.resources("AWS::IAM::Role"), template.resources("AWS::IAM::ManagedPolicy")
    return next(Role(role, managed) for role in roles if role.arn == function.properties["Role"])


def as_list(value: Any) -> list[str]:
    """Return one text, or a list of them, as a list."""
    return [value] if isinstance(value, str) else list(value)
