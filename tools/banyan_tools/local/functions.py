"""The template's functions, run in this process."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from banyan.once import once
from banyan_tools.local.context import LambdaContext
from banyan_tools.local.environment import Variables, own_environment
from banyan_tools.local.errors import StackError
from banyan_tools.local.handlers import Handler, handler_file, load_handler
from banyan_tools.local.lineage import belonging_to, invoked, running
from banyan_tools.local.log_filter import EVERYTHING, application_level
from banyan_tools.local.template import Resource, Template

DEFAULT_TIMEOUT_SECONDS = 3
DEFAULT_MEMORY_MB = 128
LARGEST_PAYLOAD_BYTES = 6 * 1024 * 1024
"""Of an event, and of an answer."""


class FunctionFailed(Exception):
    """A function raised, or answered what is not JSON. Its log holds the traceback."""


class FunctionTimedOut(FunctionFailed):
    """A function took longer than its timeout, or than its caller waits.

    Parameters
    ----------
    answer : Future
        Is done when the invocation, which continues in the background, has ended.
    """

    def __init__(self, reason: str, answer: Future[str]) -> None:
        super().__init__(reason)
        self.answer = answer


class EventTooLarge(FunctionFailed):
    """An event is larger than Lambda takes."""


class Invocable(Protocol):
    """What events are delivered to."""

    logical_id: str
    arn: str
    role: str
    may_loop: bool

    def invoke(self, event: Any) -> Any:
        """Return the answer to an event; raise `FunctionFailed` without one."""


class Loaded(NamedTuple):
    """A handler, and the environment that it shares with what its module did as it was imported."""

    handler: Handler
    environ: Variables


class Function:
    """One function of the template.

    While it runs, its code finds its own variables in ``os.environ``, and those of no other function.

    Parameters
    ----------
    resource : Resource
        An ``AWS::Lambda::Function``.
    root : Path
        The folder its code folder is relative to.

    Raises
    ------
    StackError
        The code folder holds no such handler.
    """

    def __init__(self, resource: Resource, root: Path) -> None:
        properties = resource.properties
        self.logical_id = resource.logical_id
        self.name = resource.name
        self.arn = resource.arn
        self.role = str(properties.get("Role", ""))
        self.timeout = float(properties.get("Timeout", DEFAULT_TIMEOUT_SECONDS))
        self.may_loop = properties.get("RecursiveLoop") == "Allow"
        self._level = str(properties.get("LoggingConfig", {}).get("ApplicationLogLevel", EVERYTHING))
        self._memory = int(properties.get("MemorySize", DEFAULT_MEMORY_MB))
        self.variables = self._variables(properties.get("Environment", {}).get("Variables", {}))
        self.folder = (root / properties["Code"]["S3Key"]).resolve()
        self._handler_name: str = properties["Handler"]
        handler_file(self.folder, self._handler_name)
        self._loaded: Callable[[], Loaded] = once(self.imported)

    def load(self) -> None:
        """Import the handler. Raises ``StackError``."""
        self.use(self.imported())

    def use(self, loaded: Loaded) -> None:
        """Let a handler answer from now on; invocations that have begun end with the one before."""
        self._loaded = lambda: loaded

    def imported(self) -> Loaded:
        """Import the handler, in an environment as it is deployed.

        Raises
        ------
        StackError
            It cannot be imported; the traceback stands in the function's log.
        """
        environ: Variables = dict(self.variables)
        try:
            with own_environment(environ):
                return Loaded(load_handler(self.folder, self._handler_name), environ)
        except Exception as error:
            traceback.print_exc()
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise StackError(f"The function {self.logical_id} cannot be imported: {reason}.") from error

    def invoke(self, event: Any, patience: float = inf) -> Any:
        """Return the function's answer to an event; both go through JSON, as Lambda's do.

        Parameters
        ----------
        patience : float, optional
            Seconds that the caller waits, where that is less than the function may take.

        Raises
        ------
        EventTooLarge
        FunctionTimedOut
            It took too long. It continues in the background, since a thread cannot be ended.
        FunctionFailed
            It raised, or its answer is not JSON or too large.
        """
        text, timeout = json.dumps(event), min(self.timeout, patience)
        if len(text) > LARGEST_PAYLOAD_BYTES:
            raise EventTooLarge(f"an event of {len(text)} bytes is larger than Lambda takes")
        context = LambdaContext(self.name, self.arn, self._memory, self.timeout)
        answer: Future[str] = Future()
        arguments = (self._run, answer, text, context)
        with belonging_to(running.get() or invoked(self.logical_id, ())):
            threading.Thread(target=copy_context().run, args=arguments, name=self.name, daemon=True).start()
        try:
            return json.loads(answer.result(timeout))
        except TimeoutError:
            raise FunctionTimedOut(f"no answer within {timeout:g} s", answer) from None

    def _run(self, answer: Future[str], event: str, context: LambdaContext) -> None:
        application_level.set(self._level)
        try:
            loaded = self._loaded()
            with own_environment(loaded.environ):
                text = json.dumps(loaded.handler(json.loads(event), context))
            if len(text) > LARGEST_PAYLOAD_BYTES:
                raise FunctionFailed(f"an answer of {len(text)} bytes is larger than Lambda lets through")
            answer.set_result(text)
        except FunctionFailed as error:
            answer.set_exception(error)
        except BaseException as error:
            traceback.print_exc()
            answer.set_exception(FunctionFailed(type(error).__name__))

    def _variables(self, given: dict[str, Any]) -> dict[str, str]:
        own = {"AWS_LAMBDA_FUNCTION_NAME": self.name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self._memory)}
        return own | {name: str(value) for name, value in given.items()}


class Functions:
    """Every function of a template, found by logical id, name or ARN."""

    def __init__(self, template: Template) -> None:
        self.all = template.build("AWS::Lambda::Function", lambda resource: Function(resource, template.root))
        self._by_name = {
            name: function for function in self.all for name in (function.logical_id, function.name, function.arn)
        }

    def find(self, name: str) -> Function | None:
        """Return the function of this logical id, name or ARN."""
        return self._by_name.get(name)

    def get(self, name: str) -> Function:
        """Return the function of this logical id, name or ARN.

        Raises
        ------
        StackError
            The template has no such function.
        """
        if function := self.find(name):
            return function
        raise StackError(f"The template invokes {name}, which is none of its functions.")
