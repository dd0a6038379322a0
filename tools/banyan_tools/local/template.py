"""``template.yaml`` as CloudFormation sees it: transformed, with its parameters and conditions applied."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from samtranslator.model.exceptions import InvalidDocumentException  # type: ignore[import-untyped]
from samtranslator.translator.transform import transform  # type: ignore[import-untyped]
from samtranslator.yaml_helper import intrinsics_multi_constructor  # type: ignore[import-untyped]

from banyan_tools.local import physical
from banyan_tools.local.environment import environment
from banyan_tools.local.errors import StackError
from banyan_tools.local.intrinsics import Intrinsics
from banyan_tools.local.parameters import check_parameter

logging.getLogger("samtranslator").setLevel(logging.ERROR)

T = TypeVar("T")
MISFITS = (AttributeError, KeyError, IndexError, TypeError, ValueError)
CODE_PROPERTIES = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


@dataclass(frozen=True)
class Resource:
    """A resource whose condition holds, with every intrinsic function in its properties evaluated."""

    logical_id: str
    kind: str
    name: str
    properties: dict[str, Any]

    @property
    def arn(self) -> str:
        return physical.attribute(self.kind, self.name, "Arn")

    @property
    def ref(self) -> str:
        return physical.reference(self.kind, self.name)


class Template:
    """The resources that a template creates.

    Parameters
    ----------
    path : Path
        A SAM template; its code folders are relative to where it stands.
    overrides : Mapping[str, str]
        Parameter values instead of the defaults; names that the template does not know are left out.

    Raises
    ------
    StackError
        The template cannot be read, is not valid, or lacks a parameter value.
    """

    def __init__(self, path: Path, overrides: Mapping[str, str]) -> None:
        document = read(path)
        self.root = path.parent
        self.defaults: dict[str, str] = {
            name: str(declared["Default"])
            for name, declared in document.get("Parameters", {}).items()
            if "Default" in declared
        }
        self._parameters = parameter_values(document, overrides)
        transformed = to_cloudformation(document, self._parameters)
        self._resources: dict[str, Any] = transformed["Resources"]
        self._intrinsics = Intrinsics(
            self._ref, self._attribute, transformed.get("Conditions", {}), transformed.get("Mappings", {})
        )

    @property
    def parameters(self) -> set[str]:
        """Names of all parameters."""
        return set(self._parameters)

    @property
    def kinds(self) -> set[str]:
        """Types of all resources."""
        return {str(body["Type"]) for body in self._resources.values()}

    def resources(self, kind: str) -> list[Resource]:
        """Return the resources of this type, in the template's order."""
        found = [(key, body) for key, body in self._resources.items() if body["Type"] == kind]
        return [self._resource(key, body) for key, body in found if self._exists(body)]

    def given_names(self, kind: str, stack: str) -> list[tuple[str, str]]:
        """Return the logical ids and names of the resources of a type that the template names itself.

        Parameters
        ----------
        stack : str
            Name of the stack, which may be a part of theirs.
        """
        field, found = physical.name_property(kind) or "Name", list[tuple[str, str]]()
        with patched_stack(stack):
            for logical_id, body in self._resources.items():
                given = body.get("Properties", {}).get(field)
                if body["Type"] == kind and self._exists(body) and given:
                    found.append((logical_id, str(self._intrinsics.resolve(given))))
        return found

    def build(self, kind: str, make: Callable[[Resource], T]) -> list[T]:
        """Return what is made of each resource of this type.

        Raises
        ------
        StackError
            A resource lacks a property, or has one that does not fit.
        """
        return [self._made(resource, make) for resource in self.resources(kind)]

    def _made(self, resource: Resource, make: Callable[[Resource], T]) -> T:
        try:
            return make(resource)
        except MISFITS as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise StackError(f"The local stack cannot run {resource.logical_id}: {reason}.") from error

    def _resource(self, logical_id: str, body: dict[str, Any]) -> Resource:
        properties = self._intrinsics.resolve(body.get("Properties", {}))
        return Resource(logical_id, body["Type"], self._name(logical_id), properties)

    def _exists(self, body: dict[str, Any]) -> bool:
        return "Condition" not in body or self._intrinsics.condition(body["Condition"])

    def _ref(self, name: str) -> Any:
        if name in self._parameters:
            return self._parameters[name]
        if name in physical.PSEUDO_PARAMETERS:
            return physical.PSEUDO_PARAMETERS[name]
        return physical.reference(self._kind(name), self._name(name))

    def _attribute(self, logical_id: str, attribute: str) -> str:
        return physical.attribute(self._kind(logical_id), self._name(logical_id), attribute)

    def _kind(self, logical_id: str) -> str:
        if logical_id not in self._resources:
            raise StackError(f"The template names {logical_id}, which is neither a parameter nor a resource.")
        return str(self._resources[logical_id]["Type"])

    def _name(self, logical_id: str) -> str:
        kind = self._kind(logical_id)
        given = self._resources[logical_id].get("Properties", {}).get(physical.name_property(kind))
        return str(self._intrinsics.resolve(given)) if given else physical.default_name(kind, logical_id)


