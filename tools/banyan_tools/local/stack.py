"""The local stack: everything the template describes, started in the order in which one needs the other."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path

from banyan_tools.local.authorizer import JwtAuthorizer, jwt_authorizer
from banyan_tools.local.checkpoints import Checkpoints
from banyan_tools.local.console import Console
from banyan_tools.local.domain import packages, served
from banyan_tools.local.door import Door
from banyan_tools.local.engine import OUTSIDE, Engine, engine
from banyan_tools.local.environment import environment, own_environments
from banyan_tools.local.errors import StackError
from banyan_tools.local.failures import Failures
from banyan_tools.local.functions import Functions
from banyan_tools.local.gateway import Gateway
from banyan_tools.local.handlers import file_of
from banyan_tools.local.invocations import ENDPOINT, PREFIX, Invocations
from banyan_tools.local.keeping import kept_tables
from banyan_tools.local.keys import AUDIENCE, ISSUER, local_key
from banyan_tools.local.kinesis_shards import numbering_after
from banyan_tools.local.layers import layers
from banyan_tools.local.limits import check_limits
from banyan_tools.local.log_filter import FilteredLog
from banyan_tools.local.mappings import KINESIS, Mapping, mappings
from banyan_tools.local.options import DOMAIN, Options
from banyan_tools.local.physical import STACK, attribute
from banyan_tools.local.ports import require_free
from banyan_tools.local.queues import QueueConsumer, counting_what_is_left
from banyan_tools.local.reloading import Reloading
from banyan_tools.local.routes import routes
from banyan_tools.local.schedules import Clockwork, Schedule, schedules
from banyan_tools.local.server import HOST, serving
from banyan_tools.local.services import create_services, create_streams
from banyan_tools.local.streams import StreamConsumer
from banyan_tools.local.tables import create_tables
from banyan_tools.local.template import Resource, Template
from banyan_tools.local.token import TENANT

TENANT_CLAIM = "BANYAN_TENANT_CLAIM"
FUNCTIONS_LOG = "functions.log"
LOCAL_PARAMETERS = {"JwtIssuer": ISSUER, "JwtAudience": AUDIENCE}
INGEST_PARAMETERS = {
    "IngestStream": attribute("AWS::Kinesis::Stream", f"{STACK}-ingest", "Arn"),
    "IngestTenant": TENANT,
}
"""Of a stack that serves a domain with ``ingest``."""
LEGACY_URL = "LegacyUrl"
"""Given like a parameter of the template, which has none of that name."""


class Stack(ExitStack):
    """What the template describes, running from ``start`` until the block is left.

    Leaving stops everything, the last started first: no request finds its function or its table gone.

    Raises
    ------
    StackError
        The template is not one the local stack can run; the message says why.
    """

    def __init__(self, options: Options, console: Console) -> None:
        super().__init__()
        self._options = options
        self._console = console
        self._stopping = threading.Event()
        self._read(LOCAL_PARAMETERS)
        self.folder = options.folder(self._template.defaults.get(DOMAIN, ""))
        if unknown := sorted(options.parameters.keys() - self._template.parameters):
            raise StackError(f"The template has no parameter {unknown[0]!r}: docs/settings.md lists them.")

    def _read(self, parameters: dict[str, str]) -> None:
        """Read the template, with parameters where the user gives none."""
        self._template = Template(self._options.template, parameters | self._options.parameters)
        check_limits(self._template)
        self._functions = Functions(self._template)
        self._routes = routes(self._template)
        self._mappings = [mapping for mapping in mappings(self._template) if self._feeds(mapping.function)]
        scheduled = [schedule for schedule in schedules(self._template) if self._feeds(schedule.target)]
        self._clockworks = [self._clockwork(schedule) for schedule in scheduled]

    def _local_settings(self) -> dict[str, str | None]:
        """Settings that functions take from this process, since the template must not know them."""
        given = self._options.parameters.get(LEGACY_URL)
        return {"BANYAN_LEGACY_URL": given} if given else {}

    def start(self) -> str:
        """Start everything and return the URL of the API.

        Raises
        ------
        StackError
            The port is taken, the domain or a function cannot be imported, or the engine cannot start.
        """
        require_free(self._options.port)
        self._redirect_output()
        self.enter_context(environment(self._local_settings()))
        self.enter_context(layers(self._template))
        self.enter_context(own_environments())
        self.domain = served(self._functions)
        if self.domain and self.domain.ingest:
            self._read(LOCAL_PARAMETERS | INGEST_PARAMETERS)
        for function in self._functions.all:
            function.load()
        self.enter_context(engine(self._options.engine, self.folder, self._console))
        self.enter_context(numbering_after(time.time_ns()))
        self.enter_context(environment({ENDPOINT: f"http://{HOST}:{self._options.port}{PREFIX}"}))
        create_tables(self._tables())
        names = [table.name for table in self._tables()]
        if self._options.keep and self._options.engine == Engine.MOTO:
            self.enter_context(kept_tables(self.folder / "kept", names, self._console))
        create_services(self._template)
        if self._options.engine != OUTSIDE:
            queues = [queue.name for queue in self._template.resources("AWS::SQS::Queue")]
            self.enter_context(counting_what_is_left(queues, self._console))
        create_streams(self.streams)
        consumers = [self._consumer(mapping) for mapping in self._mappings]
        changes = Reloading(self._code(), self._loaded_again, self._console)
        self.enter_context(changes.running(self._stopping))
        for worker in (*consumers, *self._clockworks):
            self.enter_context(worker.running())
        failures = Failures(self._code, self.folder / FUNCTIONS_LOG)
        gateway = Gateway(self._routes, self._authorizers(), self._functions, self._console, failures)
        invocations = Invocations(self._functions, self._console)
        door = Door(gateway, self._functions, consumers, names, self.streams, invocations)
        return self.enter_context(serving(door, self._options.port))

    @property
    def streams(self) -> list[str]:
        """Names of the Kinesis streams that mappings read."""
        return sorted({mapping.source for mapping in self._mappings if mapping.service == KINESIS})

    def _code(self) -> list[Path]:
        """Folders of the project's own code: of the domain, and of the functions."""
        modules = [sys.modules[name] for name in packages(self._functions)]
        return [*(Path(file_of(module)).parent for module in modules), *(each.folder for each in self._functions.all)]

    def _loaded_again(self) -> Callable[[], None]:
        """Import domain and handlers. Raises ``StackError``."""
        domain = served(self._functions)
        handlers = [(function, function.imported()) for function in self._functions.all]

        def use() -> None:
            self.domain = domain
            for function, handler in handlers:
                function.use(handler)

        return use

    def public_paths(self) -> list[str]:
        """Return the fixed paths that anyone may read."""
        public = [route for route in self._routes if route.authorizer is None and route.method == "GET"]
        return [route.path for route in public if "{" not in route.path]

    def _redirect_output(self) -> None:
        (self.folder / "dynamodb").mkdir(parents=True, exist_ok=True)
        log = self.enter_context((self.folder / FUNCTIONS_LOG).open("a", buffering=1))
        kept = self.enter_context(FilteredLog(log))
        self.enter_context(redirect_stdout(kept))
        self.enter_context(redirect_stderr(kept))

    def _tables(self) -> list[Resource]:
        return self._template.resources("AWS::DynamoDB::Table")

    def _consumer(self, mapping: Mapping) -> StreamConsumer | QueueConsumer:
        function = self._functions.get(mapping.function)
        if mapping.is_queue:
            return QueueConsumer(mapping, function, self._console, self._stopping)
        return StreamConsumer(mapping, function, self._checkpoints(mapping), self._console, self._stopping)

    def _checkpoints(self, mapping: Mapping) -> Checkpoints:
        is_kept = self._options.engine == OUTSIDE or (self._options.engine != "moto" and mapping.service != KINESIS)
        return Checkpoints(self.folder / "dynamodb" / f"{mapping.name}.json" if is_kept else None)

    def _feeds(self, function: str) -> bool:
        return self._options.feeds(self._functions.get(function).logical_id)

    def _clockwork(self, schedule: Schedule) -> Clockwork:
        return Clockwork(schedule, self._functions.get(schedule.target), self._console, self._stopping)

    def _authorizers(self) -> dict[str, JwtAuthorizer]:
        key = local_key(self._options.data).public_key()
        kind = "AWS::ApiGatewayV2::Authorizer"
        claims = {function.variables.get(TENANT_CLAIM, "") for function in self._functions.all}
        return dict(self._template.build(kind, lambda resource: (resource.ref, jwt_authorizer(resource, key, claims))))
