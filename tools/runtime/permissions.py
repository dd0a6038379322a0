"""What a function's role lets it do on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tools.local.physical import ACCOUNT, REGION
from tools.local.template import Resource, Template

TABLES = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
TRANSACTED = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}


@dataclass(frozen=True)
class Need:
    """An action on a table or an index, as IAM names them."""

    action: str
    resource: str


class Role:
    """The statements of a role that allow something.

    Parameters
    ----------
    resource : Resource
        An ``AWS::IAM::Role``.

    Attributes
    ----------
    allowed : list[tuple[str, str]]
        Actions and resources, either with wildcards.
    """

    def __init__(self, resource: Resource) -> None:
        policies = resource.properties["Policies"]
        statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
        self.allowed = [
            (action, target)
            for statement in statements
            if statement["Effect"] == "Allow"
            for action in as_list(statement["Action"])
            for target in as_list(statement["Resource"])
        ]

    def missing(self, operation: str, request: Mapping[str, Any]) -> list[Need]:
        """Return what the role does not allow of a DynamoDB request."""
        return [need for need in needs(operation, request) if not self._allows(need)]

    def _allows(self, need: Need) -> bool:
        return any(fnmatchcase(need.action, a) and fnmatchcase(need.resource, r) for a, r in self.allowed)


def role_of(template: Template, function: Resource) -> Role:
    """Return the role a function runs under."""
    return next(Role(role) for role in template.resources("AWS::IAM::Role") if role.arn == function.properties["Role"])


def needs(operation: str, request: Mapping[str, Any]) -> Iterator[Need]:
    """Return what IAM asks for before DynamoDB runs a request; transactions are asked for by their parts.

    Parameters
    ----------
    operation : str
        For example ``PutItem``.
    request : Mapping
        Its parameters.
    """
    if operation.startswith("Transact"):
        for item in request["TransactItems"]:
            for kind, part in item.items():
                yield Need(f"dynamodb:{TRANSACTED[kind]}", TABLES + part["TableName"])
    elif operation.startswith("Batch"):
        for table in request["RequestItems"]:
            yield Need(f"dynamodb:{operation}", TABLES + table)
    else:
        index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
        yield Need(f"dynamodb:{operation}", TABLES + request["TableName"] + index)


def as_list(value: Any) -> list[str]:
    """Return one text, or a list of them, as a list."""
    return [value] if isinstance(value, str) else list(value)
