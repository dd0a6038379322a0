"""The template's tables with the project's seed in them, which is news to the reactor, and its functions."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import boto3

from banyan.adapters.dynamodb.gateway import Gateway
from banyan.adapters.dynamodb.views import DynamoDBViews
from banyan.projections.views import ViewUpdate
from banyan.reactions.base import REACTOR
from banyan.reactions.reactor import MARK
from banyan_tools.local.engine import ISOLATION
from banyan_tools.local.environment import environment
from banyan_tools.local.errors import StackError
from banyan_tools.local.layers import importable
from banyan_tools.local.services import create_services
from banyan_tools.local.tables import create_tables
from banyan_tools.local.template import Resource, Template
from banyan_tools.project import ROOT
from banyan_tools.runtime.backend import Backend
from banyan_tools.runtime.cases import seed
from banyan_tools.runtime.emulator import Emulator
from banyan_tools.runtime.guard import Guard
from banyan_tools.runtime.permissions import role_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Since when the reactor reacts: before anything that a seed holds."""


class Sandbox:
    """Runs the template's functions, each under its own role, on resources of their own; a context manager.

    Parameters
    ----------
    backend : Backend
        Without anything in it.
    domain : str
        Whose seed the tables hold; the template's own by default.
    """

    def __init__(self, template: Template, backend: Backend, domain: str = "") -> None:
        self._domain = domain
        self._template = template
        self._backend = backend
        self._running = ExitStack()
        self._emulators: dict[str, Emulator] = {}
        self._guards: dict[str, Guard] = {}
        self._functions = {folder_name(f): f for f in template.resources("AWS::Lambda::Function")}

    @cached_property
    def client(self) -> DynamoDBClient:
        """A DynamoDB client that may do anything."""
        with self._unguarded():
            return boto3.client("dynamodb")

    def service(self, name: str) -> Any:
        """Return a client of any service that may do anything."""
        with self._unguarded():
            return boto3.client(name)  # type: ignore[call-overload]

    def table(self, logical_id: str) -> str:
        """Return the name of a table."""
        tables = self._template.resources("AWS::DynamoDB::Table")
        return next(table.name for table in tables if table.logical_id == logical_id)

    def invoke(self, name: str, event: Any) -> Any:
        """Return a function's answer; it is started at its first invocation.

        Parameters
        ----------
        name : str
            Folder of the function, for example ``command_api``.

        Raises
        ------
        FunctionFailed
        StackError
            There is no such function.
        """
        return self.emulator(name).invoke(event)

    def started(self, name: str) -> list[Any]:
        """Return the events of the functions that a function has started so far."""
        return self._guards[name].started

    def emulator(self, name: str) -> Emulator:
        """Return a function's running emulator."""
        if name not in self._emulators:
            self._emulators[name] = self._running.enter_context(self._emulator(name))
        return self._emulators[name]

    def __enter__(self) -> Self:
        with self._unguarded():
            create_tables(self._template.resources("AWS::DynamoDB::Table"))
            create_services(self._template)
        for table, item in seed(self._domain):
            self.client.put_item(TableName=self.table(table), Item=item)
        cursors = DynamoDBViews(Gateway(self.client), "", self.table("CursorsTable"))
        cursors.update(REACTOR, [ViewUpdate(MARK, 0, 1, BEGINNING, ())], BEGINNING)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()
        for table in self._template.resources("AWS::DynamoDB::Table"):
            self.client.delete_table(TableName=table.name)
        self._backend.reset()

    def _unguarded(self) -> AbstractContextManager[None]:
        return environment({**ISOLATION, **self._backend.variables})

    def _emulator(self, name: str) -> Emulator:
        if name not in self._functions:
            raise StackError(f"There is no function {name}: choose one of {', '.join(self._functions)}.")
        function = self._functions[name]
        guard = self._guards[name] = self._running.enter_context(
            Guard(role_of(self._template, function), self._backend)
        )
        layers = self._template.resources("AWS::Lambda::LayerVersion")
        paths = [importable(self._template.root / layer.properties["Content"]["S3Key"]) for layer in layers]
        isolation = {name: value for name, value in ISOLATION.items() if value is not None}
        variables = {"AWS_ENDPOINT_URL": guard.endpoint, "PYTHONPATH": ":".join(paths)}
        return Emulator(function, self._template.root, isolation | variables)


def load_template(**parameters: str) -> Template:
    """Return ``template.yaml`` with some parameters' values instead of their defaults.

    Raises
    ------
    StackError
        It is not valid.
    """
    with environment(ISOLATION):
        return Template(ROOT / "template.yaml", parameters)


def folder_name(function: Resource) -> str:
    """Return the name of a function's code folder."""
    return Path(function.properties["Code"]["S3Key"]).name