@contextmanager
def patched_stack(name: str) -> Iterator[None]:
    """Let the stack have another name until the block is left."""
    before = physical.PSEUDO_PARAMETERS["AWS::StackName"]
    physical.PSEUDO_PARAMETERS["AWS::StackName"] = name
    try:
        yield
    finally:
        physical.PSEUDO_PARAMETERS["AWS::StackName"] = before


class Loader(yaml.CSafeLoader):
    """Reads YAML with the short forms of CloudFormation's functions, ten times as fast as in Python."""


Loader.add_multi_constructor("!", intrinsics_multi_constructor)


class NoManagedPolicies:
    """Stands in for IAM: the local stack has no permissions to look up."""

    def load(self) -> dict[str, str]:
        return {}


def read(path: Path) -> dict[str, Any]:
    """Return the template as it is written.

    Raises
    ------
    StackError
        There is no such file, or it is not a template.
    """
    try:
        document = yaml.load(path.read_text(), Loader)
    except FileNotFoundError:
        raise StackError(f"There is no template at {path}.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise StackError(f"{path} is not valid YAML: line {line}: {error.problem}.") from None
    if not isinstance(document, dict) or "Resources" not in document:
        raise StackError(f"{path} is not a SAM template: it has no Resources.")
    return document


def parameter_values(document: Mapping[str, Any], overrides: Mapping[str, str]) -> dict[str, Any]:
    """Return each parameter's value: text, or a list of texts for a ``CommaDelimitedList``.

    Raises
    ------
    StackError
        A parameter has neither a default nor a value, or a value that its declaration does not allow.
    """
    return {
        name: parameter_value(name, declared, overrides.get(name))
        for name, declared in document.get("Parameters", {}).items()
    }


def parameter_value(name: str, declared: Mapping[str, Any], given: str | None) -> Any:
    """Return one parameter's value; see `parameter_values`."""
    value = declared.get("Default") if given is None else given
    if value is None:
        raise StackError(f"The template's parameter {name} has no default: give it a value.")
    found = str(value).split(",") if declared["Type"] == "CommaDelimitedList" else str(value)
    check_parameter(name, declared, found)
    return found


def to_cloudformation(document: dict[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template after the SAM transform.

    Code folders come out as the key of an S3 object, because the transform accepts nothing else.

    Raises
    ------
    StackError
        The transform refuses the template; all its reasons are named.
    """
    for body in document["Resources"].values():
        disguise_folder(body.get("Properties", {}), CODE_PROPERTIES.get(body.get("Type", ""), ""))
    disguise_folder(document.get("Globals", {}).get("Function", {}), "CodeUri")
    try:
        with environment({"AWS_DEFAULT_REGION": physical.REGION, "AWS_PROFILE": None}):
            transformed: dict[str, Any] = transform(document, dict(parameters), NoManagedPolicies())
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise StackError(f"The template is not valid: {causes}") from None
    return transformed


def disguise_folder(properties: dict[str, Any], name: str) -> None:
    """Write a local code folder as an S3 address, in place."""
    if isinstance(properties.get(name), str):
        properties[name] = f"s3://local/{properties[name]}"
